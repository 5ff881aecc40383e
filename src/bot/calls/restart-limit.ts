/** How often people may have a bot restarted: each time it stops trading, and a loop of restarts never lets it begin. */
import { factsOf } from "../model/operations.ts";
import { type Refusal, refuse } from "../shell/answer.ts";
import type { BotShell } from "../shell/shell.ts";

/** The refusal of an operation that interrupts the bot, or of a restart, too soon after the last one; null where it may be done. */
export function tooSoon(shell: BotShell): Refusal | null {
  const { store, platform } = shell;
  const interruptions = store.operations().filter(({ kind }) => factsOf(kind).interrupts);
  const restarts = store.commands().filter(({ kind }) => kind === "restart");
  const last = Math.max(
    0,
    ...interruptions.map(({ started_at }) => started_at),
    ...restarts.map(({ requested_at }) => requested_at),
  );
  const wait_ms = last + platform.policy.restart_interval_ms - platform.now();
  if (wait_ms <= 0) return null;
  const retry_after_s = Math.ceil(wait_ms / 1000);
  return refuse("restarted_lately", `The bot was restarted recently. Try again in ${retry_after_s} s.`, {
    retry_after_s,
  });
}
