/** Destroying by force: no more waiting for evidence. What may be left is named, and goes later. */
import type { Caller } from "../../records/caller.ts";
import type { Operation } from "../../wire/bot.ts";
import type { EventBody, Leftovers } from "../model/events.ts";
import { asKnown } from "../model/newer-release.ts";
import { type BotState, isRunning } from "../model/state.ts";
import { takingOver } from "../reconcile/action-matrix.ts";
import { type Answer, ok } from "../shell/answer.ts";
import type { BotShell } from "../shell/shell.ts";
import { once, reach } from "./management.ts";

/** Ends destroyed at once; a bot that is destroyed already answers with what is left of it. */
export function forceDestroy(shell: BotShell, caller: Caller): Answer<{ operation: Operation; left: Leftovers }> {
  const destroy: Parameters<typeof once>[2] = (remember) => {
    const { bot, rt } = shell.present();
    if (bot.destroyed_at !== null) {
      shell.commit(remember(bot.operation.id));
      return ok(bot.operation.id);
    }
    const running = isRunning(bot.operation) && bot.operation.kind === "destroy" ? bot.operation.id : null;
    const operation_id = running ?? shell.platform.uuid();
    shell.commit({
      events: [...(running === null ? takingOver(bot, operation_id, "destroy") : []), ...ending(bot)],
      by: caller,
      rt: { ...rt, not_before: 0, tries: 0 },
      ...remember(operation_id),
      ends_bot: true,
    });
    return ok(operation_id);
  };
  // The one thing that is done to a bot of a newer release: nobody else could stop what it costs.
  const answer = once(shell, caller, destroy, reach);
  return answer.ok ? { ...answer, value: { operation: answer.value, left: leftovers(shell.present().bot) } } : answer;
}

function ending(bot: BotState): EventBody[] {
  return [
    { kind: "credential_revoked", data: {} },
    { kind: "destroyed", data: { forced: true, left: leftovers(bot) } },
  ];
}

function leftovers(bot: BotState): Leftovers {
  const { droplets, intents } = asKnown(bot);
  return {
    droplet_ids: droplets.map(({ id }) => id),
    open_intents: intents.filter(({ state }) => state === "open").map(({ droplet_name }) => droplet_name),
  };
}
