/** When a call may be made: backoff, polling cadence, waiting. Pure. */
import type { Decision, Effect } from "./decision.ts";
import type { EventBody } from "./events.ts";
import type { Situation } from "./situation.ts";
import type { Droplet, Instant } from "./state.ts";

export function record(event: EventBody): Decision {
  return { record: event };
}

export function waitUntil(at: Instant, reason: string): Decision {
  return { wait: at, for: reason };
}

/** The call, unless a backoff holds it. */
export function callNow({ bot, rt, now }: Situation, effect: Effect): Decision {
  return now < rt.not_before ? waitUntil(rt.not_before, bot.waiting ?? "backoff") : { do: effect };
}

/** Reads a droplet again at the cadence of its age; waits for `until` at most. */
export function pollDroplet(s: Situation, droplet: Droplet, until: Instant, reason: string): Decision {
  const { rt, now, policy, bot } = s;
  const begun = Math.max(droplet.found_at, bot.operation.power?.sent_at ?? 0);
  const interval = now - begun < policy.poll_young_for_ms ? policy.poll_young_ms : policy.poll_old_ms;
  const next = Math.max(rt.done[`get_droplet:${droplet.id}`] ?? 0, begun) + interval;
  if (now >= next) return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
  return waitUntil(Math.min(next, until), reason);
}

/** When a read of the droplet by its id last ended; 0: never. */
export function lastRead({ rt }: Situation, droplet: Droplet): Instant {
  return rt.done[`get_droplet:${droplet.id}`] ?? 0;
}

/** The operation has got what it was for. */
export function succeed({ bot }: Situation): Decision {
  return record({ kind: "operation_succeeded", data: { operation_id: bot.operation.id } });
}

/** The operation gives up. */
export function fail({ bot }: Situation, code: string, detail: string): Decision {
  return record({ kind: "operation_failed", data: { operation_id: bot.operation.id, code, detail } });
}
