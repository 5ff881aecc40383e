import { describe, it } from "vitest";
import { HOUR, inWords, Life, MINUTE, SECOND } from "./life.ts";

type Healing = "off" | "reboot" | "redeploy";

function next(life: Life): string {
  return inWords(life.decide(), life.now);
}

describe("whether a silent bot is healed", () => {
  const TABLE: [situation: string, life: () => Life, decision: string][] = [
    ["as its policy allows", () => silent("reboot"), "begin heal"],
    ["by a new droplet at worst", () => silent("redeploy"), "begin heal"],
    ["its droplet gone", () => silent("reboot").gone(), "begin heal"],
    ["not where its policy says so", () => silent("off"), "do get_droplet:1001"],
    ["not once it is given up", () => silent("reboot").requested("heal").failed("heal_failed"), "do get_droplet:1001"],
    ["once more on the same day", () => healed(1), "begin heal"],
    ["not a third time on the same day", () => healed(2), "do get_droplet:1001"],
    ["again the next day", () => healed(2).wait(24 * HOUR), "begin heal"],
    ["not where it was paused", () => pausedThenSilent(), "settled"],
  ];
  for (const [situation, life, decision] of TABLE) {
    it(`${situation}: ${decision}`, async ({ expect }) => {
      expect(next(life())).toBe(decision);
    });
  }
});

describe("a heal, step by step", () => {
  const TABLE: [situation: string, life: () => Life, decision: string][] = [
    ["begun", () => healing("reboot"), "do get_droplet:1001"],
    ["its droplet off, and not by us", () => healing("reboot").read("off"), "do power_on"],
    ["its droplet on", () => healing("reboot").read("active"), "do power_cycle"],
    ["power-cycled", () => cycled("reboot"), "do get_droplet:1001"],
    ["power-cycled and on", () => cycled("reboot").wait(SECOND).read("active"), "wait 5000 agent_heard"],
    ["heard again", () => cycled("reboot").tell(heard), "record operation_succeeded"],
    [
      "silent after one",
      () =>
        cycled("reboot")
          .wait(5 * MINUTE)
          .read("active"),
      "do power_cycle",
    ],
    [
      "silent after all",
      () =>
        cycledTwice("reboot")
          .wait(5 * MINUTE)
          .read("active"),
      "record operation_failed",
    ],
    [
      "silent after all, a new droplet allowed",
      () =>
        cycledTwice("redeploy")
          .wait(5 * MINUTE)
          .read("active"),
      "record replacement_begun",
    ],
    ["its droplet answers 404", () => healing("reboot").missing("id"), "do list:name:1001"],
    ["its droplet gone", () => healing("reboot").gone(), "record operation_failed"],
    ["its droplet gone, a new one allowed", () => healing("redeploy").gone(), "record replacement_begun"],
    ["given up for a new droplet", () => replacing(), "record credential_revoked"],
  ];
  for (const [situation, life, decision] of TABLE) {
    it(`${situation}: ${decision}`, async ({ expect }) => {
      expect(next(life())).toBe(decision);
    });
  }

  it("deletes nothing before a power cycle and the patience after it, whatever the policy", async ({ expect }) => {
    const life = healing("redeploy").wait(HOUR).read("active");
    expect(next(life)).toBe("do power_cycle");
    life
      .powered("power_cycle")
      .wait(5 * MINUTE - 1)
      .read("active");
    expect(next(life)).toBe("wait 1 agent_heard");
  });

  it("shows the bot as unresponsive until it is heard", async ({ expect }) => {
    const life = cycled("reboot");
    expect(life.bot).toMatchObject({ status: "unresponsive", reason: "heal" });
    expect(life.tell(heard).bot.status).toBe("online");
  });
});

const heard = { kind: "agent_heard", data: { via: "http" } } as const;

function silent(healing: Healing): Life {
  return new Life({ policies: { healing, start: null } }).online().wait(HOUR).silent();
}

function healing(policy: Healing): Life {
  return silent(policy).requested("heal");
}

function cycled(policy: Healing): Life {
  return healing(policy).wait(SECOND).read("active").wait(SECOND).powered("power_cycle").wait(SECOND);
}

/** The first one may have been lost. */
function cycledTwice(policy: Healing): Life {
  return cycled(policy)
    .wait(5 * MINUTE)
    .read("active")
    .powered("power_cycle")
    .wait(SECOND);
}

function replacing(): Life {
  const life = cycled("redeploy");
  const data = { operation_id: life.bot.operation.id, why: "still silent" };
  return life.tell({ kind: "replacement_begun", data });
}

function healed(times: number): Life {
  const life = silent("reboot");
  for (let count = 0; count < times; count++) life.requested("heal").tell(heard).succeeded().wait(HOUR).silent();
  return life;
}

function pausedThenSilent(): Life {
  return new Life().paused().wait(HOUR).tell(heard).silent();
}
