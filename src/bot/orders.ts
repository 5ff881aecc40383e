/** What is wanted of the agent: the answer to its every word, and what is pushed when it changes. */
import type { HeartbeatAnswer } from "../wire/agent.ts";
import type { WorkloadOrder } from "../wire/enums.ts";
import { deliverable } from "./commands.ts";
import type { BotShell } from "./shell.ts";
import { type BotState, isRunning } from "./state.ts";

/** The bot is being stopped or taken away: nothing that its agent says makes it online again. */
export function stopping({ operation }: BotState): boolean {
  if (!isRunning(operation)) return false;
  return (
    ["pause", "suspend", "destroy"].includes(operation.kind) || (operation.kind === "redeploy" && !operation.recreating)
  );
}

/** The bot may not run, and gets nothing to run with. */
export function isFenced(bot: BotState): boolean {
  return bot.suspension !== null || stopping(bot);
}

/** The permission to run. Pure. */
function workloadOrder(bot: BotState): WorkloadOrder {
  if (bot.destroyed_at !== null || isFenced(bot) || (bot.off_by_us && !isRunning(bot.operation))) return "stop";
  if (bot.workload_stopped) return "stop";
  return bot.start_held ? "hold" : "run";
}

export function ordersOf(shell: BotShell): HeartbeatAnswer {
  const { bot } = shell.present();
  return {
    status: "ok",
    generation: bot.generation,
    desired_config_id: bot.config.desired.id,
    workload: workloadOrder(bot),
    commands: deliverable(shell),
  };
}
