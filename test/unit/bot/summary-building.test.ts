import { Life, MINUTE, SECOND } from "./life.ts";
import { describeSaid, holdingBack, waits } from "./said.ts";

const revoked = { kind: "credential_revoked", data: {} } as const;
const stage = { kind: "stage_reported", data: { stage: "openclaw", detail: null } } as const;

describeSaid("what a bot that is being built is, in words", [
  ["pending", "accepted", () => new Life().wait(3 * SECOND), "Waiting for its droplet for 3 s."],
  [
    "pending",
    "provider_quota",
    () => new Life().tell(waits("provider_quota")).wait(20 * MINUTE),
    "Waiting for its droplet for 20 min: DigitalOcean's limit of droplets is reached.",
  ],
  [
    "pending",
    "gate_unreachable",
    () => holdingBack(new Life().tell(waits("gate_unreachable"))),
    "Waiting for its droplet for 0 s: the fleet's request budget cannot be asked just now. The next try is in 10 min.",
  ],
  [
    "pending",
    "redeploy",
    () =>
      new Life()
        .online()
        .requested("redeploy")
        .gone()
        .recreating()
        .wait(5 * SECOND),
    "Waiting for its droplet for 5 s.",
  ],
  [
    "pending",
    "resume",
    () => new Life().paused().requested("resume").gone().recreating("droplet_gone"),
    "Waiting for its droplet for 0 s. It is being resumed.",
  ],

  ["provisioning", "create", () => new Life().posted(), "Being set up for 0 s: its droplet is being asked for."],
  [
    "provisioning",
    "create",
    () => new Life().posted().unanswered(),
    "Being set up for 0 s: whether its droplet was made is being looked up.",
  ],
  ["provisioning", "create", () => new Life().made().wait(SECOND), "Being set up for 1 s: its droplet is being made."],
  [
    "provisioning",
    "create",
    () =>
      new Life()
        .made()
        .read("active")
        .wait(5 * MINUTE),
    "Being set up for 5 min: its droplet boots, and its agent is awaited.",
  ],
  [
    "provisioning",
    "create",
    () => new Life().made().read("active").tell(stage),
    'Being set up for 0 s: its bootstrap has come to "openclaw".',
  ],
  [
    "provisioning",
    "create",
    () => new Life().made().read("active").registered(),
    "Being set up for 0 s: its agent is about to apply the config.",
  ],
  [
    "provisioning",
    "redeploy",
    () => new Life().online().requested("redeploy"),
    "Being set up for 0 s: its droplet is about to be replaced.",
  ],
  [
    "provisioning",
    "redeploy",
    () => new Life().online().requested("redeploy").tell(revoked),
    "Being set up for 0 s: its old droplet is being deleted.",
  ],
  [
    "provisioning",
    "provider_unauthorized",
    () => holdingBack(new Life().online().requested("redeploy").tell(revoked, waits("provider_unauthorized"))),
    "Being set up for 0 s: DigitalOcean does not take the fleet's token. The next try is in 10 min.",
  ],
  [
    "provisioning",
    "resume",
    () => new Life().paused().requested("resume").powered("power_on").read("active"),
    "Being set up for 0 s: its droplet boots, and its agent is awaited. It is being resumed.",
  ],
  [
    "provisioning",
    "destroy",
    () => new Life().made().requested("destroy"),
    "Being set up for 0 s. It is being destroyed.",
  ],
]);
