/** `Idempotency-Key` for what is made in D1: its row is part of the batch that makes the thing. */
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";

export const IDEMPOTENCY_TTL_MS = 24 * 60 * 60 * 1000;

export interface IdempotencyKey {
  /** Credential, method, path and the client's key: one tenant's key never meets another's. */
  key: string;
  body_hash: string;
}

/** True in SQL where the key has already made something. */
export function liveKey(key: IdempotencyKey | null): SQL {
  return key === null ? sql`(1 = 0)` : sql`EXISTS (SELECT 1 FROM idempotency WHERE key = ${key.key})`;
}

/** Writes the key where `made` holds; of two twins one loses the primary key and replays the other. */
export function rememberKey(
  db: Db,
  key: IdempotencyKey | null,
  result: { resource_id: string; status: number },
  made: SQL,
  now: number,
) {
  return db.run(sql`
    INSERT INTO idempotency (key, body_hash, resource_id, status, expires_at)
    SELECT ${key?.key ?? ""}, ${key?.body_hash ?? ""}, ${result.resource_id}, ${result.status}, ${now + IDEMPOTENCY_TTL_MS}
    WHERE ${key === null ? sql`(1 = 0)` : made} ON CONFLICT DO NOTHING`);
}
