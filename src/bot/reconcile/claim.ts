/** Whether a droplet that DigitalOcean lists is this bot's, and what the Bot makes of it. Pure. */

import type { ProviderDroplet } from "../../provider/schema.ts";
import { dropletKind } from "../../resources/droplet.ts";
import { type ClaimHistory, judgeListed, type Standing, type SweepVerdict } from "../../resources/verdict.ts";
import type { DropletFacts } from "../model/events.ts";
import { type BotState, type Instant, openIntent } from "../model/state.ts";

export interface Claim {
  verdict: SweepVerdict;
  /** The droplet, where the Bot is to take note of it: from then on it is surplus. */
  found: DropletFacts | null;
}

/**
 * @param recall looks into the history: asked only of a droplet that the state does not know
 * @param listedAt when the listing that showed the droplet began: it says nothing of what was so later
 */
export function judgeClaim(
  bot: BotState,
  droplet: ProviderDroplet,
  recall: () => ClaimHistory,
  listedAt: Instant,
): Claim {
  const { verdict, surplus } = judgeListed(dropletKind, bot, droplet, standingOf(bot, droplet), recall, listedAt);
  const { id, name, status, ip_address } = droplet;
  return { verdict, found: surplus === null ? null : { id, name, generation: surplus, status, ip_address } };
}

function standingOf(bot: BotState, droplet: ProviderDroplet): Standing {
  return {
    kept: droplet.id === bot.adopted,
    known: bot.droplets.some(({ id }) => id === droplet.id),
    awaited: isAwaited(bot, droplet),
  };
}

/** The Bot is about to find it by itself: its POST is unanswered, or its agent has come before the answer. */
function isAwaited(bot: BotState, droplet: ProviderDroplet): boolean {
  if (bot.destroyed_at !== null) return false;
  if (bot.claims.some(({ droplet_id }) => droplet_id === droplet.id)) return true;
  return openIntent(bot)?.droplet_name === droplet.name;
}
