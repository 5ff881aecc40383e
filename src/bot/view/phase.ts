/** Which step of the work under way a person is shown. Pure. */
import type { BotState } from "../model/state.ts";
import { stepOf } from "../model/status.ts";
import type { Decision } from "../reconcile/decision.ts";
import { WIND_DOWN } from "../reconcile/wind-down.ts";

export function phaseOf(bot: BotState, decision: Decision): string | null {
  return isStoppingWorkload(decision) ? "stopping_workload" : stepOf(bot);
}

export function isStoppingWorkload(decision: Decision): boolean {
  return "wait" in decision && decision.for === WIND_DOWN;
}
