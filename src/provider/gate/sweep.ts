/**
 * The sweep's judgement: which of the account's droplets are ours, and which of those nobody answers for. A name or a
 * tag alone never lets a droplet go, and neither does one look. Pure.
 */
import type { Fleet } from "../../naming/fleet.ts";
import { judgeOwnership, namedOwner } from "../../naming/ownership.ts";
import type { ProviderDroplet } from "../schema.ts";
import type { SweepVerdict } from "./verdict.ts";

const MINUTE_MS = 60_000;
/** From the first inventory in which nobody answered for a droplet until it may be deleted. */
const QUARANTINE_MS = 15 * MINUTE_MS;
const INVENTORIES = 2;
/** A DELETE that did not take is sent again only after so long. */
const REDELETE_MS = 10 * MINUTE_MS;

/** All droplets of the account, from its first page to its last. */
export interface Inventory {
  began_at: number;
  droplets: ProviderDroplet[];
}

/** `contradicted`: it carries a name or a tag of ours, but they do not agree. A person should look. */
export type Kinship =
  | { kind: "foreign" }
  | { kind: "contradicted"; bot_id: string | null }
  | { kind: "ours"; bot_id: string; tagged: boolean };

export function kinshipOf(fleet: Fleet, droplet: ProviderDroplet): Kinship {
  const tagged = droplet.tags.includes(fleet.tag);
  const bot_id = namedOwner(fleet, droplet.name);
  if (bot_id === null) return tagged ? { kind: "contradicted", bot_id } : { kind: "foreign" };
  const { verdict } = judgeOwnership({ id: bot_id, fleet }, droplet);
  return verdict === "ours" ? { kind: "ours", bot_id, tagged } : { kind: "contradicted", bot_id };
}

/**
 * `found`: reported and left alone. `stale`: its Bot removes it. `quarantined`: nobody answers for it, so it will be
 * deleted. `deleted`: it was.
 */
type OrphanState = "found" | "stale" | "quarantined" | "deleted";

/** A droplet that no living bot accounts for. */
export interface Orphan {
  droplet_id: number;
  name: string;
  bot_id: string | null;
  state: OrphanState;
  why: string;
  /** When it was first seen in this state, ms. */
  since: number;
  /** The listing that last showed it, ms. */
  listed_at: number;
  /** How many complete listings have shown it unclaimed; counted up to what is needed. */
  inventories: number;
}

/** What was learnt of one droplet; null: it is somebody's and needs no record. */
export interface Finding {
  state: "found" | "stale" | "quarantined";
  why: string;
}

/** @param indexed whether the index knows a bot of this id */
export function judgeFinding(kin: Kinship, verdict: SweepVerdict | null, indexed: boolean): Finding | null {
  if (kin.kind === "foreign") return null;
  if (kin.kind === "contradicted") return { state: "found", why: "name and tags disagree" };
  switch (verdict) {
    case null:
    case "mine":
      return null;
    case "mine_stale":
      return { state: "stale", why: "its bot does not want it and removes it" };
    case "unknown_bot":
      // A bot that is in the index but whose object knows nothing was lost or restored, not unknown.
      if (indexed) return { state: "found", why: "its bot is in the index but does not answer for it" };
      if (!kin.tagged) return { state: "found", why: "it has our name, but no tag and no intent" };
      return { state: "quarantined", why: "there is no bot of its name" };
  }
}

/** The record after one more look; a state that goes on keeps its beginning. */
export function noteFinding(
  before: Orphan | null,
  droplet: ProviderDroplet,
  bot_id: string | null,
  { state, why }: Finding,
  listedAt: number,
): Orphan {
  const { id: droplet_id, name } = droplet;
  if (before === null || !goesOn(before, state)) {
    return { droplet_id, name, bot_id, state, why, since: listedAt, listed_at: listedAt, inventories: 1 };
  }
  const again = listedAt > before.listed_at ? 1 : 0;
  const inventories = Math.min(INVENTORIES, before.inventories + again);
  return { ...before, why: before.state === "deleted" ? before.why : why, listed_at: listedAt, inventories };
}

/** What was deleted may be listed for a while, and may have to be deleted again. */
function goesOn(before: Orphan, state: OrphanState): boolean {
  return before.state === state || (before.state === "deleted" && state === "quarantined");
}

export interface Deletions {
  droplet_ids: number[];
  /** Why nothing is deleted; null: nothing holds it. */
  held: string | null;
}

/** @param ours how many droplets of ours the inventory holds */
export function judgeDeletions(orphans: readonly Orphan[], ours: number, inventory: Inventory, now: number): Deletions {
  const present = new Set(inventory.droplets.map(({ id }) => id));
  const unclaimed = orphans.filter(
    ({ state, droplet_id, listed_at }) =>
      (state === "quarantined" || state === "deleted") && listed_at === inventory.began_at && present.has(droplet_id),
  );
  // When very many are unclaimed at once it is rather us who have forgotten.
  if (unclaimed.length > Math.max(2, ours * 0.05)) {
    return { droplet_ids: [], held: `${unclaimed.length} of ${ours} droplets are unclaimed` };
  }
  const due = unclaimed
    .filter(({ state, since, inventories }) =>
      state === "deleted" ? now - since >= REDELETE_MS : now - since >= QUARANTINE_MS && inventories >= INVENTORIES,
    )
    .sort((a, b) => a.since - b.since || a.droplet_id - b.droplet_id);
  const most = Math.max(2, Math.floor(ours * 0.01));
  return { droplet_ids: due.slice(0, most).map(({ droplet_id }) => droplet_id), held: null };
}
