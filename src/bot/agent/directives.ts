/** What is wanted of the agent: the answer to its every word, and what is pushed when it changes. */
import type { HeartbeatAnswer } from "../../wire/agent.ts";
import { deliverable } from "../calls/commands.ts";
import { isOfNewerRelease } from "../model/newer-release.ts";
import { orderOf } from "../model/workload-order.ts";
import type { BotShell } from "../shell/shell.ts";

export function ordersOf(shell: BotShell): HeartbeatAnswer {
  const { bot } = shell.present();
  return {
    status: "ok",
    generation: bot.generation,
    desired_config_id: bot.config.desired.id,
    workload: orderOf(bot),
    commands: isOfNewerRelease(bot) ? [] : deliverable(shell),
  };
}
