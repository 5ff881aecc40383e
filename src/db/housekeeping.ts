/** What has ended is forgotten: rows that nothing asks for any more. */
import { inArray, lte, type SQL, sql } from "drizzle-orm";
import type { SQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import { type Db, withRetry } from "./client.ts";
import { idempotency, invitations, sessions, sign_in_brakes, verifications } from "./schema.ts";

/** A round takes so many of each kind; the next one takes the rest. */
const MAX_ROWS = 1_000;
/** Guesses at a password are long forgiven by then. */
const BRAKE_MS = 24 * 60 * 60 * 1000;

/** @param now ms. Repeating it changes nothing more */
export async function forgetEnded(db: Db, now: number): Promise<void> {
  await withRetry(() =>
    db.batch([
      forget(db, idempotency, idempotency.key, lte(idempotency.expires_at, now)),
      forget(db, sessions, sessions.id, lte(sessions.expires_at, new Date(now))),
      forget(db, verifications, verifications.id, lte(verifications.expires_at, new Date(now))),
      forget(db, invitations, invitations.id, lte(invitations.expires_at, now)),
      forget(db, sign_in_brakes, sign_in_brakes.subject, lte(sign_in_brakes.next_at, now - BRAKE_MS)),
    ]),
  );
}

function forget(db: Db, table: SQLiteTable, key: SQLiteColumn, ended: SQL) {
  return db.delete(table).where(inArray(key, sql`(SELECT ${key} FROM ${table} WHERE ${ended} LIMIT ${MAX_ROWS})`));
}
