/** Whether a bot's workload may run. Pure. */
import type { WorkloadOrder } from "../../wire/enums.ts";
import { stopsWorkload } from "./operations.ts";
import { type BotState, isRunning } from "./state.ts";

/** The permission to run. */
export function workloadOrder(bot: BotState): WorkloadOrder {
  if (bot.destroyed_at !== null || isFenced(bot) || (bot.off_by_us && !isRunning(bot.operation))) return "stop";
  if (bot.workload_stopped) return "stop";
  return bot.start_held ? "hold" : "run";
}

/** The bot may not run, and gets nothing to run with. */
export function isFenced(bot: BotState): boolean {
  return bot.suspension !== null || stopping(bot);
}

/** The bot is being stopped or taken away: nothing that its agent says makes it online again. */
export function stopping({ operation }: BotState): boolean {
  return isRunning(operation) && stopsWorkload(operation);
}
