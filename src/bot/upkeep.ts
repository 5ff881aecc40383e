/** What the fleet's upkeep asks of a Bot: whether a droplet is its own, and whether it still wakes by itself. */
import type { ProviderDroplet } from "../provider/schema.ts";
import { type ClaimVerdict, judgeClaim } from "./claim.ts";
import type { BotShell } from "./shell.ts";
import type { Instant } from "./state.ts";

/** A droplet as a listing showed it. */
export interface ClaimRequest {
  droplet: ProviderDroplet;
  /** When the listing began. */
  listed_at: Instant;
  /** Only asks: the Bot takes no note of the droplet. */
  dry_run: boolean;
}

/** A Bot that cannot read its own state gives nothing away. */
export function claim(shell: BotShell, { droplet, listed_at, dry_run }: ClaimRequest): ClaimVerdict {
  const loaded = shell.load();
  if (loaded.kind === "absent") return "unknown_bot";
  if (loaded.kind === "broken") return "mine";
  const { verdict, found } = judgeClaim(loaded.bot, droplet, shell.store.claimHistory(droplet), listed_at);
  if (found !== null && !dry_run) {
    shell.commit({ events: [{ kind: "droplet_found", data: { droplet: found, via: "sweep" } }] });
  }
  return verdict;
}
