import fc from "fast-check";
import { describe, it } from "vitest";
import { backoffMs, defaultPolicy } from "../../../src/bot/model/policy.ts";
import { Runtime } from "../../../src/bot/reconcile/decision.ts";
import type { Effect } from "../../../src/bot/reconcile/effects.ts";
import { afterCall, nextAlarm } from "../../../src/bot/reconcile/schedule.ts";
import type { Outcome } from "../../../src/provider/outcome.ts";
import { HOUR, Life, MINUTE, SECOND, START } from "./life.ts";

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

function alarmOf(life: Life, delivery: number | null = null): number | null {
  return nextAlarm(life.bot, life.rt, life.now, defaultPolicy, delivery).at;
}

describe("the one alarm", () => {
  it("is now where there is something to do", async ({ expect }) => {
    const life = new Life();
    expect(alarmOf(life)).toBe(life.now);
  });

  it("is when the lifecycle waits no longer", async ({ expect }) => {
    const life = new Life().online();
    expect(alarmOf(life)).toBe(life.now + 155 * SECOND);
  });

  it("is earlier where the outbox wants to be tried before", async ({ expect }) => {
    const life = new Life().online();
    expect(alarmOf(life, life.now + 10)).toBe(life.now + 10);
    expect(alarmOf(life, life.now + HOUR)).toBe(life.now + 155 * SECOND);
  });

  it("is the outbox's alone for a bot that rests, and none for one that is settled", async ({ expect }) => {
    const life = new Life().online().destroyed();
    expect(alarmOf(life, life.now + HOUR)).toBe(life.now + HOUR);
    expect(alarmOf(life)).toBe(null);
  });

  it("is a whole millisecond, not before what it waits for", async ({ expect }) => {
    const life = new Life();
    life.rt = { ...life.rt, not_before: life.now + 0.25 };
    expect(alarmOf(life)).toBe(life.now + 1);
    expect(alarmOf(new Life().online().destroyed(), START + 0.5)).toBe(START + 1);
  });
});

describe("how long DigitalOcean is left alone after a call", () => {
  const GET: Effect = { kind: "get_droplet", droplet_id: 7 };
  const called = (outcome: Outcome<unknown>, tries = 0, roll = 0.5, effect = GET) => {
    const rt = Runtime.parse({ tries, not_before: 1 });
    return afterCall(rt, effect, outcome, START, roll, defaultPolicy);
  };
  const refused = (reason: "quota" | "capacity" | "try_again" | "pending_event" | "invalid" | "conflict") =>
    ({ kind: "refused", reason, status: 422, detail: "no" }) as const;

  it("not at all after an answer, which also ends the counting", async ({ expect }) => {
    for (const outcome of [{ kind: "ok", value: null }, { kind: "missing" }] as const) {
      expect(called(outcome, 9)).toMatchObject({ tries: 0, not_before: 0, done: { "get_droplet:7": START } });
    }
  });

  it("a read without an answer does not count as one", async ({ expect }) => {
    const outcomes: Outcome<unknown>[] = [
      { kind: "unknown", detail: "502" },
      { kind: "rate_limited", wait_ms: 5_000 },
      { kind: "unauthorized", status: 401, detail: "no" },
    ];
    const rt = Runtime.parse({ done: { "get_droplet:7": 5 } });
    for (const outcome of outcomes) {
      expect(afterCall(rt, GET, outcome, START, 0.5, defaultPolicy).done).toEqual({ "get_droplet:7": 5 });
    }
  });

  it("between half a second and the doubled base after no answer", async ({ expect }) => {
    const pauses = [0, 1, 2, 3, 20].map((tries) => called({ kind: "unknown", detail: "" }, tries).not_before - START);
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 150_000]);
    expect(called({ kind: "unknown", detail: "" }, 4).tries).toBe(5);
  });

  it("as long as a 429 asks, and a little more", async ({ expect }) => {
    fc.assert(
      fc.property(fc.integer({ min: 5_000, max: 300_000 }), random, (wait_ms, roll) => {
        const { not_before } = called({ kind: "rate_limited", wait_ms }, 3, roll);
        expect(not_before - START).toBeGreaterThanOrEqual(wait_ms);
        expect(not_before - START).toBeLessThanOrEqual(wait_ms + SECOND);
      }),
    );
  });

  it("five to thirty minutes where quota or capacity is short", async ({ expect }) => {
    fc.assert(
      fc.property(fc.constantFrom("quota", "capacity", "try_again"), random, fc.nat(50), (reason, roll, tries) => {
        const pause = called(refused(reason), tries, roll).not_before - START;
        expect(pause).toBeGreaterThanOrEqual(5 * MINUTE);
        expect(pause).toBeLessThanOrEqual(30 * MINUTE);
      }),
    );
  });

  it("at least 15 s where our token is refused", async ({ expect }) => {
    expect(called({ kind: "unauthorized", status: 401, detail: "" }, 0, 0).not_before).toBe(START + 15 * SECOND);
  });

  it("at least 5 s while another event runs", async ({ expect }) => {
    expect(called(refused("pending_event"), 0, 0).not_before).toBe(START + 5 * SECOND);
    expect(called(refused("pending_event"), 20, 0.5).not_before).toBe(START + 150 * SECOND);
  });

  it("makes a refused power action read the droplet again, and only a refused one", async ({ expect }) => {
    const power: Effect = { kind: "power", droplet_id: 7, action: "shutdown" };
    const rt = Runtime.parse({ done: { "get_droplet:7": 5, "get_droplet:8": 6 } });
    const keysAfter = (outcome: Outcome<unknown>) =>
      Object.keys(afterCall(rt, power, outcome, START, 0.5, defaultPolicy).done).sort();
    expect(keysAfter(refused("pending_event"))).toEqual(["get_droplet:8", "power:7"]);
    expect(keysAfter({ kind: "missing" })).toEqual(["get_droplet:8", "power:7"]);
    expect(keysAfter({ kind: "ok", value: null })).toEqual(["get_droplet:7", "get_droplet:8", "power:7"]);
    expect(keysAfter({ kind: "unknown", detail: "" })).toEqual(["get_droplet:7", "get_droplet:8", "power:7"]);
  });

  it("remembers sixteen calls, the latest ones", async ({ expect }) => {
    let rt = Runtime.parse({});
    for (let id = 1; id <= 40; id++) {
      const effect: Effect = { kind: "get_droplet", droplet_id: id };
      rt = afterCall(rt, effect, { kind: "missing" }, START + id, 0.5, defaultPolicy);
    }
    expect(Object.keys(rt.done)).toHaveLength(16);
    expect(rt.done).toMatchObject({ "get_droplet:40": START + 40, "get_droplet:25": START + 25 });
  });
});

describe("the backoff", () => {
  it("lies between half its base and its ceiling of five minutes, however often it failed", async ({ expect }) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), random, (tries, roll) => {
        const pause = backoffMs(defaultPolicy, tries, roll);
        expect(pause).toBeGreaterThanOrEqual(500);
        expect(pause).toBeLessThanOrEqual(5 * MINUTE);
      }),
    );
  });

  it("doubles its ceiling with every failure", async ({ expect }) => {
    const almostOne = 1 - Number.EPSILON;
    const ceilings = [1, 2, 3, 9, 10, 99].map((tries) =>
      Math.ceil(backoffMs(defaultPolicy, tries, almostOne) / SECOND),
    );
    expect(ceilings).toEqual([1, 2, 4, 256, 300, 300]);
  });

  it("uses the whole range below its ceiling", async ({ expect }) => {
    const pauses = [0.1, 0.5, 0.9].map((roll) => backoffMs(defaultPolicy, 9, roll));
    expect(pauses).toEqual([25_600, 128_000, 230_400]);
  });
});
