/** Whether a bot's workload may run. Pure. */
import type { WorkloadOrder } from "../../wire/enums.ts";
import { isHeld } from "./holds.ts";
import { asKnown } from "./newer-release.ts";
import { stopsWorkload } from "./operations.ts";
import { type BotState, isRunning } from "./state.ts";

/**
 * The order that the agent is given. That of a bot of a newer release is the one last given, or what is known of the bot
 * says, whichever permits less: what this release does not know may be a reason to stand still.
 */
export function orderOf(bot: BotState): WorkloadOrder {
  const known = asKnown(bot);
  if (known === bot) return workloadOrder(bot);
  const orders = [known.order ?? "hold", workloadOrder(known)];
  return orders.includes("stop") ? "stop" : orders.includes("hold") ? "hold" : "run";
}

/** The permission to run. */
export function workloadOrder(bot: BotState): WorkloadOrder {
  if (bot.destroyed_at !== null || isFenced(bot) || (bot.off_by_us && !isRunning(bot.operation))) return "stop";
  if (isHeld(bot)) return "stop";
  if (bot.workload_stopped) return "stop";
  return bot.start_held ? "hold" : "run";
}

/** Whether the workload starts by itself after what nobody asked for. */
export function startPolicy(bot: BotState): "auto" | "manual" {
  return bot.policies.start ?? (bot.paper_mode ? "auto" : "manual");
}

/** The bot may not run, and gets nothing to run with. */
export function isFenced(bot: BotState): boolean {
  return bot.suspension !== null || stopping(asKnown(bot));
}

/** The bot is being stopped or taken away: nothing that its agent says makes it online again. */
export function stopping({ operation }: BotState): boolean {
  return isRunning(operation) && stopsWorkload(operation);
}
