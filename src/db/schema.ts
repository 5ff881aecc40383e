/**
 * D1: accounts and config versions are owned here; `bots` and `droplets` are an index over the Bots, never the truth
 * about a lifecycle. Instants are milliseconds since the epoch. No cascades: a row that others point to stays.
 *
 * An enum that a later release may extend (status, persona, droplet status, operation, tier, role) is checked by its type
 * and by the API alone: as a CHECK it would cost a rebuild of its table, and the release before could not write beside it.
 */
import { sql } from "drizzle-orm";
import { check, index, integer, primaryKey, sqliteTable, text, unique } from "drizzle-orm/sqlite-core";
import type { EnvironmentNames } from "../records/rows.ts";
import type { RiskConfig, TradingConfig } from "../wire/config.ts";
import {
  BOT_STATUSES,
  DROPLET_STATUSES,
  OPERATION_KINDS,
  PERSONAS,
  ROTATION_PHASES,
  ROTATION_STATES,
  SECRET_STORES,
} from "../wire/enums.ts";
import { accounts } from "./account-schema.ts";
import { oneOf } from "./one-of.ts";
import { storedJson } from "./stored-json.ts";

export { accounts, api_keys, audit_log } from "./account-schema.ts";
export {
  invitations,
  memberships,
  sessions,
  sign_in_brakes,
  sign_ins,
  users,
  verifications,
} from "./people-schema.ts";

/** The fleet's random id, made once: names and tags of our droplets carry it. */
export const fleets = sqliteTable(
  "fleets",
  { id: integer("id").primaryKey(), fleet_id: text("fleet_id").notNull(), created_at: integer("created_at").notNull() },
  (table) => [check("fleets_only_one", sql`${table.id} = 1`)],
);

export const bots = sqliteTable(
  "bots",
  {
    id: text("id").primaryKey(),
    account_id: text("account_id")
      .notNull()
      .references(() => accounts.id, { onDelete: "restrict" }),
    name: text("name").notNull(),
    persona: text("persona", { enum: PERSONAS }).notNull(),
    status: text("status", { enum: BOT_STATUSES }).notNull(),
    since: integer("since").notNull(),
    reason: text("reason"),
    generation: integer("generation").notNull(),
    droplet_id: integer("droplet_id"),
    ip_address: text("ip_address"),
    desired_config_id: text("desired_config_id").notNull(),
    desired_config_version: integer("desired_config_version").notNull(),
    applied_config_id: text("applied_config_id"),
    applied_config_version: integer("applied_config_version"),
    effective_config_version: integer("effective_config_version"),
    last_heartbeat_at: integer("last_heartbeat_at"),
    operation_kind: text("operation_kind", { enum: OPERATION_KINDS }),
    operation_since: integer("operation_since"),
    /** When the bot's work is overdue; null: only its agent is awaited. */
    next_due_at: integer("next_due_at"),
    /** When the watchdog last woke it for that. */
    poked_at: integer("poked_at"),
    /** Number of the Bot's last event that this row knows; 0 until its object has spoken. */
    revision: integer("revision").notNull(),
    created_at: integer("created_at").notNull(),
    updated_at: integer("updated_at").notNull(),
    observed_at: integer("observed_at").notNull(),
    created_by: text("created_by").notNull(),
    /** The last rotation that has brought everything which the Bot itself seals under its target; null: none has. */
    rekeyed_in: integer("rekeyed_in"),
    /** Since when neither the Bot nor `bot_configs` has its secrets any more. */
    secrets_erased_at: integer("secrets_erased_at"),
  },
  (table) => [
    check("bots_name", sql`length(${table.name}) BETWEEN 1 AND 64`),
    check(
      "bots_numbers",
      sql`${table.generation} >= 1 AND ${table.desired_config_version} >= 1 AND ${table.revision} >= 0`,
    ),
    index("bots_by_account").on(table.account_id, table.created_at, table.id),
    index("bots_by_age").on(table.created_at, table.id),
    index("bots_by_status").on(table.status, table.created_at, table.id),
    index("bots_to_erase").on(table.since).where(sql`status = 'destroyed' AND secrets_erased_at IS NULL`),
    // Few bots work at any time: only they cost the index a row.
    index("bots_due").on(table.next_due_at).where(sql`next_due_at IS NOT NULL`),
  ],
);

export const bot_configs = sqliteTable(
  "bot_configs",
  {
    id: text("id").primaryKey(),
    bot_id: text("bot_id")
      .notNull()
      .references(() => bots.id, { onDelete: "restrict" }),
    version: integer("version").notNull(),
    restored_from: integer("restored_from"),
    trading_config: storedJson<TradingConfig>("trading_config").notNull(),
    risk_config: storedJson<RiskConfig>("risk_config").notNull(),
    llm_provider: text("llm_provider").notNull(),
    llm_model: text("llm_model"),
    llm_base_url: text("llm_base_url"),
    llm_api_key: text("llm_api_key").notNull(),
    llm_api_key_last4: text("llm_api_key_last4"),
    llm_api_key_updated_at: integer("llm_api_key_updated_at").notNull(),
    environment: text("environment"),
    environment_names: storedJson<EnvironmentNames>("environment_names"),
    note: text("note"),
    author: text("author").notNull(),
    created_at: integer("created_at").notNull(),
  },
  (table) => [
    unique("bot_configs_numbered").on(table.bot_id, table.version),
    check("bot_configs_version", sql`${table.version} >= 1`),
  ],
);

export const droplets = sqliteTable(
  "droplets",
  {
    id: integer("id").primaryKey(),
    bot_id: text("bot_id")
      .notNull()
      .references(() => bots.id, { onDelete: "restrict" }),
    name: text("name").notNull(),
    generation: integer("generation").notNull(),
    status: text("status", { enum: DROPLET_STATUSES }).notNull(),
    ip_address: text("ip_address"),
    found_at: integer("found_at").notNull(),
    gone_at: integer("gone_at"),
    revision: integer("revision").notNull(),
  },
  (table) => [index("droplets_by_bot").on(table.bot_id)],
);

/** One row for each Idempotency-Key that made something in D1; written in the batch that made it. */
export const idempotency = sqliteTable(
  "idempotency",
  {
    key: text("key").primaryKey(),
    body_hash: text("body_hash").notNull(),
    resource_id: text("resource_id").notNull(),
    status: integer("status").notNull(),
    expires_at: integer("expires_at").notNull(),
  },
  (table) => [
    check("idempotency_status", sql`${table.status} BETWEEN 200 AND 299`),
    index("idempotency_by_expiry").on(table.expires_at),
  ],
);

/** Each rotation of the encryption keys, and where the last one stands: the one with the greatest number is the present. */
export const key_rotations = sqliteTable(
  "key_rotations",
  {
    /** When it was begun, ms, or one more than the rotation before: also greater than any that a backup has forgotten. */
    number: integer("number").primaryKey(),
    target: text("target").notNull(),
    state: text("state", { enum: ROTATION_STATES }).notNull(),
    phase: text("phase", { enum: ROTATION_PHASES }).notNull(),
    /** The last id that the phase has dealt with. */
    cursor: text("cursor"),
    /** Who could not be asked in one round is asked in the next. */
    round: integer("round").notNull(),
    started_at: integer("started_at").notNull(),
    finished_at: integer("finished_at"),
    lease_holder: text("lease_holder"),
    lease_until: integer("lease_until").notNull(),
  },
  // It cannot grow: a rotation holds its lease by `state = 'running'`, so a third word would read as `done` to every fence.
  (table) => [check("key_rotations_state", sql`${table.state} IN (${oneOf(ROTATION_STATES)})`)],
);

/** Keys that were rotated away from: no statement takes in what they seal. */
export const retired_keys = sqliteTable("retired_keys", {
  id: text("id").primaryKey(),
  rotation: integer("rotation").notNull(),
});

/** What the present rotation could not do, for a Bot's own store or for its rows in `bot_configs`. */
export const key_rotation_errors = sqliteTable(
  "key_rotation_errors",
  {
    bot_id: text("bot_id").notNull(),
    store: text("store", { enum: SECRET_STORES }).notNull(),
    rotation: integer("rotation").notNull(),
    reason: text("reason").notNull(),
    /** Asking again would not help: it stays as it is. */
    final: integer("final", { mode: "boolean" }).notNull(),
    at: integer("at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.bot_id, table.store] })],
);
