/**
 * What ended the workload by itself, and what became of the work in it. Crashes, folded: a burst is told at its first crash, and from then on as one entry that says all of it,
 * now and then. Counted beside the state (losing the count costs an entry); what was told is part of it. Pure.
 */
import type { EventBody } from "../model/events.ts";
import type { Policy } from "../model/policy.ts";
import type { BotState, Instant } from "../model/state.ts";
import type { Decision, Runtime, Telemetry } from "./decision.ts";
import type { Situation } from "./situation.ts";
import { record, waitUntil } from "./steps.ts";

type Burst = NonNullable<Runtime["crashes"]>;

/**
 * What a report adds to the burst; null: there has been none.
 * @param reason why the workload ended last, as far as the agent says
 */
export function countCrashes(rt: Runtime, said: Telemetry, reason: string | null, policy: Policy): Burst | null {
  const { crashes: burst, telemetry } = rt;
  const more = crashesSince(telemetry, said);
  if (more === 0) return burst;
  const goesOn = burst !== null && said.at - burst.last_at < policy.crash_fold_ms;
  if (!goesOn) return { first_at: said.at, last_at: said.at, count: more, reason };
  return { ...burst, last_at: said.at, count: burst.count + more, reason };
}

/** What a report adds to the interrupted runs that were aborted; null: nothing. */
export function abortedRuns(before: Telemetry | null, said: Telemetry): EventBody | null {
  const is = said.workload.aborted_runs ?? 0;
  const was = before?.workload.aborted_runs ?? 0;
  const count = is < was ? is : is - was;
  return before === null || count === 0 ? null : { kind: "runs_aborted", data: { count } };
}

/** A counter that has fallen begins anew with the agent. Agents that do not count crashes count restarts. */
function crashesSince(before: Telemetry | null, { workload }: Telemetry): number {
  if (before === null) return 0;
  const is = workload.crashes ?? workload.restarts;
  const was = before.workload.crashes ?? before.workload.restarts;
  return is < was ? is : is - was;
}

/** What is to be told of the burst now. */
export function crashNews({ crashes: told }: BotState, burst: Burst | null, now: Instant, policy: Policy) {
  const due = crashesDue(told, burst, policy);
  return due !== null && now >= due ? newsOf(burst) : null;
}

/** At rest: tells the rest of a burst once its time has come. Null: there is nothing to tell. */
export function tellCrashes({ bot, rt, now, policy }: Situation): Decision | null {
  const due = crashesDue(bot.crashes, rt.crashes, policy);
  const news = newsOf(rt.crashes);
  if (due === null || news === null) return null;
  return now < due ? waitUntil(due, "crash_report") : record(news);
}

function newsOf(burst: Burst | null): EventBody | null {
  return burst && { kind: "workload_crashed", data: { ...burst } };
}

function crashesDue(told: BotState["crashes"], burst: Burst | null, policy: Policy): Instant | null {
  if (burst === null || (told?.first_at === burst.first_at && told.count >= burst.count)) return null;
  return told === null ? burst.first_at : told.told_at + policy.crash_fold_ms;
}
