/** API keys: stored by their hash, shown once, judged with one read. */
import { and, desc, eq, isNull, lt, or, type SQL, sql } from "drizzle-orm";
import { log } from "../cloudflare/log.ts";
import { auditWhere } from "../db/audit-log.ts";
import { type Db, withRetry } from "../db/client.ts";
import { insertWhere } from "../db/insert-where.ts";
import { olderThan, type Position, toPage } from "../db/pages.ts";
import { api_keys, idempotency } from "../db/schema.ts";
import type { Scope } from "../records/caller.ts";
import type { AuditRecord } from "../records/rows.ts";
import { type KeyScope, permissionsOfScopes } from "../wire/access.ts";
import { type ApiKey, KeyScopes } from "../wire/api-key.ts";
import { constantTimeEqual } from "../wire/tokens.ts";
import { forgetExpired, type IdempotencyKey, liveKey, rememberKey } from "./idempotency.ts";
import type { Principal } from "./principal.ts";

type Row = typeof api_keys.$inferSelect;

/** `last_used_at` is kept to the hour: a busy key costs D1 one row an hour. */
const USE_COALESCE_MS = 60 * 60 * 1000;

export interface NewKey {
  id: string;
  account_id: string | null;
  name: string;
  sha256: string;
  scopes: KeyScope[];
  expires_at: number | null;
  created_by: string;
}

export type CreatedKey = { kind: "created"; key: ApiKey } | { kind: "shown_before" } | { kind: "key_reused" };

/** Whose keys: an account's, or the operator's own where there is none. */
function ownedBy(account: string | null): SQL {
  return account === null ? isNull(api_keys.account_id) : eq(api_keys.account_id, account);
}

/** Makes the key; with an Idempotency-Key at most once, and the secret is not shown again. */
export async function createKey(
  db: Db,
  key: NewKey,
  idempotencyKey: IdempotencyKey | null,
  audit: AuditRecord,
  now: number,
): Promise<CreatedKey> {
  const made = sql`EXISTS (SELECT 1 FROM api_keys WHERE id = ${key.id})`;
  const [, , , , [row], [known]] = await withRetry(() =>
    db.batch([
      forgetExpired(db, idempotencyKey, now),
      insertWhere(
        db,
        api_keys,
        { ...key, created_at: now, last_used_at: null, revoked_at: null },
        sql`WHERE NOT ${liveKey(idempotencyKey)}`,
      ),
      rememberKey(db, idempotencyKey, { resource_id: key.id, status: 201 }, made, now),
      auditWhere(db, audit, made),
      db.select().from(api_keys).where(eq(api_keys.id, key.id)),
      db
        .select()
        .from(idempotency)
        .where(eq(idempotency.key, idempotencyKey?.key ?? "")),
    ]),
  );
  if (row) return { kind: "created", key: viewKey(row) };
  return known?.body_hash === idempotencyKey?.body_hash ? { kind: "shown_before" } : { kind: "key_reused" };
}

/** Newest first, revoked ones included. */
export async function listKeys(db: Db, account: string | null, limit: number, after: Position | null) {
  const rows = await withRetry(() =>
    db
      .select()
      .from(api_keys)
      .where(and(ownedBy(account), olderThan(api_keys.created_at, api_keys.id, after)))
      .orderBy(desc(api_keys.created_at), api_keys.id)
      .limit(limit + 1),
  );
  const page = toPage(rows, limit, ({ created_at, id }) => ({ at: created_at, id }));
  return { ...page, data: page.data.map(viewKey) };
}

/** Ends a key at once; one that is revoked already stays as it is. @returns whether there is such a key */
export async function revokeKey(
  db: Db,
  account: string | null,
  id: string,
  audit: AuditRecord,
  now: number,
): Promise<boolean> {
  const mine = and(eq(api_keys.id, id), ownedBy(account));
  const [, , rows] = await withRetry(() =>
    db.batch([
      auditWhere(db, audit, sql`EXISTS (SELECT 1 FROM api_keys WHERE ${and(mine, isNull(api_keys.revoked_at))})`),
      db
        .update(api_keys)
        .set({ revoked_at: now })
        .where(and(mine, isNull(api_keys.revoked_at))),
      db.select({ id: api_keys.id }).from(api_keys).where(mine),
    ]),
  );
  return rows.length > 0;
}

export type JudgedKey = { kind: "valid"; principal: Principal; row: Row } | { kind: "invalid" | "revoked" | "expired" };

/**
 * Whether the token is a key that holds now. One read. That it is an account's or the operator's is part of the token's
 * text, and so of its hash: neither can be dressed as the other.
 * @param sha256 of the token as it was sent
 */
export async function judgeKey(db: Db, id: string, sha256: string, now: number): Promise<JudgedKey> {
  const [row] = await withRetry(() => db.select().from(api_keys).where(eq(api_keys.id, id)));
  // What is wrong with a key is told only to whoever has its secret.
  if (!row || !constantTimeEqual(row.sha256, sha256)) return { kind: "invalid" };
  if (row.revoked_at !== null) return { kind: "revoked" };
  if (row.expires_at !== null && row.expires_at <= now) return { kind: "expired" };
  const scope: Scope = row.account_id === null ? { every_account: true } : { account_id: row.account_id };
  const kind = row.account_id === null ? "operator" : "key";
  const scopes = KeyScopes.safeParse(row.scopes);
  if (!scopes.success) {
    log({ level: "error", event: "key_row_unreadable", key_id: id });
    return { kind: "invalid" };
  }
  const permissions = permissionsOfScopes(scopes.data);
  return { kind: "valid", row, principal: { kind, credential_id: id, actor: `${kind}:${id}`, scope, permissions } };
}

/** Notes that the key was used, to the hour. */
export async function noteUse(db: Db, row: Row, now: number): Promise<void> {
  if (row.last_used_at !== null && now - row.last_used_at < USE_COALESCE_MS) return;
  const stale = or(isNull(api_keys.last_used_at), lt(api_keys.last_used_at, now - USE_COALESCE_MS));
  await db
    .update(api_keys)
    .set({ last_used_at: now })
    .where(and(eq(api_keys.id, row.id), stale));
}

function viewKey(row: Row): ApiKey {
  const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());
  return {
    id: row.id,
    account_id: row.account_id,
    name: row.name,
    scopes: KeyScopes.safeParse(row.scopes).data ?? [],
    created_by: row.created_by,
    created_at: new Date(row.created_at).toISOString(),
    expires_at: iso(row.expires_at),
    last_used_at: iso(row.last_used_at),
    revoked_at: iso(row.revoked_at),
  };
}
