/** What a person makes of the flags that attacks and accidents have left. */
import type { Caller } from "../../records/caller.ts";
import type { BotView } from "../../wire/bot.ts";
import type { Answer } from "../shell/answer.ts";
import type { BotShell } from "../shell/shell.ts";
import { onceOnBot } from "./management.ts";

/** Takes every flag down; the history keeps them, with who looked and what they made of it. */
export function acknowledgeSecurity(shell: BotShell, caller: Caller, reason: string): Answer<BotView> {
  return onceOnBot(shell, caller, ({ flags }, remembered) => {
    if (flags.length === 0) return null;
    const events = [{ kind: "security_acknowledged", data: { flags, reason } } as const];
    shell.commit({ events, by: caller, ...remembered });
    return null;
  });
}
