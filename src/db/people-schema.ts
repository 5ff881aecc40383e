/**
 * People and what they may reach. The first four tables are laid out as better-auth wants them
 * (https://better-auth.com/docs/concepts/database); a session's row is not its cookie, which is signed besides.
 */
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { ROLES } from "../wire/access.ts";
import { accounts } from "./account-schema.ts";

const instant = (name: string) => integer(name, { mode: "timestamp_ms" });

export const users = sqliteTable("users", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  email: text("email").notNull().unique(),
  email_verified: integer("email_verified", { mode: "boolean" }).notNull(),
  image: text("image"),
  created_at: instant("created_at").notNull(),
  updated_at: instant("updated_at").notNull(),
});

export const sessions = sqliteTable(
  "sessions",
  {
    id: text("id").primaryKey(),
    user_id: text("user_id")
      .notNull()
      .references(() => users.id),
    token: text("token").notNull().unique(),
    ip_address: text("ip_address"),
    user_agent: text("user_agent"),
    expires_at: instant("expires_at").notNull(),
    created_at: instant("created_at").notNull(),
    updated_at: instant("updated_at").notNull(),
  },
  (table) => [index("sessions_by_user").on(table.user_id)],
);

/** How a person proves who they are: a password's hash. */
export const sign_ins = sqliteTable(
  "sign_ins",
  {
    id: text("id").primaryKey(),
    user_id: text("user_id")
      .notNull()
      .references(() => users.id),
    provider_id: text("provider_id").notNull(),
    provider_account_id: text("provider_account_id").notNull(),
    password: text("password"),
    access_token: text("access_token"),
    refresh_token: text("refresh_token"),
    id_token: text("id_token"),
    access_token_expires_at: instant("access_token_expires_at"),
    refresh_token_expires_at: instant("refresh_token_expires_at"),
    scope: text("scope"),
    created_at: instant("created_at").notNull(),
    updated_at: instant("updated_at").notNull(),
  },
  (table) => [index("sign_ins_by_user").on(table.user_id)],
);

/** Tokens of password resets, by their hash. */
export const verifications = sqliteTable(
  "verifications",
  {
    id: text("id").primaryKey(),
    identifier: text("identifier").notNull(),
    value: text("value").notNull(),
    expires_at: instant("expires_at").notNull(),
    created_at: instant("created_at").notNull(),
    updated_at: instant("updated_at").notNull(),
  },
  (table) => [index("verifications_by_identifier").on(table.identifier)],
);

export const memberships = sqliteTable(
  "memberships",
  {
    account_id: text("account_id")
      .notNull()
      .references(() => accounts.id),
    user_id: text("user_id")
      .notNull()
      .references(() => users.id),
    role: text("role", { enum: ROLES }).notNull(),
    created_at: integer("created_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.account_id, table.user_id] }),
    index("memberships_by_user").on(table.user_id, table.created_at),
  ],
);

/** Whoever signs in with this address, verified, may join. */
export const invitations = sqliteTable(
  "invitations",
  {
    id: text("id").primaryKey(),
    account_id: text("account_id")
      .notNull()
      .references(() => accounts.id),
    email: text("email").notNull(),
    role: text("role", { enum: ROLES }).notNull(),
    invited_by: text("invited_by").notNull(),
    created_at: integer("created_at").notNull(),
    expires_at: integer("expires_at").notNull(),
  },
  (table) => [
    index("invitations_by_account").on(table.account_id, table.created_at),
    index("invitations_by_email").on(table.email),
  ],
);

/** Guesses at one person's password, whoever makes them: how many, and when the next may be made. */
export const sign_in_brakes = sqliteTable("sign_in_brakes", {
  /** SHA-256 of the e-mail address: also of addresses that nobody here has. */
  subject: text("subject").primaryKey(),
  attempts: integer("attempts").notNull(),
  next_at: integer("next_at").notNull(),
});
