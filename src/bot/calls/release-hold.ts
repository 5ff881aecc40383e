/** Lifting a hold that somebody but the operator has placed. */
import type { Caller } from "../../records/caller.ts";
import type { BotView } from "../../wire/bot.ts";
import type { HoldOwner } from "../../wire/enums.ts";
import { holdOf } from "../model/holds.ts";
import { type Answer, refuse } from "../shell/answer.ts";
import type { BotShell } from "../shell/shell.ts";
import { onceOnBot } from "./management.ts";

/** Lifts this owner's hold and no other. A bot that this owner does not hold stays as it is. */
export function releaseHold(shell: BotShell, caller: Caller, owner: HoldOwner, reason: string): Answer<BotView> {
  return onceOnBot(shell, caller, (bot, remembered) => {
    if (bot.destroyed_at !== null) return refuse("bot_destroyed");
    const events = [{ kind: "hold_released", data: { owner, reason } } as const];
    // A key that lifted nothing must not lift what is placed later.
    if (holdOf(bot, owner) === null) shell.commit(remembered);
    else shell.commit({ events, by: caller, ...remembered });
    return null;
  });
}
