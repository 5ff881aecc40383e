/** What the fleet's upkeep reads of the index. */
import { and, asc, gt, gte, inArray, isNull, lt, lte, ne, or } from "drizzle-orm";
import type { IndexedBot, Slice } from "../records/upkeep.ts";
import { OPERATION_KINDS } from "../wire/enums.ts";
import { type Db, withRetry } from "./client.ts";
import { bots, fleets } from "./schema.ts";

/** D1 takes so many parameters in a statement. */
const MAX_IDS = 90;
/** A bot that was woken and still shows nothing new is woken again after so long: the others come first. */
const POKE_AGAIN_MS = 15 * 60_000;
/** A destroyed bot may still have rows to deliver; after so long it has none. */
const DESTROYED_FOR_MS = 24 * 60 * 60_000;

/** Null: no bot was ever made. */
export async function findFleetId(db: Db): Promise<string | null> {
  const [row] = await withRetry(() => db.select().from(fleets));
  return row?.fleet_id ?? null;
}

export async function findKnownBots(db: Db, ids: string[]): Promise<Set<string>> {
  const known = new Set<string>();
  for (let at = 0; at < ids.length; at += MAX_IDS) {
    const some = ids.slice(at, at + MAX_IDS);
    const rows = await withRetry(() => db.select({ id: bots.id }).from(bots).where(inArray(bots.id, some)));
    for (const { id } of rows) known.add(id);
  }
  return known;
}

/** Bots whose work is overdue, the longest first; each again only after a while. */
export async function findOverdueBots(db: Db, now: number, limit: number): Promise<IndexedBot[]> {
  return await withRetry(() =>
    db
      .select({ id: bots.id, revision: bots.revision })
      .from(bots)
      .where(and(lte(bots.next_due_at, now), or(isNull(bots.poked_at), lte(bots.poked_at, now - POKE_AGAIN_MS))))
      .orderBy(asc(bots.next_due_at))
      .limit(limit),
  );
}

export async function notePoked(db: Db, ids: string[], now: number): Promise<void> {
  for (let at = 0; at < ids.length; at += MAX_IDS) {
    const some = ids.slice(at, at + MAX_IDS);
    await withRetry(() => db.update(bots).set({ poked_at: now }).where(inArray(bots.id, some)));
  }
}

/** The next bots of a slice of all ids, destroyed ones only while they are young. */
export async function findBotsToAudit(
  db: Db,
  { from, to, after }: Slice,
  now: number,
  limit: number,
): Promise<IndexedBot[]> {
  return await withRetry(() =>
    db
      .select({ id: bots.id, revision: bots.revision })
      .from(bots)
      .where(
        and(
          gte(bots.id, from),
          lt(bots.id, to),
          after === null ? undefined : gt(bots.id, after),
          or(ne(bots.status, "destroyed"), gt(bots.updated_at, now - DESTROYED_FOR_MS)),
        ),
      )
      .orderBy(asc(bots.id))
      .limit(limit),
  );
}

/** Ids in their own order, for whoever pages through all bots. */
export async function findBotIds(db: Db, after: string | null, limit: number): Promise<string[]> {
  const rows = await withRetry(() =>
    db
      .select({ id: bots.id })
      .from(bots)
      .where(after === null ? undefined : gt(bots.id, after))
      .orderBy(asc(bots.id))
      .limit(limit),
  );
  return rows.map(({ id }) => id);
}

/** Operations under way, the longest without progress first. @param stuckAt only those that were overdue by then */
export async function findOperations(db: Db, stuckAt: number | null, limit: number) {
  // No constraint of the table says so: a damaged row names no operation.
  const named = inArray(bots.operation_kind, [...OPERATION_KINDS]);
  return await withRetry(() =>
    db
      .select()
      .from(bots)
      .where(and(named, stuckAt === null ? undefined : lte(bots.next_due_at, stuckAt)))
      .orderBy(asc(bots.next_due_at), asc(bots.id))
      .limit(limit),
  );
}
