/**
 * What a Bot makes, finds and ends at the provider: resources of several kinds, by one mechanism. A create that was not
 * answered is looked for until its resource is found or cannot exist (`intent.ts`); what is to go is deleted, and gone
 * only on evidence (`absence.ts`); whose a listed one is, its whole name says (`ownership.ts`, `verdict.ts`). What differs
 * between kinds stands in an adapter. Everything here is pure and knows no state but what it is given.
 */
import type { Fleet } from "../naming/fleet.ts";

/** Milliseconds since the epoch. */
export type Instant = number;

/** A search for what an unanswered create may have made, or for what should be gone. */
interface Look<How extends string = string> {
  how: How;
  /** A listing says nothing of what happened after it began. */
  began_at: Instant;
}

/**
 * A kind of resource.
 * @typeParam Kind its name, as it is stored
 * @typeParam How the ways in which the provider can be searched for resources of this kind
 */
export interface ResourceKind<Kind extends string = string, How extends string = string> {
  readonly kind: Kind;
  /** The whole name: unique for a fleet, bot and generation. */
  name(fleet: Fleet, botId: string, generation: number): string;
  /** What a name would say if it were one of ours: whoever asks must name it again and compare. Null: none of this kind. */
  readName(name: string): { bot_id: string; generation: number } | null;
  /** The tags that it is given, and the only ones of ours that it may carry. */
  tags(fleet: Fleet, botId: string, generation: number): string[];
  /** Asking again for the same name makes no second one, and says which one there is. */
  readonly idempotent: boolean;
  /** Searches after a create without an answer, as shares of the look window after it ended; in order. */
  readonly looks: readonly { share: number; how: How }[];
  /** What proves that one is gone. */
  readonly gone: {
    /** 404s by id that it takes where no read has ever shown it; the last of them after the replication window. */
    misses_unseen: number;
    /** Searches that must not show it, in order. */
    listings: readonly How[];
  };
}

/** One resource as the mechanism sees it. A kind may keep these parts in one record or in several. */
export interface Resource<Kind extends string = string, How extends string = string> {
  kind: Kind;
  name: string;
  generation: number;
  /** The create that was committed and whose outcome is not known; null: it is known. */
  intent: PendingCreate<How> | null;
  evidence: Evidence<How>;
  doomed: PendingDelete;
}

export interface PendingCreate<How extends string = string> {
  opened_at: Instant;
  /** When the create ended without an answer; null while it runs, or where we died during it. */
  ended_at: Instant | null;
  looks: readonly Look<How>[];
}

/** What speaks for and against the existence of a resource whose id is known. */
export interface Evidence<How extends string = string> {
  found_at: Instant;
  /** Some read by id has shown it. */
  seen_by_id: boolean;
  /** When it was last read by its id and the read was answered; 0: never. */
  read_at: Instant;
  /** The 404s since it was last shown. */
  missed_at: readonly Instant[];
  /** When the last search that did not show it began. */
  absent_at: Readonly<Partial<Record<How, Instant | null>>>;
}

export interface PendingDelete {
  /** When the last DELETE was sent, and when it ended; null while it runs, or where we died during it. */
  sent_at: Instant | null;
  ended_at: Instant | null;
}

/** The bounds in time, ms, that the mechanism lives by. */
export interface Bounds {
  call_timeout_ms: number;
  /** Once a create has ended, how long until its resource must be visible if there is one. */
  look_window_ms: number;
  /** What was made may answer 404 for this long. */
  replication_window_ms: number;
  redelete_after_ms: number;
  /** How often a 404 is waited for: at first, for how long at first, and later. */
  confirm_gone_poll_ms: number;
  poll_young_for_ms: number;
  poll_old_ms: number;
}
