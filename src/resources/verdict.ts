/** Whether a resource that the provider lists is this bot's, and what the Bot makes of it. Pure. */
import type { Fleet } from "../naming/fleet.ts";
import type { Instant, ResourceKind } from "./kind.ts";
import { judgeOwnership, type Marked } from "./ownership.ts";

/**
 * `mine`: hands off. `mine_stale`: it should not exist, and the Bot itself removes it. `unknown_bot`: no Bot answers for
 * it.
 */
export type SweepVerdict = "mine" | "mine_stale" | "unknown_bot";

/** What a Bot is asked of a resource that a listing showed. */
export interface VerdictRequest<Listed> {
  /** Absent: a droplet, as the release before means it. */
  kind?: string;
  /** The resource, of whichever kind; so called since there were only droplets. */
  droplet: Listed;
  /** How long ago the listing began, ms: the caller's clock may be another one. */
  listed_ms_ago: number;
  /** Only asks: the Bot takes no note of it. */
  dry_run: boolean;
}

/** What the bot's state says of the resource. */
export interface Standing {
  /** It is the one in use. */
  kept: boolean;
  /** The Bot knows of it and removes it. */
  known: boolean;
  /** The Bot is about to find it by itself. */
  awaited: boolean;
}

/** What the bot's history says of it, beside its state. */
export interface ClaimHistory {
  /** An intent was once made for a resource of this name. */
  intended: boolean;
  /** When it was last confirmed gone; null: never. */
  gone_at: Instant | null;
}

export interface Judged {
  verdict: SweepVerdict;
  /** The generation of one that the Bot is to take note of: from then on it is surplus. Null: nothing is to be noted. */
  surplus: number | null;
}

const MINE: Judged = { verdict: "mine", surplus: null };

/**
 * @param recall looks into the history: asked only of a resource that the state does not know
 * @param listedAt when the listing that showed it began: it says nothing of what was so later
 */
export function judgeListed(
  kind: ResourceKind,
  bot: { id: string; fleet: Fleet },
  listed: Marked,
  { kept, known, awaited }: Standing,
  recall: () => ClaimHistory,
  listedAt: Instant,
): Judged {
  const ownership = judgeOwnership(kind, bot, listed);
  // Another fleet's or a contradicting tag: no Bot may say that it can go.
  if (ownership.verdict !== "ours" || kept) return MINE;
  if (known) return { verdict: "mine_stale", surplus: null };
  const history = recall();
  if (history.gone_at !== null && history.gone_at >= listedAt) return MINE;
  if (awaited) return MINE;
  // A name alone anybody can give: without our tag only an intent makes the resource ours.
  if (!listed.tags.includes(bot.fleet.tag) && !history.intended) return { verdict: "unknown_bot", surplus: null };
  return { verdict: "mine_stale", surplus: ownership.generation };
}
