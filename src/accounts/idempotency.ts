/** `Idempotency-Key` for what is made in D1: its row is part of the batch that makes the thing. */
import { and, eq, lte, type SQL, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { insertWhere } from "../db/insert-where.ts";
import { idempotency } from "../db/schema.ts";

const IDEMPOTENCY_TTL_MS = 24 * 60 * 60 * 1000;

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
  const { key: name, body_hash } = key ?? { key: "", body_hash: "" };
  const row = { key: name, body_hash, ...result, expires_at: now + IDEMPOTENCY_TTL_MS };
  return insertWhere(db, idempotency, row, sql`WHERE ${key === null ? sql`1 = 0` : made}`);
}

/** A key that has expired may be used anew. */
export function forgetExpired(db: Db, key: IdempotencyKey | null, now: number) {
  return db.delete(idempotency).where(and(eq(idempotency.key, key?.key ?? ""), lte(idempotency.expires_at, now)));
}
