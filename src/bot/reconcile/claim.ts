/** Whether a droplet that DigitalOcean lists is this bot's, and what the Bot makes of it. Pure. */
import { judgeOwnership } from "../../naming/ownership.ts";
import type { SweepVerdict } from "../../provider/gate/verdict.ts";
import type { ProviderDroplet } from "../../provider/schema.ts";
import type { DropletFacts } from "../model/events.ts";
import { type BotState, type Instant, openIntent } from "../model/state.ts";

/** What the bot's history says of the droplet, beside its state. */
export interface ClaimHistory {
  /** An intent was once made for a droplet of this name. */
  intended: boolean;
  /** When the droplet was last confirmed gone; null: never. */
  gone_at: Instant | null;
}

export interface Claim {
  verdict: SweepVerdict;
  /** The droplet, where the Bot is to take note of it: from then on it is surplus. */
  found: DropletFacts | null;
}

const MINE: Claim = { verdict: "mine", found: null };
const STALE: Claim = { verdict: "mine_stale", found: null };

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
  const ownership = judgeOwnership(bot, droplet);
  // Another fleet's or a contradicting tag: no Bot may say that it can go.
  if (ownership.verdict !== "ours") return MINE;
  if (droplet.id === bot.adopted) return MINE;
  if (bot.droplets.some(({ id }) => id === droplet.id)) return STALE;
  const history = recall();
  if (history.gone_at !== null && history.gone_at >= listedAt) return MINE;
  if (isAwaited(bot, droplet)) return MINE;
  // A name alone anybody can give: without our tag only an intent makes the droplet ours.
  if (!droplet.tags.includes(bot.fleet.tag) && !history.intended) return { verdict: "unknown_bot", found: null };
  const { id, name, status, ip_address } = droplet;
  return { verdict: "mine_stale", found: { id, name, generation: ownership.generation, status, ip_address } };
}

/** The Bot is about to find it by itself: its POST is unanswered, or its agent has come before the answer. */
function isAwaited(bot: BotState, droplet: ProviderDroplet): boolean {
  if (bot.destroyed_at !== null) return false;
  if (bot.claims.some(({ droplet_id }) => droplet_id === droplet.id)) return true;
  return openIntent(bot)?.droplet_name === droplet.name;
}
