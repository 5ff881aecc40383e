/** Absence as evidence: a 404 may be replication and a list lags, so neither alone says that a resource is gone. Pure. */
import type { Bounds, Evidence, Instant, Resource, ResourceKind } from "./kind.ts";

export type AbsenceStep<How extends string> =
  | { step: "wait"; until: Instant }
  /** Read it by its id. */
  | { step: "read" }
  | { step: "look"; how: How }
  /** It is gone beyond doubt. */
  | { step: "gone" };

/** One DELETE, then evidence; another DELETE only after minutes (repeated ones have got accounts blocked). */
export function removeResource<How extends string>(
  kind: ResourceKind<string, How>,
  { evidence, doomed }: Pick<Resource<string, How>, "evidence" | "doomed">,
  now: Instant,
  bounds: Bounds,
): AbsenceStep<How> | { step: "delete" } {
  const { sent_at, ended_at } = doomed;
  if (sent_at === null) return { step: "delete" };
  const since = ended_at ?? sent_at + bounds.call_timeout_ms;
  // Seen alive since then: whoever comes back late would else only delete again, and never look.
  const alive = evidence.missed_at.length === 0 && evidence.read_at > since;
  if (alive && now >= sent_at + bounds.redelete_after_ms) return { step: "delete" };
  return confirmMissing(kind, evidence, since, now, bounds);
}

/** @param since searches that began before it say nothing (the end of the DELETE) */
export function confirmMissing<How extends string>(
  kind: ResourceKind<string, How>,
  evidence: Evidence<How>,
  since: Instant,
  now: Instant,
  bounds: Bounds,
): AbsenceStep<How> {
  if (!isMissedById(kind, evidence, bounds.replication_window_ms)) {
    const age = now - Math.max(since, evidence.missed_at[0] ?? 0);
    const interval = age < bounds.poll_young_for_ms ? bounds.confirm_gone_poll_ms : bounds.poll_old_ms;
    const next = Math.max(evidence.read_at, since) + interval;
    return now < next ? { step: "wait", until: next } : { step: "read" };
  }
  if (now < since) return { step: "wait", until: since };
  const how = kind.gone.listings.find((each) => (evidence.absent_at[each] ?? Number.NEGATIVE_INFINITY) < since);
  return how === undefined ? { step: "gone" } : { step: "look", how };
}

/** A 404 proves something once a read has shown the resource before, or several times and late enough. */
function isMissedById({ gone }: ResourceKind, evidence: Omit<Evidence, "absent_at">, replicationMs: number): boolean {
  const { missed_at, seen_by_id, found_at } = evidence;
  if (seen_by_id) return missed_at.length >= 1;
  return missed_at.length >= gone.misses_unseen && (missed_at.at(-1) ?? 0) >= found_at + replicationMs;
}
