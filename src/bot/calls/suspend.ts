/** Suspending a bot and letting it run again: for the operator, and for whoever keeps the accounts. */
import type { Caller } from "../../records/caller.ts";
import type { Operation } from "../../wire/bot.ts";
import type { EventBody } from "../model/events.ts";
import { type BotState, isOff, isRunning } from "../model/state.ts";
import { judgeSuspend, judgeUnsuspend, takingOver } from "../reconcile/action-matrix.ts";
import { type Answer, ok } from "../shell/answer.ts";
import type { BotShell } from "../shell/shell.ts";
import { once, refuseAction, unheld } from "./management.ts";

/** Stops the bot and keeps it stopped. One that is suspended already keeps its first reason. */
export function suspend(shell: BotShell, caller: Caller, reason: string): Answer<Operation> {
  return once(shell, caller, (remember) => {
    const { bot, rt } = shell.present();
    const { verdict } = judgeSuspend(bot);
    if (verdict === "refuse") return refuseAction(bot, "be suspended");
    if (verdict === "same") {
      shell.commit(remember(bot.operation.id));
      return ok(bot.operation.id);
    }
    const operation_id = shell.platform.uuid();
    const suspended: EventBody[] = bot.suspension === null ? [{ kind: "suspended", data: { reason } }] : [];
    shell.commit({
      events: [...suspended, ...takingOver(bot, operation_id, "suspend")],
      by: caller,
      rt: unheld(rt),
      ...remember(operation_id),
    });
    return ok(operation_id);
  });
}

/** Takes the suspension away. The bot is then as people wanted it before: paused, or else it is made to run again. */
export function unsuspend(shell: BotShell, caller: Caller): Answer<Operation> {
  return once(shell, caller, (remember) => {
    const { bot, rt } = shell.present();
    const { verdict } = judgeUnsuspend(bot);
    if (verdict === "refuse") return refuseAction(bot, "be unsuspended");
    const next = verdict === "start" ? whatFollows(bot) : null;
    const operation_id = next === null ? bot.operation.id : shell.platform.uuid();
    shell.commit({
      events: verdict === "start" ? unsuspending(bot, next, operation_id) : [],
      by: caller,
      rt: next === null ? rt : unheld(rt),
      ...remember(operation_id),
    });
    return ok(operation_id);
  });
}

function unsuspending(bot: BotState, next: "pause" | "resume" | null, operation_id: string): EventBody[] {
  const { operation } = bot;
  const events: EventBody[] = [];
  if (isRunning(operation)) {
    events.push({ kind: "operation_cancelled", data: { operation_id: operation.id, why: "unsuspended" } });
  }
  events.push({ kind: "unsuspended", data: {} });
  if (next !== null) {
    events.push({ kind: "operation_requested", data: { operation_id, kind: next, why: "unsuspended", begun: true } });
  }
  return events;
}

/** A pause that the suspension cut short is still wanted. */
function whatFollows(bot: BotState): "pause" | "resume" | null {
  if (!bot.suspension?.paused) return "resume";
  return isOff(bot) ? null : "pause";
}
