/** What a person makes of the flags that attacks and accidents have left. */
import type { Caller } from "../../records/caller.ts";
import type { BotView } from "../../wire/bot.ts";
import { type Answer, refuse } from "../shell/answer.ts";
import type { BotShell } from "../shell/shell.ts";
import { answerKey, reachToChange, snapshot } from "./management.ts";

/** Takes every flag down; the history keeps them, with who looked and what they made of it. */
export function acknowledgeSecurity(shell: BotShell, caller: Caller, reason: string): Answer<BotView> {
  const reached = reachToChange(shell, caller.scope);
  if (!reached.ok) return reached;
  const { flags } = reached.live.bot;
  const { key, body_hash } = answerKey(caller);
  const known = shell.store.answered(key);
  if (known && known.body_hash !== body_hash) {
    return refuse("idempotency_key_reused");
  }
  if (!known && flags.length > 0) {
    shell.commit({
      events: [{ kind: "security_acknowledged", data: { flags, reason } }],
      by: caller,
      answer: { key, body_hash, result: null },
    });
  }
  const answer = snapshot(shell, caller.scope);
  return answer.ok && known ? { ...answer, replayed: true } : answer;
}
