import fc from "fast-check";
import { describe, it } from "vitest";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import type { Effect } from "../../../src/bot/reconcile/effects.ts";
import { effectKey } from "../../../src/bot/reconcile/effects.ts";
import { inWords, Life, SECOND } from "./life.ts";

/** Looks until the bot says that the droplet does not exist; each look takes this long. */
function lookAsTold(life: Life, took = SECOND): { how: string; at: number }[] {
  const looks: { how: string; at: number }[] = [];
  for (let step = 0; step < 50; step++) {
    const decision = life.decide();
    if ("wait" in decision) life.now = decision.wait;
    else if ("do" in decision) {
      const how = howOf(decision.do);
      looks.push({ how, at: life.now });
      life.looked(how).wait(took);
    } else return looks;
  }
  throw new Error("it never makes up its mind");
}

function howOf(effect: Effect): "name" | "tag" | "list" {
  if (effect.kind !== "list") throw new Error(`expected a look, not ${effectKey(effect)}`);
  return effect.how;
}

describe("a POST whose outcome is unknown", () => {
  it("is looked for at least four times, at last 120 s after it ended, by name, by tag and in the full list", async ({
    expect,
  }) => {
    const life = new Life()
      .posted()
      .wait(12 * SECOND)
      .unanswered();
    const ended = life.now;
    const looks = lookAsTold(life);
    expect(looks.length).toBeGreaterThanOrEqual(4);
    const late = looks.filter(({ at }) => at >= ended + 120 * SECOND);
    expect(late.map(({ how }) => how).sort()).toEqual(["list", "name", "tag"]);
    expect(life.decide()).toEqual({ record: { kind: "intent_absent", data: { intent_id: "intent-1-g1" } } });
  });

  it("is looked for soon, so that a droplet that exists is found soon", async ({ expect }) => {
    const life = new Life().posted().unanswered();
    const ended = life.now;
    const offsets = lookAsTold(life).map(({ at }) => (at - ended) / SECOND);
    expect(offsets.slice(0, 5)).toEqual([2, 10, 30, 60, 120]);
  });

  it("during which we died counts from the latest moment at which it can have ended", async ({ expect }) => {
    const life = new Life().posted();
    const opened = life.now;
    const ended = opened + defaultPolicy.call_timeout_ms;
    expect(life.decide()).toEqual({ wait: ended + 2 * SECOND, for: "create_confirmation" });
    expect(lookAsTold(life).at(-1)?.at).toBeGreaterThanOrEqual(ended + 120 * SECOND);
  });

  it("holds whatever the operation has become meanwhile", async ({ expect }) => {
    const life = new Life().posted().unanswered().cancelled().requested("destroy");
    expect(inWords(life.decide(), life.now)).toBe("record credential_revoked");
    life.tell({ kind: "credential_revoked", data: {} });
    expect(life.decide()).toMatchObject({ wait: life.now + 2 * SECOND });
    lookAsTold(life);
    expect(inWords(life.decide(), life.now)).toBe("record intent_absent");
    life.tell({ kind: "intent_absent", data: { intent_id: "intent-1-g1" } });
    expect(inWords(life.decide(), life.now)).toBe("record destroyed");
  });

  it("that was absent may be posted again under the same name", async ({ expect }) => {
    const life = new Life().posted().unanswered();
    lookAsTold(life);
    life.tell({ kind: "intent_absent", data: { intent_id: "intent-1-g1" } });
    expect(life.decide()).toEqual({ do: { kind: "create_droplet", generation: 1 } });
  });

  it("is taken for absent only by looks of every kind that began late enough, however slow we are", async ({
    expect,
  }) => {
    const pace = fc.record({ took: fc.integer({ min: 0, max: 600_000 }), post: fc.integer({ min: 0, max: 30_000 }) });
    fc.assert(
      fc.property(pace, fc.boolean(), ({ took, post }, died) => {
        const life = new Life().posted();
        const opened = life.now;
        if (!died) life.wait(post).unanswered();
        const ended = died ? opened + defaultPolicy.call_timeout_ms : life.now;
        const late = lookAsTold(life, took).filter(({ at }) => at >= ended + defaultPolicy.look_window_ms);
        expect(new Set(late.map(({ how }) => how)).size).toBe(3);
      }),
    );
  });
});
