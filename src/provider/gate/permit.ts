/** Permission to spend one request of DigitalOcean's budget, which the whole fleet shares. */

/** In the order in which they are served when there is not enough for all. */
export type PermitKind = "user_action" | "create" | "heal" | "poll";

export interface Ask {
  bot_id: string;
  kind: PermitKind;
  /** Which kind of resource a create makes; absent: a droplet. */
  resource?: string;
}

interface Granted {
  granted: true;
  /** How long a create takes at present, ms: reading the droplet much earlier is a request for nothing. */
  create_ms: number;
}

/**
 * `wait_ms`: how long to wait before asking again; the place in the queue is kept for a minute longer. A duration, since
 * two objects need not agree what time it is.
 */
export type Permit = Granted | { granted: false; wait_ms: number; reason: string };

/** What a Bot's calls taught about the budget that all share. */
export type Report =
  | { kind: "rate_limited"; wait_ms: number }
  | { kind: "unauthorized" }
  /** The resource (a droplet where none is named) is active, or will never be: its place among the creates is free. */
  | { kind: "create_done"; bot_id: string; resource?: string }
  /** Nothing is being made after all: the place is free, and says nothing of how long a create takes. */
  | { kind: "create_refused"; bot_id: string; resource?: string };

export interface Gate {
  permit(ask: Ask): Promise<Permit>;
  report(report: Report): Promise<void>;
}

/** What an operator is told of the gate. */
export interface GateStatus {
  /** Requests and creates that may still be granted. */
  left: { this_minute: number; this_hour: number; background_this_minute: number; creates: number };
  /** How many bots wait for each kind of permit. */
  waiting: Record<string, number>;
  circuit: { reason: string; since: number } | null;
  paused_until: number | null;
  team_uuid: string | null;
  verified_at: number | null;
  fleet_id: string | null;
  fleet_hold_since: number | null;
  live_bots: number;
}
