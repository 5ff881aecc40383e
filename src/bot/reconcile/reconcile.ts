/**
 * The lifecycle: looks at what is and answers with at most one next step. Level-triggered and pure, so it may be asked
 * at any time, after any crash, as often as one likes.
 */

import { NEWER_RELEASE } from "../../wire/newer-release.ts";
import { isOfNewerRelease, WATCH_EVERY_MS } from "../model/newer-release.ts";
import type { Policy } from "../model/policy.ts";
import { adoptedDroplet, type BotState, type Instant, isDoomed, isRunning, openIntent } from "../model/state.ts";
import { reconcileAtRest, reconcileDestroyed } from "./at-rest.ts";
import type { Decision, Runtime } from "./decision.ts";
import { deadlineOf, OPERATIONS } from "./operations.ts";
import type { Situation } from "./situation.ts";
import { fail, waitUntil } from "./steps.ts";

export function reconcile(bot: BotState, rt: Runtime, now: Instant, policy: Policy): Decision {
  if (isOfNewerRelease(bot)) return waitUntil(now + WATCH_EVERY_MS, NEWER_RELEASE);
  const s: Situation = { bot, rt, now, policy };
  if (bot.destroyed_at !== null) return reconcileDestroyed(s);
  return isRunning(bot.operation) ? reconcileOperation(s) : reconcileAtRest(s);
}

function reconcileOperation(s: Situation): Decision {
  const { bot, now, policy } = s;
  const deadline = deadlineOf(bot.operation, policy);
  // What waits for the whole fleet's trouble to pass is not late by its own fault.
  if (deadline !== null && now >= deadline && bot.waiting === null && !bot.operation.recreating && !isTied(bot)) {
    return fail(s, "timed_out", `Timed out: ${bot.operation.last_error ?? "the droplet did not change its state"}`);
  }
  return OPERATIONS[bot.operation.kind].reconcile(s);
}

/** A POST or a DELETE is under way: whatever became of it has to be known before anything is given up. */
function isTied(bot: BotState): boolean {
  const droplet = adoptedDroplet(bot);
  return openIntent(bot) !== null || (droplet !== null && isDoomed(droplet));
}
