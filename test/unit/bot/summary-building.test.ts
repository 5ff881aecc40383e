import { Life, MINUTE, SECOND } from "./life.ts";
import { describeSaid, holdingBack, waits } from "./said.ts";

const revoked = { kind: "credential_revoked", data: {} } as const;
const stage = { kind: "stage_reported", data: { stage: "openclaw", detail: null } } as const;

describeSaid("what a bot that is being built is, in words", [
  ["pending", "accepted", () => new Life().wait(3 * SECOND), "Waiting for a droplet for 3 s."],
  [
    "pending",
    "provider_quota",
    () => new Life().tell(waits("provider_quota")).wait(20 * MINUTE),
    "Waiting for a droplet for 20 min: DigitalOcean's droplet limit is reached.",
  ],
  [
    "pending",
    "gate_unreachable",
    () => holdingBack(new Life().tell(waits("gate_unreachable"))),
    "Waiting for a droplet for 0 s: the request budget cannot be reached. Next attempt in 10 min.",
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
    "Waiting for a droplet for 5 s.",
  ],
  [
    "pending",
    "resume",
    () => new Life().paused().requested("resume").gone().recreating("droplet_gone"),
    "Waiting for a droplet for 0 s. Resuming.",
  ],

  ["provisioning", "create", () => new Life().posted(), "Provisioning for 0 s: requesting the droplet."],
  [
    "provisioning",
    "create",
    () => new Life().posted().unanswered(),
    "Provisioning for 0 s: checking whether the droplet was created.",
  ],
  [
    "provisioning",
    "create",
    () => new Life().made().wait(SECOND),
    "Provisioning for 1 s: waiting for the droplet to be created.",
  ],
  [
    "provisioning",
    "create",
    () =>
      new Life()
        .made()
        .read("active")
        .wait(5 * MINUTE),
    "Provisioning for 5 min: the droplet is booting; waiting for the agent.",
  ],
  [
    "provisioning",
    "create",
    () => new Life().made().read("active").tell(stage),
    'Provisioning for 0 s: bootstrap stage "openclaw".',
  ],
  [
    "provisioning",
    "create",
    () => new Life().made().read("active").registered(),
    "Provisioning for 0 s: waiting for the agent to apply the config.",
  ],
  [
    "provisioning",
    "redeploy",
    () => new Life().online().requested("redeploy"),
    "Provisioning for 0 s: about to replace the droplet.",
  ],
  [
    "provisioning",
    "redeploy",
    () => new Life().online().requested("redeploy").tell(revoked),
    "Provisioning for 0 s: deleting the old droplet.",
  ],
  [
    "provisioning",
    "provider_unauthorized",
    () => holdingBack(new Life().online().requested("redeploy").tell(revoked, waits("provider_unauthorized"))),
    "Provisioning for 0 s: DigitalOcean rejects the API token. Next attempt in 10 min.",
  ],
  [
    "provisioning",
    "resume",
    () => new Life().paused().requested("resume").powered("power_on").read("active"),
    "Provisioning for 0 s: the droplet is booting; waiting for the agent. Resuming.",
  ],
  ["provisioning", "destroy", () => new Life().made().requested("destroy"), "Provisioning for 0 s. Destroying."],
]);
