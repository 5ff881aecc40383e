/** What is wanted of the agent: the answer to its every word, and what is pushed when it changes. */
import type { HeartbeatAnswer } from "../wire/agent.ts";
import { deliverable } from "./commands.ts";
import { workloadOrder } from "./orders.ts";
import type { BotShell } from "./shell.ts";

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
