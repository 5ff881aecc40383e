/** Pure: which single step brings the workload to what it should be, and how an apply under way is judged. */
import type { WorkloadOrder, WorkloadState } from "../../../src/wire/enums.ts";
import type { Ban } from "./permission.ts";

export interface Situation {
  /** The last answer's permission; null until there was one since the agent started. */
  order: WorkloadOrder | null;
  ban: Ban | null;
  /** The control plane was last heard so long ago that the offline policy ends its permission. */
  cut_off: boolean;
  /** A person stopped the workload through the local API. */
  stopped_here: boolean;
  installed: boolean;
  /** Why nothing can be written to the disk; null: it can. */
  unwritable: string | null;
  /** The config whose workload is meant to be up at present; null when none is. */
  up: string | null;
  /** The newest config in memory, with its secret. */
  held: string | null;
  /** What the agent says it has applied. */
  applied: string | null;
  /** The last config whose workload passed the health gate. */
  proven: string | null;
  /** A config in memory to fall back to. */
  last_good: string | null;
  /** The last config that failed here, while it is not to be tried again. */
  failed: string | null;
}

export type Step =
  | { do: "rest"; reason: string }
  | { do: "stop"; reason: string }
  /** Nothing here can run: say so, until another config comes. */
  | { do: "halt"; reason: string }
  /** Taken over without a workload to prove it on: the gate is part of the next start. */
  | { do: "accept" }
  /** Start with the held config, behind the health gate. */
  | { do: "apply" }
  | { do: "start"; config: "held" | "last_good" };

export function mayRun(s: Pick<Situation, "order" | "ban" | "cut_off" | "stopped_here" | "up">): boolean {
  if (s.ban !== null || s.cut_off || s.stopped_here) return false;
  return s.order === "run" || (s.order === "hold" && s.up !== null);
}

/** What would have to be written has no place on a full disk: what runs goes on, and nothing is begun. */
export function nextStep(s: Situation): Step {
  const step = wantedStep(s);
  const starts = step.do === "apply" || step.do === "start";
  return starts && s.unwritable !== null ? { do: "rest", reason: s.unwritable } : step;
}

function wantedStep(s: Situation): Step {
  if (!mayRun(s)) {
    const reason = whyNot(s);
    if (s.up !== null) return { do: "stop", reason };
    const accepts = s.ban === null && s.order !== null;
    if (accepts && s.held !== null && s.held !== s.applied && s.held !== s.failed) return { do: "accept" };
    return { do: "rest", reason };
  }
  if (s.held === null) return { do: "rest", reason: "no config yet" };
  if (!s.installed) return { do: "rest", reason: "not installed yet" };
  if (s.held === s.failed) {
    if (s.last_good === null) return { do: "halt", reason: "the config failed, and there is no earlier one" };
    return s.up === s.last_good ? { do: "rest", reason: "last good config" } : { do: "start", config: "last_good" };
  }
  if (s.held !== s.proven) return { do: "apply" };
  return s.up === s.held ? { do: "rest", reason: "as desired" } : { do: "start", config: "held" };
}

/**
 * A restart ends and starts what is up, so it needs what a start needs: `hold` leaves a workload alone and no more.
 * @returns why there can be none now; null where there can.
 */
export function whyNoRestart(s: Situation, applying: boolean): string | null {
  if (!mayRun(s)) return `The workload must not run: ${whyNot(s)}.`;
  if (s.order !== "run") return `The workload must not be started: the control plane's order is ${s.order}.`;
  if (s.unwritable !== null) return `The workload could not be started again: ${s.unwritable}.`;
  if (applying) return "A config is being applied, which restarts the workload anyway.";
  return s.up === null ? "There is no workload to restart: nothing is installed yet." : null;
}

function whyNot(s: Situation): string {
  if (s.ban !== null) return s.ban;
  if (s.order === null) return "waiting for the control plane";
  if (s.cut_off) return "cut off from the control plane, and the offline policy is stop";
  return s.stopped_here ? "stopped by a command" : `the control plane's order is ${s.order}`;
}

export interface ApplyView {
  elapsed_ms: number;
  may_run: boolean;
  /** Why nothing can be written to the disk; null: it can. */
  unwritable: string | null;
  state: WorkloadState;
  /** Why the workload is in that state, for the record. */
  reason: string | null;
  /** How long `/readyz` has been good without a break; 0 while it is not. */
  ready_for_ms: number;
  /** Times that the workload ended by itself since this apply began, and its config may be why. */
  exits: number;
}

export interface ApplyLimits {
  ready_window_ms: number;
  apply_deadline_ms: number;
}

/** Ends of its own that a workload may have before the deadline: one may be bad luck, three are a loop. */
const MAX_EXITS = 3;

export type ApplyVerdict =
  | { is: "waiting" }
  | { is: "applied" }
  | { is: "interrupted" }
  | { is: "failed"; reason: string };

export function judgeApply(view: ApplyView, limits: ApplyLimits): ApplyVerdict {
  const verdict = judgeWorkload(view, limits);
  // The disk may be why, and not the config: it is applied anew once there is room.
  return verdict.is === "failed" && view.unwritable !== null ? { is: "interrupted" } : verdict;
}

function judgeWorkload(view: ApplyView, limits: ApplyLimits): ApplyVerdict {
  if (!view.may_run) return { is: "interrupted" };
  if (view.state === "failed") return { is: "failed", reason: view.reason ?? "the workload failed" };
  if (view.exits >= MAX_EXITS) return { is: "failed", reason: `crash loop: ${view.reason ?? "the workload ended"}` };
  if (view.state === "running" && view.ready_for_ms >= limits.ready_window_ms) return { is: "applied" };
  if (view.elapsed_ms >= limits.apply_deadline_ms) {
    const why = view.reason === null ? "" : `: ${view.reason}`;
    return { is: "failed", reason: `not ready within ${limits.apply_deadline_ms / 1000} s${why}` };
  }
  return { is: "waiting" };
}

/** A power cut is no fault of the config: it gets another try, but not before this. */
const RETRY_DIED_MS = 10 * 60_000;

export const DIED_DURING_APPLY = "agent_died_during_apply";

export interface FailedApply {
  config_id: string;
  reason: string;
  /** Unix time, ms. */
  at_ms: number;
}

/** The config that must not be tried (again) now. */
export function barredConfig(failed: FailedApply | null, now_ms: number): string | null {
  if (failed === null) return null;
  if (failed.reason === DIED_DURING_APPLY && now_ms - failed.at_ms >= RETRY_DIED_MS) return null;
  return failed.config_id;
}
