/** What the fleet's upkeep reads of the index. */
import { inArray } from "drizzle-orm";
import { type Db, withRetry } from "./client.ts";
import { bots, fleets } from "./schema.ts";

/** Null: no bot was ever made. */
export async function findFleetId(db: Db): Promise<string | null> {
  const [row] = await withRetry(() => db.select().from(fleets));
  return row?.fleet_id ?? null;
}

export async function findKnownBots(db: Db, ids: string[]): Promise<Set<string>> {
  const rows = await withRetry(() => db.select({ id: bots.id }).from(bots).where(inArray(bots.id, ids)));
  return new Set(rows.map(({ id }) => id));
}
