/** Waiting until a bot has a status: whoever waits is answered by the commit that brings it, and nothing is polled. */
import type { Scope } from "../../records/caller.ts";
import type { WaitAnswer } from "../../wire/bot.ts";
import type { BotStatus } from "../../wire/enums.ts";
import { type Answer, ok, refuse } from "../shell/answer.ts";
import type { BotShell, Live } from "../shell/shell.ts";
import { viewBot } from "../view/bot.ts";
import { reach } from "./management.ts";

/** Each keeps the object awake. */
const MAX_WAITERS = 5;
const RETRY_AFTER_S = 5;

interface Waiter {
  status: BotStatus;
  answer: (live: Live) => void;
}

/** Those who wait for this object's bot, as long as the object is in memory. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();

  get count(): number {
    return this.#waiting.size;
  }

  /** @returns the bot as soon as it has the status or is destroyed; null where the patience ended before */
  async until(status: BotStatus, patience: Promise<void>): Promise<Live | null> {
    const { promise, resolve } = Promise.withResolvers<Live | null>();
    const waiter: Waiter = { status, answer: resolve };
    this.#waiting.add(waiter);
    try {
      return await Promise.race([promise, patience.then(() => null)]);
    } finally {
      this.#waiting.delete(waiter);
    }
  }

  /** After a commit. */
  tell(live: Live): void {
    for (const { status, answer } of this.#waiting) if (isOver(live, status)) answer(live);
  }
}

/** Nothing else comes after destroyed. */
function isOver({ bot }: Live, status: BotStatus): boolean {
  return bot.status === status || bot.destroyed_at !== null;
}

/** @param patience ends with the time that the caller gave, or with the caller */
export async function waitFor(
  shell: BotShell,
  waiters: Waiters,
  { scope, status }: { scope: Scope; status: BotStatus },
  patience: Promise<void>,
): Promise<Answer<WaitAnswer>> {
  const reached = reach(shell, scope);
  if (!reached.ok) return reached;
  if (isOver(reached.live, status)) return ok(answerOf(shell, reached.live, status));
  if (waiters.count >= MAX_WAITERS) {
    return refuse(
      "too_many_waiters",
      `${MAX_WAITERS} requests already wait for this bot. Try again in ${RETRY_AFTER_S} s.`,
      {
        retry_after_s: RETRY_AFTER_S,
      },
    );
  }
  const live = await waiters.until(status, patience);
  return ok(answerOf(shell, live ?? shell.present(), status));
}

function answerOf({ platform }: BotShell, { bot, rt }: Live, status: BotStatus): WaitAnswer {
  return { reached: bot.status === status, bot: viewBot(bot, rt, platform.now(), platform.policy) };
}
