import { describe, it } from "vitest";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import { rolloutState } from "../../../src/bot/model/rollout-state.ts";
import { ackDeadline, learnAck } from "../../../src/bot/reconcile/rollout.ts";
import type { WorkloadState } from "../../../src/wire/enums.ts";
import { HOUR, inWords, Life, MINUTE, SECOND } from "./life.ts";

const heard = { kind: "agent_heard", data: { via: "http" } } as const;
const held = { kind: "agent_booted", data: { boot_id: "b2", expected: false } } as const;
const NONE = null;

/** Online with version 1, and version 2 has been handed to its agent. */
function delivering(): Life {
  return new Life().online().wait(HOUR).published().wait(SECOND).delivered().beat();
}

function next(life: Life): string {
  return inWords(life.decide(), life.now);
}

/** Until when the agent must speak, ms from now. */
function deadline({ bot, rt, now }: Life): number | null {
  const at = ackDeadline({ bot, rt, now, policy: defaultPolicy });
  return at === null ? null : at - now;
}

function ack(life: Life, result: "applied" | "failed", version: number, workload?: WorkloadState) {
  const config_id = `c0000000-0000-4000-8000-${String(version).padStart(12, "0")}`;
  return learnAck(life.bot, { config_id, result, workload, reason: "does not start" }, version);
}

describe("where a rollout stands", () => {
  const TABLE: [string, () => Life, string][] = [
    ["accepted", () => new Life(), "pending_delivery"],
    ["acknowledged", () => new Life().online(), "settled"],
    ["published", () => new Life().online().published(), "pending_delivery"],
    ["handed over", () => delivering(), "delivered"],
    ["published again", () => delivering().published(), "pending_delivery"],
    ["handed over and acknowledged", () => delivering().applied(), "settled"],
    ["failed", () => delivering().configFailed(), "failed"],
    ["failed, and applied after all", () => delivering().configFailed().applied(), "settled"],
    ["failed, and changed before anything else", () => delivering().configFailed().published(), "pending_delivery"],
    ["put back", () => delivering().configFailed().rolledBack(), "pending_delivery"],
    ["put back and handed over", () => delivering().configFailed().rolledBack().delivered(), "delivered"],
    ["put back and acknowledged", () => delivering().configFailed().rolledBack().applied(), "rolled_back"],
    ["changed after it was put back", () => delivering().configFailed().rolledBack().published().applied(), "settled"],
    ["on another droplet", () => delivering().applied().requested("redeploy").gone().recreating(), "pending_delivery"],
  ];
  for (const [what, life, state] of TABLE) {
    it(`${what}: ${state}`, async ({ expect }) => {
      const { bot, now } = life();
      expect([rolloutState(bot), bot.config.since]).toEqual([state, now]);
    });
  }

  it("is as old as its last step, whatever else happens", async ({ expect }) => {
    const life = delivering();
    const since = life.now;
    life.wait(MINUTE).silent().wait(MINUTE).tell(heard);
    expect(life.bot.config.since).toBe(since);
  });
});

describe("until when an agent must have acknowledged", () => {
  const TABLE: [string, () => Life, number | null][] = [
    ["handed over", () => delivering(), 150 * SECOND],
    ["not handed over yet", () => new Life().online().wait(HOUR).published(), NONE],
    ["acknowledged", () => delivering().applied(), NONE],
    ["failed", () => delivering().configFailed(), NONE],
    ["its agent silent", () => delivering().wait(MINUTE).silent(), NONE],
    ["its agent heard again", () => delivering().wait(MINUTE).silent().wait(MINUTE).tell(heard), 120 * SECOND],
    ["heard again at once", () => delivering().wait(SECOND).silent().tell(heard), 149 * SECOND],
    ["we were deaf meanwhile", () => deaf(delivering().wait(MINUTE)), 120 * SECOND],
    ["its start held", () => delivering().wait(MINUTE).tell(held), NONE],
    ["its start no longer held", () => released(delivering().tell(held).wait(HOUR)), 150 * SECOND],
    ["the bot being paused", () => delivering().requested("pause"), NONE],
    ["the bot suspended", () => delivering().suspending(), NONE],
    ["changed while paused", () => new Life().paused().published(), NONE],
    ["the workload is still being installed", () => created(), 45 * MINUTE],
    ["that on another droplet, after a failure", () => anew().configFailed().rolledBack().delivered(), 45 * MINUTE],
    ["once another droplet has spoken", () => anew().applied().succeeded().published().delivered(), 150 * SECOND],
  ];
  for (const [what, life, within] of TABLE) {
    it(`${what}: ${within === null ? "nobody is waited for" : `${within / SECOND} s`}`, async ({ expect }) => {
      expect(deadline(life())).toBe(within);
    });
  }

  it("is what the bot wakes for, unless its agent is found silent before", async ({ expect }) => {
    expect(
      next(
        delivering()
          .wait(10 * SECOND)
          .beat(),
      ),
    ).toBe(`wait ${140 * SECOND} config_ack`);
    expect(next(delivering())).toBe(`wait ${150 * SECOND} config_ack`);
    const life = delivering();
    life.rt = { ...life.rt, last_seen_at: life.now - MINUTE };
    expect(next(life)).toBe(`wait ${95 * SECOND} heartbeat`);
  });
});

describe("an agent that does not acknowledge in time", () => {
  it("while it beats: the version has failed", async ({ expect }) => {
    const life = delivering()
      .wait(150 * SECOND - 1)
      .beat();
    expect(next(life)).toBe("wait 1 config_ack");
    expect(life.wait(1).decide()).toEqual({
      record: { kind: "config_failed", data: { config: life.bot.config.desired, reason: "not_acknowledged" } },
    });
  });

  it("and has missed beats: it may have died, which silence tells", async ({ expect }) => {
    const life = delivering()
      .wait(55 * SECOND)
      .beat()
      .wait(95 * SECOND);
    expect(next(life)).toBe(`wait ${60 * SECOND} heartbeat`);
    expect(next(life.wait(60 * SECOND))).toBe("record agent_silent");
    expect(next(life.silent().wait(HOUR).tell(heard).beat())).toBe(`wait ${120 * SECOND} config_ack`);
    expect(next(life.wait(120 * SECOND).beat())).toBe("record config_failed");
  });

  it("on a droplet that is being built: the version has failed too, once it was handed over", async ({ expect }) => {
    expect(next(created().wait(45 * MINUTE))).toBe("record config_failed");
    expect(next(booted().wait(45 * MINUTE))).toBe("record operation_failed");
  });
});

describe("the way back", () => {
  const TABLE: [string, () => Life, string][] = [
    ["the last good version comes back", () => delivering().configFailed(), "restore 1 as 3"],
    ["whatever its droplet does", () => delivering().configFailed().silent(), "restore 1 as 3"],
    ["of a paused bot too", () => new Life().paused().published().delivered().configFailed(), "restore 1 as 3"],
    ["not while something is under way", () => delivering().configFailed().requested("pause"), "do get_droplet:1001"],
    ["but while a droplet is built", () => anew().configFailed(), "restore 1 as 3"],
    ["no version was ever good", () => created().configFailed(), "record operation_failed"],
    ["the good one itself has failed", () => new Life().online().configFailed(), "record config_given_up"],
    ["the bot is destroyed", () => delivering().configFailed().destroyed(), "settled"],
  ];
  for (const [what, life, decision] of TABLE) {
    it(`${what}: ${decision}`, async ({ expect }) => {
      expect(next(life())).toBe(decision);
    });
  }

  it("is gone once: a restored version that fails too is given up", async ({ expect }) => {
    const life = delivering().configFailed().rolledBack().delivered().configFailed("neither");
    expect(life.decide()).toEqual({
      record: { kind: "config_given_up", data: { config: life.bot.config.desired, reason: "neither" } },
    });
    life.tell({ kind: "config_given_up", data: { config: life.bot.config.desired, reason: "neither" } });
    expect(life.bot).toMatchObject({ status: "error", reason: "config_failed", adopted: 1001 });
    expect(next(life)).toBe(`wait ${155 * SECOND} heartbeat`);
  });

  it("is said to be gone anew where the next change fails for another reason", async ({ expect }) => {
    const life = created().configFailed("exit 78").failed("config_failed").published().delivered();
    life.configFailed("exit 1").beat();
    expect(life.decide()).toMatchObject({ record: { kind: "config_given_up", data: { reason: "exit 1" } } });
    life.tell({ kind: "config_given_up", data: { config: life.bot.config.desired, reason: "exit 1" } });
    expect(next(life)).toBe(`wait ${155 * SECOND} heartbeat`);
    expect(next(new Life().online().configFailed().failed("power_off_failed").beat())).toMatch(/heartbeat$/);
  });

  it("leads to the same error on another droplet", async ({ expect }) => {
    const life = delivering().configFailed().rolledBack().requested("redeploy").gone().recreating();
    life.made().read("active").registered().delivered().configFailed("neither");
    expect(life.decide()).toMatchObject({ record: { data: { code: "config_failed", detail: "neither" } } });
  });

  it("is open again after the next change", async ({ expect }) => {
    const life = delivering().configFailed().rolledBack().delivered().configFailed();
    expect(next(life.published().delivered().configFailed())).toBe("restore 1 as 5");
    expect(next(delivering().configFailed().rolledBack().applied().published().configFailed())).toBe("restore 3 as 5");
  });

  it("waits while the last try to go it is fresh, and keeps nothing else from being judged", async ({ expect }) => {
    const life = delivering().configFailed();
    life.rt = { ...life.rt, restore_not_before: life.now + 5 * MINUTE };
    expect(next(life)).toBe(`wait ${155 * SECOND} heartbeat`);
    expect(next(life.beat().wait(155 * SECOND))).toBe("record agent_silent");
    expect(next(life.wait(2 * MINUTE).beat())).toBe(`wait ${25 * SECOND} rollback`);
    expect(next(life.wait(25 * SECOND))).toBe("restore 1 as 3");
  });

  it("is not given up for a bot that may not run: it is said once it may", async ({ expect }) => {
    const silent = new Life({ policies: { healing: "off", start: null } }).online().wait(HOUR).configFailed().silent();
    expect(next(silent)).toBe("do get_droplet:1001");
    expect(next(new Life().paused().configFailed())).toBe("settled");
  });
});

describe("what is good to go back to", () => {
  const good = (life: Life, workload: WorkloadState | undefined) =>
    life.tell({ kind: "config_applied", data: { config: life.bot.config.desired, workload } }).bot.config.last_good
      ?.version;

  it("is what passed the gate with a running workload, or what is said to be applied without more", async ({
    expect,
  }) => {
    expect(good(delivering(), "running")).toBe(2);
    expect(good(delivering(), undefined)).toBe(2);
    for (const workload of ["stopped", "starting", "failed"] as const) expect(good(delivering(), workload)).toBe(1);
  });

  it("is good from the gate at the next start on", async ({ expect }) => {
    const life = delivering();
    life.tell({ kind: "config_applied", data: { config: life.bot.config.desired, workload: "stopped" } });
    expect(life.bot.config).toMatchObject({
      applied: { version: 2 },
      effective: { version: 2 },
      last_good: { version: 1 },
    });
    expect(ack(life, "applied", 2, "stopped")).toBe(null);
    expect(good(life, "running")).toBe(2);
    expect(ack(life, "applied", 2, "running")).toBe(null);
  });

  it("comes back where the gate at the next start is not passed", async ({ expect }) => {
    const life = delivering();
    life.tell({ kind: "config_applied", data: { config: life.bot.config.desired, workload: "stopped" } });
    life.wait(HOUR).beat();
    expect(ack(life, "failed", 2)).toMatchObject({ kind: "config_failed" });
    expect(next(life.configFailed())).toBe("restore 1 as 3");
  });
});

describe("an acknowledgement", () => {
  const failed = () => delivering().configFailed();
  const TABLE: [string, () => Life, "applied" | "failed", number, string | null][] = [
    ["of the desired version", delivering, "applied", 2, "config_applied"],
    ["of the desired version, again", () => delivering().applied(), "applied", 2, null],
    ["of the version before", delivering, "applied", 1, null],
    ["of an older version than what runs", () => delivering().applied(), "applied", 1, "config_effective"],
    ["of what failed in our eyes, before anything came of it", failed, "applied", 2, "config_applied"],
    ["of what was rolled back", () => failed().rolledBack(), "applied", 2, "config_effective"],
    ["that it failed", delivering, "failed", 2, "config_failed"],
    ["that it failed, again", failed, "failed", 2, null],
    ["that a superseded version failed", () => delivering().published(), "failed", 2, "config_failed"],
    ["that it failed, after it was rolled back", () => failed().rolledBack(), "failed", 2, null],
    ["that it failed, after the next one was applied", () => failed().rolledBack().applied(), "failed", 2, null],
    ["that it failed, after the next one failed", () => failed().rolledBack().configFailed(), "failed", 2, null],
    ["that the running version fails after all", () => new Life().online(), "failed", 1, "config_failed"],
  ];
  for (const [what, life, result, version, kind] of TABLE) {
    it(`${what}: ${kind ?? "is known"}`, async ({ expect }) => {
      expect(ack(life(), result, version)?.kind ?? null).toBe(kind);
    });
  }

  it("that the version failed and nothing runs leaves nothing in effect", async ({ expect }) => {
    const life = delivering();
    const { desired: config } = life.bot.config;
    life.tell({ kind: "config_failed", data: { config, reason: "exit 78", workload: "starting" } });
    expect(life.bot.config.effective?.version).toBe(1);
    life.tell({ kind: "config_failed", data: { config, reason: "exit 78", workload: "failed" } });
    expect(life.bot.config.effective).toBe(null);
  });
});

function booted(): Life {
  return new Life().made().read("active").wait(MINUTE).registered();
}

/** Registered, its first version in hand. */
function created(): Life {
  return booted().delivered();
}

/** On its second droplet, version 2 in hand, which only replaced version 1. */
function anew(): Life {
  return new Life()
    .online()
    .published()
    .requested("redeploy")
    .gone()
    .recreating()
    .made()
    .read("active")
    .registered()
    .delivered();
}

function deaf(life: Life): Life {
  life.rt = { ...life.rt, deaf_until: life.now };
  return life;
}

function released(life: Life): Life {
  return life.tell({ kind: "changed", data: { policies: { start: "auto" } } });
}
