/** Pure: the rungs on which a workload is brought to its end, how long it may stand on each, and which comes next. */

/**
 * `drain`: strategies are told, and what is in flight may end. `abort`: what has not ended is aborted. `term`: SIGTERM.
 * `kill`: SIGKILL to all of it. Nothing is below.
 */
const RUNGS = ["drain", "abort", "term", "kill"] as const;
export type Rung = (typeof RUNGS)[number];

/** Upper bounds, ms. */
export interface LadderLimits {
  drain_ms: number;
  abort_ms: number;
  stop_ms: number;
}

/** What the gateway has last said of the work in flight. */
export type Flight =
  /** It was not asked yet. */
  | "unasked"
  | "in_flight"
  /** Nothing is in flight, and nothing is let in. */
  | "ready"
  /** It cannot be asked: no RPC, another workload, refused, hung. */
  | "unreachable";

export interface LadderView {
  rung: Rung;
  /** Since it stands on this rung, ms. */
  rung_ms: number;
  flight: Flight;
  /** The process has ended. */
  ended: boolean;
  /** Whoever stops it does not want to wait. */
  forced: boolean;
}

/** @returns the rung to stand on now (the same one: stay), or `done`. */
export function nextRung({ rung, rung_ms, flight, ended, forced }: LadderView, limits: LadderLimits): Rung | "done" {
  if (ended) return "done";
  switch (rung) {
    case "drain":
      if (forced || flight === "ready" || flight === "unreachable") return "term";
      return rung_ms < limits.drain_ms ? "drain" : "abort";
    case "abort":
      if (forced || flight === "ready" || flight === "unreachable") return "term";
      return rung_ms < limits.abort_ms ? "abort" : "term";
    case "term":
      return rung_ms < limits.stop_ms ? "term" : "kill";
    case "kill":
      return "kill";
  }
}

/** Until when a rung lasts at most, ms from its beginning; null: as long as it takes. */
export function rungLimit(rung: Rung, { drain_ms, abort_ms, stop_ms }: LadderLimits): number | null {
  switch (rung) {
    case "drain":
      return drain_ms;
    case "abort":
      return abort_ms;
    case "term":
      return stop_ms;
    case "kill":
      return null;
  }
}

/** The longest that drain and all may be, and how long a dead process may take to be gone. */
export const MAX_DRAIN_MS = 10 * 60_000;
export const KILL_MS = 5000;

/** How long the whole ladder takes at most, ms. */
export function ladderBudget({ drain_ms, abort_ms, stop_ms }: LadderLimits): number {
  return drain_ms + abort_ms + stop_ms + KILL_MS;
}

/** How long it takes at most from where it stands, ms. */
export function ladderLeft(rung: Rung, rung_ms: number, limits: LadderLimits): number {
  const below = RUNGS.slice(RUNGS.indexOf(rung) + 1);
  const own = Math.max(0, (rungLimit(rung, limits) ?? KILL_MS) - rung_ms);
  return below.reduce((sum, one) => sum + (rungLimit(one, limits) ?? KILL_MS), own);
}
