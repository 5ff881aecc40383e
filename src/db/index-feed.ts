/** The receiving end of the Bots' outboxes: upserts guarded by revision, so late, repeated and reordered rows change nothing. */
import { lt, sql } from "drizzle-orm";
import type { ConfigRow, OutboxEntry, SnapshotRows } from "../records/rows.ts";
import type { Restored } from "../records/upkeep.ts";
import { auditWhere } from "./audit-log.ts";
import { type Db, withRetry } from "./client.ts";
import { insertWhere } from "./insert-where.ts";
import { sealedAfterErasure, sealedWithRetiredKey } from "./retired-keys.ts";
import { bot_configs, bots, droplets } from "./schema.ts";

/** @param now when the row is received, ms. @throws where D1 cannot be reached: the Bot keeps the entry and tries again */
export async function pushToIndex(db: Db, entry: OutboxEntry, now: number): Promise<void> {
  await withRetry(async () => {
    switch (entry.kind) {
      case "bot": {
        const { id, ...row } = entry.row;
        // The row was made with the bot and is never deleted: there is nothing to insert.
        await db
          .update(bots)
          .set({ ...row, observed_at: now })
          .where(sql`${bots.id} = ${id} AND ${bots.revision} < ${row.revision}`);
        return;
      }
      case "config":
        await insertConfig(db, entry.row);
        return;
      case "droplet":
        await db
          .insert(droplets)
          .values(entry.row)
          .onConflictDoUpdate({
            target: droplets.id,
            set: entry.row,
            setWhere: lt(droplets.revision, entry.row.revision),
          });
        return;
      case "audit":
        await auditWhere(db, entry.row);
        return;
    }
  });
}

/**
 * An envelope that a rotation, or the erasure of a destroyed bot, has left behind on its way here is not taken in: the
 * Bot sends the row as it has it by now.
 */
async function insertConfig(db: Db, row: ConfigRow): Promise<void> {
  const late = sql`(${sealedWithRetiredKey(row)} OR ${sealedAfterErasure(row)})`;
  const { meta } = await insertWhere(db, bot_configs, row, sql`WHERE NOT ${late}`);
  if (meta.changes > 0) return;
  const [known] = await db
    .select({ id: bot_configs.id })
    .from(bot_configs)
    .where(sql`${bot_configs.bot_id} = ${row.bot_id} AND ${bot_configs.version} = ${row.version}`);
  if (!known) throw new Error("the row's secrets were sealed with a key that is retired, or have been erased");
}

/**
 * Puts a bot's rows back as its object has them, where they are missing, older or damaged. A bot of an account that D1
 * does not have stays out of it.
 */
export async function restoreToIndex(db: Db, rows: SnapshotRows, now: number): Promise<Restored> {
  const { id, ...row } = rows.bot;
  const { account_id, created_at, created_by } = rows;
  const known = sql`EXISTS (SELECT 1 FROM accounts WHERE id = ${account_id})`;
  const missing = { id, ...row, account_id, created_at, created_by, observed_at: now };
  const [, , kept] = await withRetry(() =>
    db.batch([
      insertWhere(db, bots, missing, sql`WHERE ${known}`),
      db
        .update(bots)
        .set({ ...row, observed_at: now })
        .where(sql`${bots.id} = ${id} AND ${bots.revision} <= ${row.revision}`),
      db.select({ id: bots.id }).from(bots).where(sql`${bots.id} = ${id}`),
    ]),
  );
  if (kept.length === 0) return "account_unknown";
  for (const entry of rows.entries) await pushToIndex(db, entry, now);
  return "restored";
}
