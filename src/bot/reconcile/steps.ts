/** When a call may be made: backoff, polling cadence, waiting. Pure. */

import type { EventBody } from "../model/events.ts";
import type { Droplet, Instant } from "../model/state.ts";
import type { Decision } from "./decision.ts";
import type { Effect } from "./effects.ts";
import { readKey } from "./effects.ts";
import type { Situation } from "./situation.ts";

/** Creates that are faster than usual are noticed too, and so the usual time is learnt downwards as well. */
const EARLY = 0.9;

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
  const { rt, now, bot } = s;
  const begun = Math.max(droplet.found_at, bot.operation.power?.sent_at ?? 0);
  const last = rt.done[readKey(droplet.id)];
  const interval = pollInterval(s, droplet, now - begun);
  const first = droplet.active_at === null ? firstRead(s, interval) : interval;
  const next = last === undefined || last < begun ? begun + first : last + interval;
  if (now >= next) return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
  return waitUntil(Math.min(next, until), reason);
}

function pollInterval({ bot, rt, policy }: Situation, droplet: Droplet, age: number): number {
  // Others wait for the place of a droplet that is being made: once it is due it is looked at closely.
  const due = droplet.active_at === null && bot.agent === null && age < 2 * rt.create_ms;
  if (due) return policy.poll_due_ms;
  return age < policy.poll_young_for_ms ? policy.poll_young_ms : policy.poll_old_ms;
}

/** A droplet that is being made is first read when it may well be there, or when its agent has said that it is. */
function firstRead({ bot, rt }: Situation, interval: number): number {
  return bot.agent === null ? Math.max(interval, rt.create_ms * EARLY) : 0;
}

/** When a read of the droplet by its id was last answered; 0: never. */
export function lastRead({ rt }: Situation, droplet: Droplet): Instant {
  return rt.done[readKey(droplet.id)] ?? 0;
}

/** A deadline is judged by a read that was answered after it: whoever wakes late has not looked since. Null: there is one. */
export function lookOnceMore(s: Situation, droplet: Droplet, deadline: Instant): Decision | null {
  if (lastRead(s, droplet) >= deadline) return null;
  return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
}

/** The operation has got what it was for. */
export function succeed({ bot }: Situation): Decision {
  return record({ kind: "operation_succeeded", data: { operation_id: bot.operation.id } });
}

/** The operation gives up. */
export function fail({ bot }: Situation, code: string, detail: string): Decision {
  return record({ kind: "operation_failed", data: { operation_id: bot.operation.id, code, detail } });
}

/** The droplet is given up: it is taken away, and the operation goes on without it. */
export function failAttempt({ bot }: Situation, code: string, detail: string): Decision {
  return record({ kind: "attempt_failed", data: { operation_id: bot.operation.id, code, detail } });
}

/** Switches the droplet on, again after a while. Null once the tries are spent. */
export function powerOn(s: Situation, droplet: Droplet): Decision | null {
  const { bot, now, policy } = s;
  // After a refusal the droplet is read again: it may be on by now, or gone.
  if (lastRead(s, droplet) < bot.operation.started_at)
    return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
  const { power } = bot.operation;
  if (power?.action !== "power_on") {
    return callNow(s, { kind: "power", droplet_id: droplet.id, action: "power_on" });
  }
  const deadline = power.sent_at + policy.power_patience_ms;
  if (now < deadline) return pollDroplet(s, droplet, deadline, "droplet_active");
  const look = lookOnceMore(s, droplet, deadline);
  if (look) return look;
  if (power.count >= policy.power_tries) return null;
  return callNow(s, { kind: "power", droplet_id: droplet.id, action: "power_on" });
}
