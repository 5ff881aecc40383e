/**
 * The time that a workload has to stop in order before its droplet is switched off or taken away by our doing. It is ordered to
 * stop when the operation begins; its agent walks it down (bootstrap/agent/workload/wind-down.ts) and says when it has
 * stopped. Pure.
 */
import type { WorkloadState } from "../../wire/enums.ts";
import { isUp } from "../model/fold-droplets.ts";
import type { Policy } from "../model/policy.ts";
import { adoptedDroplet, type BotState, type Instant, isDoomed, isRunning } from "../model/state.ts";
import { stopping } from "../model/workload-order.ts";
import type { Decision, Telemetry } from "./decision.ts";
import { silenceDeadline } from "./silence.ts";
import type { Situation } from "./situation.ts";
import { record, waitUntil } from "./steps.ts";

/** What an operation says that it waits for. */
export const WIND_DOWN = "wind_down";

/** Nothing of it runs, and under the order to stop nothing will. */
const DOWN: readonly string[] = ["stopped", "failed"] satisfies WorkloadState[];
/** From an agent's words until what comes after them must have arrived. */
const LATE_MS = 45_000;

/** Null once it has stopped, or was given up, or nobody is there to say so. */
export function windDown({ bot, rt, now, policy }: Situation): Decision | null {
  if (bot.agent === null || !isWindingDown(bot, rt.telemetry)) return null;
  // Whoever has fallen silent will not say it any more.
  const silentAt = silenceDeadline(rt, bot.agent.bound_at, policy);
  const until = Math.min(windDownDeadline(bot, rt.telemetry, policy), silentAt);
  return now < until ? waitUntil(until, WIND_DOWN) : record({ kind: "wind_down_ended", data: { how: "deadline" } });
}

/** An operation under way waits for the workload. @param telemetry what the agent last said of itself */
export function isWindingDown(bot: BotState, telemetry: Telemetry | null): boolean {
  if (!isRunning(bot.operation) || !stopping(bot) || bot.operation.wound_down) return false;
  if (bot.agent === null || bot.presence !== "heard" || telemetry === null) return false;
  const droplet = adoptedDroplet(bot);
  return droplet !== null && isUp(droplet) && !isDoomed(droplet) && !hasStopped(telemetry.workload);
}

export function hasStopped({ state }: Telemetry["workload"]): boolean {
  return DOWN.includes(state);
}

function windDownDeadline({ order_since }: BotState, telemetry: Telemetry | null, policy: Policy): Instant {
  const longest = order_since + policy.wind_down_max_ms;
  return Math.min(longest, Math.max(order_since + policy.wind_down_ms, stoppedBy(telemetry)));
}

/** When the agent has said that its workload will have stopped, with the time that its word takes; 0: it has not, or is late. */
export function stoppedBy(telemetry: Telemetry | null): Instant {
  const ends_in_s = telemetry?.workload.wind_down?.ends_in_s ?? 0;
  return telemetry === null || ends_in_s === 0 ? 0 : telemetry.at + ends_in_s * 1000 + LATE_MS;
}
