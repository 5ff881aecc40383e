/** Accounts: who may have how many bots. The limit is enforced where a bot is inserted (bots.ts). */
import { and, asc, eq, getTableColumns, sql } from "drizzle-orm";
import { auditWhere } from "../db/audit-log.ts";
import { type Db, withRetry } from "../db/client.ts";
import { insertWhere } from "../db/insert-where.ts";
import { olderThan, type Position, toPage } from "../db/pages.ts";
import { accounts, idempotency } from "../db/schema.ts";
import { withinScope } from "../db/scope.ts";
import type { Scope } from "../records/caller.ts";
import type { AuditRecord } from "../records/rows.ts";
import type { Account } from "../wire/account.ts";
import { MAX_BOTS, type Tier } from "../wire/enums.ts";
import { forgetExpired, type IdempotencyKey, liveKey, rememberKey } from "./idempotency.ts";

/** Written out with its table: inside a correlated subquery drizzle would leave bare, ambiguous column names. */
const botCount = sql<number>`(SELECT count(*) FROM bots WHERE bots.account_id = accounts.id AND bots.status <> 'destroyed')`;

const columns = { ...getTableColumns(accounts), bot_count: botCount };
type Row = typeof accounts.$inferSelect & { bot_count: number };

export type CreatedAccount =
  | { kind: "created" | "replayed"; account: Account }
  | { kind: "external_id_taken" }
  | { kind: "key_reused" };

/** Makes the account, unless its `external_id` is taken; with a key, at most once. */
export async function createAccount(
  db: Db,
  request: { id: string; external_id: string; tier: Tier },
  key: IdempotencyKey | null,
  audit: AuditRecord,
  now: number,
): Promise<CreatedAccount> {
  const { id } = request;
  const made = sql`EXISTS (SELECT 1 FROM accounts WHERE id = ${id})`;
  const [, , , , [row], [known]] = await withRetry(() =>
    db.batch([
      forgetExpired(db, key, now),
      insertWhere(db, accounts, { ...request, created_at: now, updated_at: now }, sql`WHERE NOT ${liveKey(key)}`),
      rememberKey(db, key, { resource_id: id, status: 201 }, made, now),
      auditWhere(db, audit, made),
      db.select(columns).from(accounts).where(eq(accounts.id, id)),
      db
        .select()
        .from(idempotency)
        .where(eq(idempotency.key, key?.key ?? "")),
    ]),
  );
  if (row) return { kind: "created", account: toAccount(row) };
  if (!known) return { kind: "external_id_taken" };
  if (known.body_hash !== key?.body_hash) return { kind: "key_reused" };
  const account = await findAccount(db, { every_account: true }, known.resource_id);
  return account ? { kind: "replayed", account } : { kind: "external_id_taken" };
}

export async function findAccount(db: Db, scope: Scope, id: string): Promise<Account | null> {
  const mine = and(eq(accounts.id, id), withinScope(accounts.id, scope));
  const [row] = await withRetry(() => db.select(columns).from(accounts).where(mine));
  return row ? toAccount(row) : null;
}

export type ChangedAccount =
  | { kind: "changed"; account: Account }
  | { kind: "account_unknown" }
  | { kind: "external_id_taken" };

/** Changes what is given. An `external_id` that another account has changes nothing. */
export async function changeAccount(
  db: Db,
  id: string,
  change: { tier?: Tier | undefined; external_id?: string | undefined },
  audit: AuditRecord,
  now: number,
): Promise<ChangedAccount> {
  const { tier, external_id } = change;
  const mine = eq(accounts.id, id);
  const free = sql`NOT EXISTS (SELECT 1 FROM accounts AS other WHERE other.external_id = ${external_id ?? ""} AND other.id <> ${id})`;
  const set = { ...(tier && { tier }), ...(external_id && { external_id }), updated_at: now };
  const [, , [row]] = await withRetry(() =>
    db.batch([
      db.update(accounts).set(set).where(and(mine, free)),
      auditWhere(db, audit, sql`EXISTS (SELECT 1 FROM accounts WHERE id = ${id} AND updated_at = ${now})`),
      db.select(columns).from(accounts).where(mine),
    ]),
  );
  if (!row) return { kind: "account_unknown" };
  if (external_id !== undefined && row.external_id !== external_id) return { kind: "external_id_taken" };
  return { kind: "changed", account: toAccount(row) };
}

/** Newest first. @param externalId only the account of this id in the operator's system */
export async function listAccounts(
  db: Db,
  scope: Scope,
  limit: number,
  after: Position | null,
  externalId: string | null,
) {
  const filter = externalId === null ? undefined : eq(accounts.external_id, externalId);
  const rows = await withRetry(() =>
    db
      .select(columns)
      .from(accounts)
      .where(and(filter, withinScope(accounts.id, scope), olderThan(accounts.created_at, accounts.id, after)))
      .orderBy(sql`${accounts.created_at} DESC`, asc(accounts.id))
      .limit(limit + 1),
  );
  const page = toPage(rows, limit, ({ created_at, id }) => ({ at: created_at, id }));
  return { ...page, data: page.data.map(toAccount) };
}

function toAccount(row: Row): Account {
  // Of a tier that a later release has brought: the bots that it has, and none besides.
  const max_bots = MAX_BOTS[row.tier] ?? row.bot_count;
  return {
    id: row.id,
    external_id: row.external_id,
    subscription_tier: row.tier,
    max_bots,
    bot_count: row.bot_count,
    over_limit: row.bot_count > max_bots,
    created_at: new Date(row.created_at).toISOString(),
    updated_at: new Date(row.updated_at).toISOString(),
  };
}
