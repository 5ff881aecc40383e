/** What the sweep asks a Bot about a droplet that carries the bot's name, and what the Bot may answer. */
import type { ProviderDroplet } from "../schema.ts";

/** A droplet as a listing showed it. */
export interface VerdictRequest {
  droplet: ProviderDroplet;
  /** How long ago the listing began, ms: the caller's clock may be another one. */
  listed_ms_ago: number;
  /** Only asks: the Bot takes no note of the droplet. */
  dry_run: boolean;
}

/**
 * `mine`: hands off. `mine_stale`: it should not exist, and the Bot itself removes it. `unknown_bot`: no Bot answers for
 * it.
 */
export type SweepVerdict = "mine" | "mine_stale" | "unknown_bot";
