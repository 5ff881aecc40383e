/**
 * The sweep's judgement: which of the account's resources of a kind are ours, and which of those nobody answers for. A
 * name or a tag alone never lets one go, and neither does one look. Pure.
 */

import type { Fleet } from "../../naming/fleet.ts";
import type { ResourceKind } from "../../resources/kind.ts";
import { judgeOwnership, type Marked, namedOwner } from "../../resources/ownership.ts";
import type { SweepVerdict } from "../../resources/verdict.ts";

const MINUTE_MS = 60_000;
/** From the first inventory in which nobody answered for a resource until it may be deleted. */
const QUARANTINE_MS = 15 * MINUTE_MS;
const INVENTORIES = 2;
/** A DELETE that did not take is sent again only after so long. */
const REDELETE_MS = 10 * MINUTE_MS;

/** Unique within a kind. */
export type ResourceId = number | string;

/** A resource as the provider lists it. */
export interface Listed extends Marked {
  id: ResourceId;
}

/** All resources of a kind in the account, from the first page to the last. */
export interface Inventory<T extends Listed = Listed> {
  began_at: number;
  resources: readonly T[];
}

export function compareIds(a: ResourceId, b: ResourceId): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a) < String(b) ? -1 : Number(String(a) > String(b));
}

/** `contradicted`: it carries a name or a tag of ours, but they do not agree. A person should look. */
export type Kinship =
  | { kind: "foreign" }
  | { kind: "contradicted"; bot_id: string | null }
  | { kind: "ours"; bot_id: string; tagged: boolean };

export function kinshipOf(kind: ResourceKind, fleet: Fleet, listed: Marked): Kinship {
  const tagged = listed.tags.includes(fleet.tag);
  const bot_id = namedOwner(kind, fleet, listed.name);
  if (bot_id === null) return tagged ? { kind: "contradicted", bot_id } : { kind: "foreign" };
  const { verdict } = judgeOwnership(kind, { id: bot_id, fleet }, listed);
  return verdict === "ours" ? { kind: "ours", bot_id, tagged } : { kind: "contradicted", bot_id };
}

/**
 * `found`: reported and left alone. `stale`: its Bot removes it. `quarantined`: nobody answers for it, so it will be
 * deleted. `deleted`: it was.
 */
type OrphanState = "found" | "stale" | "quarantined" | "deleted";

/** A resource that no living bot accounts for. */
export interface Orphan {
  id: ResourceId;
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

/** What was learnt of one resource; null: it is somebody's and needs no record. */
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
  { id, name }: Listed,
  bot_id: string | null,
  { state, why }: Finding,
  listedAt: number,
): Orphan {
  if (before === null || !goesOn(before, state)) {
    return { id, name, bot_id, state, why, since: listedAt, listed_at: listedAt, inventories: 1 };
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
  ids: ResourceId[];
  /** Why nothing is deleted; null: nothing holds it. */
  held: string | null;
}

/** @param ours how many resources of ours the inventory holds */
export function judgeDeletions(
  kind: ResourceKind,
  orphans: readonly Orphan[],
  ours: number,
  inventory: Inventory,
  now: number,
): Deletions {
  const present = new Set(inventory.resources.map(({ id }) => id));
  const unclaimed = orphans.filter(
    ({ state, id, listed_at }) =>
      (state === "quarantined" || state === "deleted") && listed_at === inventory.began_at && present.has(id),
  );
  // When very many are unclaimed at once it is rather us who have forgotten.
  if (unclaimed.length > Math.max(2, ours * 0.05)) {
    return { ids: [], held: `${unclaimed.length} of ${ours} ${kind.kind}s are unclaimed` };
  }
  const due = unclaimed
    .filter(({ state, since, inventories }) =>
      state === "deleted" ? now - since >= REDELETE_MS : now - since >= QUARANTINE_MS && inventories >= INVENTORIES,
    )
    .sort((a, b) => a.since - b.since || compareIds(a.id, b.id));
  const most = Math.max(2, Math.floor(ours * 0.01));
  return { ids: due.slice(0, most).map(({ id }) => id), held: null };
}
