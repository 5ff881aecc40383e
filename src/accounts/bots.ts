/** Bots as D1 has them: the row that grants the quota, the index that lists them, their config versions. */
import { and, asc, desc, eq, getTableColumns, lt, ne, type SQL, sql } from "drizzle-orm";
import { log } from "../cloudflare/log.ts";
import { auditWhere } from "../db/audit-log.ts";
import { type Db, withRetry } from "../db/client.ts";
import { insertWhere } from "../db/insert-where.ts";
import { olderThan, type Position, toPage } from "../db/pages.ts";
import { asRetiredKeys, presentRotationTo, sealedWithRetiredKey } from "../db/retired-keys.ts";
import { accounts, bot_configs, bots, fleets, idempotency, retired_keys } from "../db/schema.ts";
import { withinScope } from "../db/scope.ts";
import { fleetOf } from "../naming/fleet.ts";
import type { Scope } from "../records/caller.ts";
import type { AuditRecord, NewBot } from "../records/rows.ts";
import { ConfigRow } from "../records/rows.ts";
import { keysOf } from "../secrets/sealed.ts";
import type { BotListItem } from "../wire/bot.ts";
import { type BotStatus, MAX_BOTS, PERSONAS, TIERS } from "../wire/enums.ts";
import { isKnown, knownStanding } from "../wire/newer-release.ts";
import { forgetExpired, type IdempotencyKey, liveKey, rememberKey } from "./idempotency.ts";

/** The account's limit, from its tier, as SQL over a row of `accounts`; of a tier of a later release, NULL lets none in. */
const maxBots = sql.join(
  [sql`CASE accounts.tier`, ...TIERS.map((tier) => sql`WHEN ${tier} THEN ${MAX_BOTS[tier]}`), sql`END`],
  sql` `,
);

const HOUR_MS = 60 * 60 * 1000;

/** What a create brings besides the bot. */
export interface CreateWish {
  key: IdempotencyKey | null;
  audit: AuditRecord;
  /** The fleet's id if there is none yet. */
  fleet_id: string;
  /** How many bots the account may make in an hour, destroyed ones included. */
  creates_per_hour: number;
}

export type InsertedBot =
  | { kind: "created"; bot: NewBot }
  | { kind: "replayed"; bot_id: string }
  | { kind: "account_unknown" }
  | { kind: "over_quota"; max_bots: number }
  | { kind: "too_fast" }
  | { kind: "key_reused" }
  /** The secret was sealed with a key that was rotated away from. */
  | { kind: "key_retired" };

/**
 * Inserts bot, first config version and idempotency row in one batch. The quota is part of the inserting statement, so
 * no two requests can both take the last place; that the bot's row exists afterwards is what decides, so the batch may be
 * repeated.
 */
export async function insertBot(
  db: Db,
  scope: Scope,
  bot: Omit<NewBot, "fleet" | "retired_keys">,
  wish: CreateWish,
  now: number,
): Promise<InsertedBot> {
  const { id, account_id, config } = bot;
  const { key, audit, fleet_id, creates_per_hour } = wish;
  const row = { ...acceptedRow(bot, now), rekeyed_in: presentRotationTo(config) };
  const made = sql`EXISTS (SELECT 1 FROM bots WHERE id = ${id})`;
  const madeLately = sql`(SELECT count(*) FROM bots WHERE bots.account_id = accounts.id AND bots.created_at > ${now - HOUR_MS})`;
  const placeLeft = sql`
    FROM accounts WHERE accounts.id = ${account_id} AND ${withinScope(accounts.id, scope) ?? sql`1 = 1`} AND NOT ${liveKey(key)}
    AND NOT ${sealedWithRetiredKey(config)}
    AND (SELECT count(*) FROM bots WHERE bots.account_id = accounts.id AND bots.status <> 'destroyed') < ${maxBots}
    AND ${madeLately} < ${creates_per_hour}`;
  const [, , , , , , [inserted], [account], [known], [fleet], retired] = await withRetry(() =>
    db.batch([
      forgetExpired(db, key, now),
      db.insert(fleets).values({ id: 1, fleet_id, created_at: now }).onConflictDoNothing(),
      insertWhere(db, bots, row, placeLeft),
      insertWhere(db, bot_configs, config, sql`WHERE ${made}`),
      rememberKey(db, key, { resource_id: id, status: 201 }, made, now),
      auditWhere(db, audit, made),
      db.select({ id: bots.id }).from(bots).where(eq(bots.id, id)),
      db
        .select({ tier: accounts.tier, made_lately: sql<number>`${madeLately}` })
        .from(accounts)
        .where(and(eq(accounts.id, account_id), withinScope(accounts.id, scope))),
      db
        .select()
        .from(idempotency)
        .where(eq(idempotency.key, key?.key ?? "")),
      db.select().from(fleets),
      db.select().from(retired_keys),
    ]),
  );
  if (inserted && fleet) {
    return { kind: "created", bot: { ...bot, fleet: fleetOf(fleet.fleet_id), retired_keys: asRetiredKeys(retired) } };
  }
  if (known) {
    return known.body_hash === key?.body_hash
      ? { kind: "replayed", bot_id: known.resource_id }
      : { kind: "key_reused" };
  }
  if (!account) return { kind: "account_unknown" };
  if (retired.some(({ id: key_id }) => keysOf(config).includes(key_id))) return { kind: "key_retired" };
  if (account.made_lately >= creates_per_hour) return { kind: "too_fast" };
  return { kind: "over_quota", max_bots: MAX_BOTS[account.tier] ?? 0 };
}

/** The bot's row before its object has said anything. */
function acceptedRow(bot: Omit<NewBot, "fleet" | "retired_keys">, now: number): typeof bots.$inferInsert {
  const { id, account_id, name, persona, config, actor } = bot;
  return {
    id,
    account_id,
    name,
    persona,
    status: "pending",
    since: now,
    reason: "accepted",
    generation: 1,
    desired_config_id: config.id,
    desired_config_version: config.version,
    revision: 0,
    created_at: now,
    updated_at: now,
    observed_at: now,
    created_by: actor,
  };
}

export type StoredBot =
  | { kind: "unknown" }
  | { kind: "known_to_its_object" }
  | { kind: "unreadable" }
  | { kind: "new"; bot: NewBot };

/** The row of a bot whose object says that it was never created: the Worker died between the batch and `Bot.create`. */
export async function findNewBot(db: Db, id: string): Promise<StoredBot> {
  const [[row], [config], [fleet], retired] = await withRetry(() =>
    db.batch([
      db.select().from(bots).where(eq(bots.id, id)),
      db
        .select()
        .from(bot_configs)
        .where(and(eq(bot_configs.bot_id, id), eq(bot_configs.version, 1))),
      db.select().from(fleets),
      db.select().from(retired_keys),
    ]),
  );
  if (!row || !config || !fleet) return { kind: "unknown" };
  // An object that has spoken before cannot be new: making it anew would make a second droplet.
  if (row.revision > 0) return { kind: "known_to_its_object" };
  const { account_id, name, persona, created_by } = row;
  const parsed = readConfig(config);
  if (parsed === null) return { kind: "unreadable" };
  const made = { id, account_id, name, persona, config: parsed, actor: created_by };
  return {
    kind: "new",
    bot: { ...made, fleet: fleetOf(fleet.fleet_id), retired_keys: asRetiredKeys(retired) },
  };
}

export interface BotFilter {
  account_id?: string | undefined;
  status?: BotStatus | undefined;
  drift?: boolean | undefined;
  include_destroyed?: boolean | undefined;
}

/** Newest first; destroyed bots only where asked for. */
export async function listBots(db: Db, scope: Scope, filter: BotFilter, limit: number, after: Position | null) {
  const conditions: (SQL | undefined)[] = [
    withinScope(bots.account_id, scope),
    filter.account_id === undefined ? undefined : eq(bots.account_id, filter.account_id),
    filter.status === undefined ? undefined : eq(bots.status, filter.status),
    filter.include_destroyed || filter.status === "destroyed" ? undefined : ne(bots.status, "destroyed"),
    filter.drift === undefined ? undefined : drifts(filter.drift),
    olderThan(bots.created_at, bots.id, after),
  ];
  const rows = await withRetry(() =>
    db
      .select()
      .from(bots)
      .where(and(...conditions))
      .orderBy(desc(bots.created_at), asc(bots.id))
      .limit(limit + 1),
  );
  const page = toPage(rows, limit, ({ created_at, id }) => ({ at: created_at, id }));
  return { ...page, data: page.data.map(toListItem) };
}

function drifts(drift: boolean): SQL {
  const same = sql`coalesce(${bots.applied_config_id}, '') = ${bots.desired_config_id}`;
  return drift ? sql`NOT (${same})` : same;
}

function toListItem(row: typeof bots.$inferSelect): BotListItem {
  const iso = (at: number) => new Date(at).toISOString();
  const { status, reason } = knownStanding(row);
  return {
    id: row.id,
    account_id: row.account_id,
    name: row.name,
    persona: isKnown(PERSONAS, row.persona) ? row.persona : "beginner",
    status,
    since: iso(row.since),
    reason,
    generation: row.generation,
    droplet_id: row.droplet_id,
    ip_address: row.ip_address,
    desired_config_version_id: row.desired_config_id,
    applied_config_version_id: row.applied_config_id,
    desired_config_version: row.desired_config_version,
    applied_config_version: row.applied_config_version,
    config_drift: row.applied_config_id !== row.desired_config_id,
    last_heartbeat_at: row.last_heartbeat_at === null ? null : iso(row.last_heartbeat_at),
    revision: row.revision,
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
    observed_at: iso(row.observed_at),
  };
}

/** Null where the row is damaged. */
function readConfig(row: typeof bot_configs.$inferSelect): ConfigRow | null {
  const parsed = ConfigRow.safeParse(row);
  if (parsed.success) return parsed.data;
  log({ level: "error", event: "config_row_unreadable", bot_id: row.bot_id, config_id: row.id });
  return null;
}

/** `config`: null where it is damaged. */
export interface ListedConfig {
  version: number;
  config: ConfigRow | null;
}

/** Config versions below `before`, newest first; none where the bot is not the caller's. */
export async function listConfigs(
  db: Db,
  scope: Scope,
  botId: string,
  limit: number,
  before: number | null,
): Promise<ListedConfig[]> {
  const older = before === null ? undefined : lt(bot_configs.version, before);
  const rows = await withRetry(() =>
    db
      .select(getTableColumns(bot_configs))
      .from(bot_configs)
      .innerJoin(bots, eq(bots.id, bot_configs.bot_id))
      .where(and(eq(bot_configs.bot_id, botId), withinScope(bots.account_id, scope), older))
      .orderBy(desc(bot_configs.version))
      .limit(limit),
  );
  return rows.map((row) => ({ version: row.version, config: readConfig(row) }));
}

/** Null where there is none that can be read. */
export async function findConfig(db: Db, scope: Scope, botId: string, version: number): Promise<ConfigRow | null> {
  const [row] = await listConfigs(db, scope, botId, 1, version + 1);
  return row?.version === version ? row.config : null;
}

/** Bots whose object has never spoken, made before `before`: the Worker died between the row and `Bot.create`. */
export async function findUnspokenBots(db: Db, before: number, limit: number): Promise<string[]> {
  const rows = await withRetry(() =>
    db
      .select({ id: bots.id })
      .from(bots)
      .where(and(eq(bots.revision, 0), eq(bots.status, "pending"), lt(bots.created_at, before)))
      .orderBy(asc(bots.created_at))
      .limit(limit),
  );
  return rows.map(({ id }) => id);
}
