/** A person's sessions and accounts, as they see them. */
import { and, asc, desc, eq, gt, ne, sql } from "drizzle-orm";
import type { Person } from "../accounts/principal.ts";
import { auditWhere } from "../db/audit-log.ts";
import { type Db, withRetry } from "../db/client.ts";
import { accounts, invitations, memberships, sessions, users } from "../db/schema.ts";
import type { AuditRecord } from "../records/rows.ts";
import type { Me, SessionView } from "../wire/person.ts";
import { viewInvitation } from "./members.ts";

/**
 * The account that comes with signing up, on the free tier; it bears its owner's id, so that making it twice makes it
 * once.
 */
export async function ensureOwnAccount(db: Db, userId: string, audit: AuditRecord, now: number): Promise<void> {
  const account = {
    id: userId,
    external_id: `user:${userId}`,
    tier: "free" as const,
    created_at: now,
    updated_at: now,
  };
  const absent = sql`NOT EXISTS (SELECT 1 FROM accounts WHERE id = ${userId})`;
  await withRetry(() =>
    db.batch([
      auditWhere(db, audit, absent),
      db.insert(accounts).values(account).onConflictDoNothing(),
      db
        .insert(memberships)
        .values({ account_id: userId, user_id: userId, role: "owner", created_at: now })
        .onConflictDoNothing(),
    ]),
  );
}

/** Whether somebody has this address, confirmed or not. */
export async function isKnown(db: Db, email: string): Promise<boolean> {
  const rows = await withRetry(() => db.select({ id: users.id }).from(users).where(eq(users.email, email)));
  return rows.length > 0;
}

/** Who the person is, in one read. */
export async function describePerson(db: Db, person: Person, now: number): Promise<Me> {
  const [joined, invited] = await withRetry(() =>
    db.batch([
      db
        .select({ id: memberships.account_id, role: memberships.role })
        .from(memberships)
        .where(eq(memberships.user_id, person.user_id))
        .orderBy(desc(sql`${memberships.account_id} = ${person.user_id}`), asc(memberships.created_at)),
      db
        .select()
        .from(invitations)
        .where(and(eq(invitations.email, person.email), gt(invitations.expires_at, now)))
        .orderBy(desc(invitations.created_at)),
    ]),
  );
  const { user_id: id, email, name, session_id } = person;
  return { user: { id, email, name }, session_id, accounts: joined, invitations: invited.map(viewInvitation) };
}

/** Newest first. */
export async function listSessions(db: Db, person: Person, now: number): Promise<SessionView[]> {
  const mine = and(eq(sessions.user_id, person.user_id), gt(sessions.expires_at, new Date(now)));
  const rows = await withRetry(() => db.select().from(sessions).where(mine).orderBy(desc(sessions.created_at)));
  return rows.map(({ id, ip_address, user_agent, created_at, expires_at }) => ({
    id,
    present: id === person.session_id,
    ip_address,
    user_agent,
    created_at: created_at.toISOString(),
    expires_at: expires_at.toISOString(),
  }));
}

/** Ends one session of the person, at once. @returns whether there was one */
export async function endSession(db: Db, person: Person, id: string, audit: AuditRecord): Promise<boolean> {
  const mine = and(eq(sessions.user_id, person.user_id), eq(sessions.id, id));
  const [, ended] = await withRetry(() =>
    db.batch([
      auditWhere(db, audit, sql`EXISTS (SELECT 1 FROM ${sessions} WHERE ${mine})`),
      db.delete(sessions).where(mine).returning({ id: sessions.id }),
    ]),
  );
  return ended.length > 0;
}

/** Ends every session of the person but the one that asks. */
export async function endOtherSessions(db: Db, person: Person, audit: AuditRecord): Promise<void> {
  const others = and(eq(sessions.user_id, person.user_id), ne(sessions.id, person.session_id));
  await withRetry(() => db.batch([auditWhere(db, audit), db.delete(sessions).where(others)]));
}
