/** Lifting a hold that somebody but the operator has placed. */
import type { Caller } from "../../records/caller.ts";
import type { BotView } from "../../wire/bot.ts";
import type { HoldOwner } from "../../wire/enums.ts";
import { holdOf } from "../model/holds.ts";
import { type Answer, refuse } from "../shell/answer.ts";
import type { BotShell } from "../shell/shell.ts";
import { answerKey, reachToChange, snapshot } from "./management.ts";

/** Lifts this owner's hold and no other. A bot that this owner does not hold stays as it is. */
export function releaseHold(shell: BotShell, caller: Caller, owner: HoldOwner, reason: string): Answer<BotView> {
  const reached = reachToChange(shell, caller.scope);
  if (!reached.ok) return reached;
  const { key, body_hash } = answerKey(caller);
  const known = shell.store.answered(key);
  if (known && known.body_hash !== body_hash) return refuse("idempotency_key_reused");
  const { bot } = reached.live;
  if (!known && bot.destroyed_at !== null) return refuse("bot_destroyed");
  if (!known) {
    const events = [{ kind: "hold_released", data: { owner, reason } } as const];
    // A key that lifted nothing must not lift what is placed later.
    const answer = { key, body_hash, result: null };
    if (holdOf(bot, owner) === null) shell.commit({ answer });
    else shell.commit({ events, by: caller, answer });
  }
  const answer = snapshot(shell, caller.scope);
  return answer.ok && known ? { ...answer, replayed: true } : answer;
}
