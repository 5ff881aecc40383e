/** When a Bot wakes next: one alarm, the earliest of everything that waits. Pure. */
import type { Outcome } from "../../provider/outcome.ts";
import { backoffMs, type Policy } from "../model/policy.ts";
import type { BotState, Instant } from "../model/state.ts";
import { AWAITING_BEAT } from "./at-rest.ts";
import type { Runtime } from "./decision.ts";
import { EFFECTS, type Effect, effectKey, outdatedRead } from "./effects.ts";
import { isPassing } from "./learn.ts";
import { reconcile } from "./reconcile.ts";

/** A few calls are remembered for pacing; what they were about may be long gone. */
const KEEP_DONE = 16;
/** An event that is still running at DigitalOcean ends within seconds. */
const PENDING_EVENT_MS = 5_000;

interface NextAlarm {
  /** In whole milliseconds. Null: nothing is awaited, the Bot is settled. */
  at: Instant | null;
  /** Nothing but the agent's next sign of life is awaited. */
  watching: boolean;
}

export function nextAlarm(
  bot: BotState,
  rt: Runtime,
  now: Instant,
  policy: Policy,
  deliveryAt: Instant | null,
): NextAlarm {
  const decision = reconcile(bot, rt, now, policy);
  const work = "wait" in decision ? decision.wait : "settled" in decision ? null : now;
  const earliest = Math.min(work ?? Number.POSITIVE_INFINITY, deliveryAt ?? Number.POSITIVE_INFINITY);
  return {
    at: Number.isFinite(earliest) ? Math.ceil(earliest) : null,
    watching: "wait" in decision && decision.for === AWAITING_BEAT && deliveryAt === null,
  };
}

/** The clocks and counters after a call: when it ended, and how long to leave DigitalOcean alone. */
export function afterCall(
  rt: Runtime,
  effect: Effect,
  outcome: Outcome<unknown>,
  now: Instant,
  random: number,
  policy: Policy,
): Runtime {
  const counts = EFFECTS[effect.kind].pace.counts(outcome.kind);
  const done = counts ? remember(rt.done, effectKey(effect), now) : rt.done;
  const outdated = outdatedRead(effect, outcome);
  if (outdated !== null) delete done[outdated];
  const pause = pauseAfter(outcome, rt.tries + 1, random, policy);
  return { ...rt, done, tries: pause === 0 ? 0 : rt.tries + 1, not_before: pause === 0 ? 0 : now + pause };
}

function pauseAfter(outcome: Outcome<unknown>, tries: number, random: number, policy: Policy): number {
  switch (outcome.kind) {
    case "ok":
    case "missing":
      return 0;
    case "rate_limited":
      return outcome.wait_ms + random * policy.backoff_base_ms;
    case "unauthorized":
      return Math.max(backoffMs(policy, tries, random), policy.poll_old_ms);
    case "unknown":
      return backoffMs(policy, tries, random);
    case "refused": {
      if (outcome.reason === "pending_event") return Math.max(PENDING_EVENT_MS, backoffMs(policy, tries, random));
      const { blocked_retry_min_ms, blocked_retry_max_ms } = policy;
      if (isPassing(outcome.reason))
        return blocked_retry_min_ms + random * (blocked_retry_max_ms - blocked_retry_min_ms);
      return backoffMs(policy, tries, random);
    }
  }
}

function remember(done: Runtime["done"], key: string, at: Instant): Runtime["done"] {
  const entries = Object.entries({ ...done, [key]: at }).sort(([, a], [, b]) => b - a);
  return Object.fromEntries(entries.slice(0, KEEP_DONE));
}
