/** The receiving end of the Bots' outboxes: upserts guarded by revision, so late, repeated and reordered rows change nothing. */
import { lt, sql } from "drizzle-orm";
import type { OutboxEntry } from "../bot/index-rows.ts";
import { type Db, withRetry } from "./client.ts";
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
        await db.insert(bot_configs).values(entry.row).onConflictDoNothing();
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
    }
  });
}
