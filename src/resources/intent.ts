/** What to do about a create whose outcome is unknown. Pure. */
import type { Bounds, Instant, PendingCreate, ResourceKind } from "./kind.ts";

export type IntentStep<How extends string> =
  | { step: "wait"; until: Instant }
  | { step: "look"; how: How }
  /** It was looked for in full and does not exist. */
  | { step: "absent" };

/** Ask for the same name again: the answer tells which one there is. Only of a kind that is idempotent. */
export interface Repeat {
  step: "repeat";
}

/** Looks until the resource is found or cannot exist; what is idempotent is asked for again instead. */
export function resolveIntent<How extends string>(
  kind: ResourceKind<string, How> & { idempotent: false },
  intent: PendingCreate,
  now: Instant,
  bounds: Bounds,
): IntentStep<How>;
export function resolveIntent<How extends string>(
  kind: ResourceKind<string, How>,
  intent: PendingCreate,
  now: Instant,
  bounds: Bounds,
): IntentStep<How> | Repeat;
export function resolveIntent<How extends string>(
  kind: ResourceKind<string, How>,
  intent: PendingCreate,
  now: Instant,
  bounds: Bounds,
): IntentStep<How> | Repeat {
  const ended = endedBy(intent, bounds.call_timeout_ms);
  if (kind.idempotent) return now < ended ? { step: "wait", until: ended } : { step: "repeat" };
  const look = kind.looks[intent.looks.length];
  if (!look) return { step: "absent" };
  const at = ended + look.share * bounds.look_window_ms;
  return now < at ? { step: "wait", until: at } : { step: "look", how: look.how };
}

/** Where we died during the create nobody saw its end; it cannot have lasted longer than its time-out. */
function endedBy(intent: PendingCreate, timeoutMs: number): Instant {
  return intent.ended_at ?? intent.opened_at + timeoutMs;
}
