/** Accounts, the keys that act for them, and the log of who did what. Instants are milliseconds since the epoch. */
import { sql } from "drizzle-orm";
import { check, index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { KeyScope } from "../wire/access.ts";
import { TIERS } from "../wire/enums.ts";
import { storedJson } from "./stored-json.ts";

export const accounts = sqliteTable(
  "accounts",
  {
    id: text("id").primaryKey(),
    external_id: text("external_id").notNull().unique(),
    tier: text("tier", { enum: TIERS }).notNull(),
    created_at: integer("created_at").notNull(),
    updated_at: integer("updated_at").notNull(),
  },
  (table) => [
    check("accounts_external_id", sql`length(${table.external_id}) BETWEEN 1 AND 255`),
    index("accounts_by_age").on(table.created_at, table.id),
  ],
);

/** A key is stored by its SHA-256 alone, and that form is never itself a key. Without an account it is the operator's. */
export const api_keys = sqliteTable(
  "api_keys",
  {
    id: text("id").primaryKey(),
    account_id: text("account_id").references(() => accounts.id),
    name: text("name").notNull(),
    sha256: text("sha256").notNull(),
    scopes: storedJson<KeyScope[]>("scopes").notNull(),
    created_by: text("created_by").notNull(),
    created_at: integer("created_at").notNull(),
    expires_at: integer("expires_at"),
    /** To the hour. */
    last_used_at: integer("last_used_at"),
    revoked_at: integer("revoked_at"),
  },
  (table) => [index("api_keys_by_account").on(table.account_id, table.created_at, table.id)],
);

/** Append-only: triggers refuse to change or delete a row. */
export const audit_log = sqliteTable(
  "audit_log",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    /** What was done has one entry, however often it is sent. */
    key: text("key").notNull().unique(),
    at: integer("at").notNull(),
    account_id: text("account_id"),
    bot_id: text("bot_id"),
    actor: text("actor").notNull(),
    credential_id: text("credential_id"),
    action: text("action").notNull(),
    target: text("target"),
    before: storedJson<unknown>("before"),
    after: storedJson<unknown>("after"),
    reason: text("reason"),
    request_id: text("request_id"),
  },
  (table) => [
    index("audit_log_by_account").on(table.account_id, table.id),
    index("audit_log_by_bot").on(table.bot_id, table.id),
  ],
);
