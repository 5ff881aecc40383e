import { describe, it } from "vitest";
import { HOUR, Life, MINUTE, SECOND } from "./life.ts";
import { describeSaid, holdingBack, summaryOf, waits } from "./said.ts";

const C2 = { id: "c2", version: 2 };
const published = {
  kind: "config_published",
  data: { config: C2, paper_mode: true, restored_from: null },
} as const;
const failedConfig = { kind: "config_failed", data: { config: C2, reason: "exit 78" } } as const;
const held = { kind: "agent_booted", data: { boot_id: "b2", expected: false } } as const;
const policy = (healing: "off" | "redeploy") => ({ kind: "changed", data: { policies: { healing } } }) as const;

describeSaid("what a bot that is there is, in words", [
  [
    "online",
    null,
    () =>
      new Life()
        .online()
        .wait(3 * HOUR)
        .beat()
        .wait(12 * SECOND),
    "Online for 3 h. The agent was last heard 12 s ago and runs config 1.",
  ],
  [
    "online",
    null,
    () => new Life().online().tell(published),
    "Online for 0 s. The agent was last heard 0 s ago and runs config 1. Config 2 is waiting for delivery.",
  ],
  [
    "online",
    null,
    () => new Life().online().tell(published, { kind: "config_delivered", data: { config: C2 } }),
    "Online for 0 s. The agent was last heard 0 s ago and runs config 1. Config 2 is being applied.",
  ],
  [
    "online",
    null,
    () => takenBack(),
    "Online for 0 s. The agent was last heard 0 s ago and runs config 3. Config 2 failed and was rolled back: the agent did not acknowledge it in time.",
  ],
  [
    "online",
    null,
    () => new Life().online().tell({ kind: "command_requested", data: { command_id: "k", kind: "stop" } }),
    "Online for 0 s. The agent was last heard 0 s ago and runs config 1. The workload was stopped and waits for a manual start.",
  ],
  [
    "online",
    "config_failed",
    () => new Life().online().tell(published, failedConfig),
    "Online for 0 s. The agent was last heard 0 s ago and runs config 1. Config 2 failed: exit 78.",
  ],
  [
    "online",
    "start_held",
    () => new Life().online().tell(held),
    "Online for 0 s. The agent was last heard 0 s ago and runs config 1. The workload waits for a manual start.",
  ],
  [
    "online",
    "pause",
    () => new Life().online().requested("pause"),
    "Online for 0 s. The agent was last heard 0 s ago and runs config 1. Pausing.",
  ],
  [
    "online",
    "suspend",
    () => holdingBack(new Life().online().suspending().tell(waits("provider_rate_limited"))),
    "Online for 0 s. The agent was last heard 0 s ago and runs config 1. Suspending. Waiting: DigitalOcean's rate limit is reached. Next attempt in 10 min.",
  ],
  [
    "online",
    "destroy",
    () => new Life().online().requested("destroy"),
    "Online for 0 s. The agent was last heard 0 s ago and runs config 1. Destroying.",
  ],
  [
    "online",
    "heal",
    () =>
      new Life()
        .online()
        .silent()
        .requested("heal")
        .tell({ kind: "agent_heard", data: { via: "http" } }),
    "Online for 0 s. The agent was last heard 0 s ago and runs config 1. Healing.",
  ],
  [
    "online",
    null,
    () =>
      new Life()
        .suspended()
        .tell({ kind: "agent_heard", data: { via: "http" } })
        .read("active"),
    "Online for 0 s. The agent was last heard 60 min ago and runs config 1. About to be suspended.",
  ],

  [
    "unresponsive",
    "heartbeat_missed",
    () =>
      new Life()
        .online()
        .wait(4 * MINUTE)
        .silent(),
    "Unresponsive for 0 s: the agent was last heard 4 min ago.",
  ],
  [
    "unresponsive",
    "heartbeat_missed",
    () =>
      new Life()
        .tell(policy("off"))
        .online()
        .wait(4 * MINUTE)
        .silent(),
    "Unresponsive for 0 s: the agent was last heard 4 min ago. Healing is disabled.",
  ],
  [
    "unresponsive",
    "droplet_off",
    () => new Life().online().silent().read("off"),
    "Unresponsive for 0 s: the droplet is off unexpectedly.",
  ],
  [
    "unresponsive",
    "droplet_gone",
    () => new Life().online().silent().gone(),
    "Unresponsive for 0 s: the droplet is gone.",
  ],
  [
    "unresponsive",
    "heal",
    () =>
      new Life()
        .online()
        .wait(4 * MINUTE)
        .silent()
        .requested("heal"),
    "Unresponsive for 0 s: the agent was last heard 4 min ago. Healing.",
  ],
  [
    "unresponsive",
    "fleet_hold",
    () =>
      holdingBack(
        new Life()
          .online()
          .wait(4 * MINUTE)
          .silent()
          .requested("heal")
          .tell(waits("fleet_hold")),
      ),
    "Unresponsive for 0 s: the agent was last heard 4 min ago. Healing. Waiting: too many bots became unresponsive at once; healing is on hold. Next attempt in 10 min.",
  ],

  ["paused", "pause", () => new Life().paused().wait(50 * HOUR), "Paused for 2 d; the droplet is off."],
  [
    "paused",
    "droplet_gone",
    () => new Life().paused().gone(),
    "Paused for 0 s. The droplet is gone; resume creates a new one.",
  ],
  ["paused", "resume", () => new Life().paused().requested("resume"), "Paused for 0 s; the droplet is off. Resuming."],
  [
    "paused",
    "destroy",
    () => new Life().paused().requested("destroy"),
    "Paused for 0 s; the droplet is off. Destroying.",
  ],

  ["suspended", "payment_failed", () => new Life().suspended(), "Suspended for 0 s: payment failed. Its data is kept."],
  [
    "suspended",
    "destroy",
    () => new Life().suspended("Chargeback.").requested("destroy"),
    "Suspended for 0 s: Chargeback. Its data is kept. Destroying.",
  ],

  ["error", "create_failed", () => new Life().failed().wait(MINUTE), "Failed 60 s ago: create_failed, in words."],
  [
    "error",
    "power_off_failed",
    () => new Life().online().requested("pause").failed("power_off_failed"),
    "Failed 0 s ago: power_off_failed, in words. Droplet 1001 is kept.",
  ],
  [
    "error",
    "cancelled",
    () => new Life().cancelled(),
    "Failed 0 s ago: The create was cancelled; the bot has no droplet.",
  ],

  [
    "destroyed",
    "droplet_confirmed_gone",
    () =>
      new Life()
        .online()
        .destroyed()
        .wait(72 * HOUR),
    "Destroyed 3 d ago; the droplet is confirmed gone.",
  ],
  [
    "destroyed",
    "droplet_not_confirmed_gone",
    () =>
      new Life()
        .online()
        .requested("destroy")
        .tell({ kind: "destroyed", data: { forced: true } }),
    "Destroyed 0 s ago; the droplet is not confirmed gone, and will be deleted if it is found.",
  ],
]);

describe("how long it has been so", () => {
  it("is told in the largest unit that says enough", ({ expect }) => {
    const after = (ms: number) => summaryOf(new Life().paused().wait(ms)).replace(/^Paused for (.*);.*$/, "$1");
    const told = [0, 119 * SECOND, 2 * MINUTE, 119 * MINUTE, 2 * HOUR, 47 * HOUR, 48 * HOUR].map(after);
    expect(told).toEqual(["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 d"]);
  });
});

function takenBack(): Life {
  const [desired, reason] = [{ id: "c3", version: 3 }, "not_acknowledged"];
  return new Life()
    .online()
    .tell(
      published,
      { kind: "config_failed", data: { config: C2, reason } },
      { kind: "config_published", data: { config: desired, paper_mode: true, restored_from: 1 } },
      { kind: "rolled_back", data: { failed_version: 2, reason, restored_from: 1, version: 3 } },
      { kind: "config_applied", data: { config: desired } },
    );
}
