/** How holds and what they are for change the state. Pure. */
import type { HoldEvents } from "./events.ts";
import type { Folds } from "./fold-parts.ts";
import { holdOf, placeHold, releaseHold } from "./holds.ts";
import { startPolicy } from "./workload-order.ts";

export const holdFolds: Folds<keyof HoldEvents> = {
  limit_breached: (bot, { limit, value, max }, at) => ({
    breaches: [
      ...bot.breaches.filter((breach) => breach.limit !== limit),
      { limit, value, max, since: at, stopped: holdOf(bot, "breach") !== null },
    ],
  }),
  limit_kept_again: (bot, data) => ({ breaches: bot.breaches.filter(({ limit }) => limit !== data.limit) }),
  hold_placed: (bot, { owner, reason }, at, actor) => ({
    ...placeHold(bot, { owner, reason, by: actor, since: at }),
    ...(owner === "breach" ? { breaches: bot.breaches.map((breach) => ({ ...breach, stopped: true })) } : {}),
  }),
  hold_released: (bot, { owner }) => releaseHold(bot, owner, startPolicy(bot) === "manual"),
};
