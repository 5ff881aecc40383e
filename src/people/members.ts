/** Who belongs to an account, and who is invited. An account never loses its last owner. */
import { and, asc, desc, eq, gt, sql } from "drizzle-orm";
import type { Person } from "../accounts/principal.ts";
import { auditWhere } from "../db/audit-log.ts";
import { type Db, withRetry } from "../db/client.ts";
import { insertWhere } from "../db/insert-where.ts";
import { invitations, memberships, users } from "../db/schema.ts";
import type { AuditRecord } from "../records/rows.ts";
import type { Role } from "../wire/access.ts";
import type { Invitation, Member } from "../wire/person.ts";

const INVITATION_MS = 7 * 24 * 60 * 60 * 1000;
const MAX_INVITATIONS = 50;

/** The first to join first. */
export async function listMembers(db: Db, accountId: string): Promise<Member[]> {
  const rows = await withRetry(() =>
    db
      .select({
        user_id: users.id,
        email: users.email,
        name: users.name,
        role: memberships.role,
        at: memberships.created_at,
      })
      .from(memberships)
      .innerJoin(users, eq(users.id, memberships.user_id))
      .where(eq(memberships.account_id, accountId))
      .orderBy(asc(memberships.created_at), asc(users.id)),
  );
  return rows.map(({ at, ...member }) => ({ ...member, joined_at: new Date(at).toISOString() }));
}

export type Changed = "changed" | "unknown" | "last_owner";

/** True in SQL where the account keeps an owner without this member. */
function keepsAnOwner(accountId: string, userId: string) {
  return sql`EXISTS (SELECT 1 FROM memberships WHERE account_id = ${accountId} AND user_id <> ${userId} AND role = 'owner')`;
}

/** Gives the member a role, or ends their membership (`null`): at once, for their sessions are judged by it each time. */
export async function changeMember(
  db: Db,
  accountId: string,
  userId: string,
  role: Role | null,
  audit: AuditRecord,
): Promise<Changed> {
  const member = and(eq(memberships.account_id, accountId), eq(memberships.user_id, userId));
  const harmless = role === "owner" ? member : and(member, keepsAnOwner(accountId, userId));
  const shown = { user_id: memberships.user_id };
  const change =
    role === null
      ? db.delete(memberships).where(harmless).returning(shown)
      : db.update(memberships).set({ role }).where(harmless).returning(shown);
  const [found, , changed] = await withRetry(() =>
    db.batch([
      db.select({ role: memberships.role }).from(memberships).where(member),
      auditWhere(db, audit, sql`EXISTS (SELECT 1 FROM ${memberships} WHERE ${harmless})`),
      change,
    ]),
  );
  if (changed.length > 0) return "changed";
  return found.length > 0 ? "last_owner" : "unknown";
}

/** Invites an address, unless fifty are invited already. An address that is invited again is invited anew. */
export async function invite(
  db: Db,
  wish: { id: string; account_id: string; email: string; role: Role; invited_by: string },
  audit: AuditRecord,
  now: number,
): Promise<Invitation | null> {
  const { account_id, email } = wish;
  const row = { ...wish, created_at: now, expires_at: now + INVITATION_MS };
  const room = sql`WHERE (SELECT count(*) FROM invitations WHERE account_id = ${account_id}) < ${MAX_INVITATIONS}`;
  const made = sql`EXISTS (SELECT 1 FROM invitations WHERE id = ${wish.id})`;
  const [, , , rows] = await withRetry(() =>
    db.batch([
      db
        .delete(invitations)
        .where(
          and(
            eq(invitations.account_id, account_id),
            eq(invitations.email, email),
            sql`${invitations.id} <> ${wish.id}`,
          ),
        ),
      insertWhere(db, invitations, row, room),
      auditWhere(db, audit, made),
      db.select().from(invitations).where(eq(invitations.id, wish.id)),
    ]),
  );
  return rows[0] ? viewInvitation(rows[0]) : null;
}

/** Newest first. */
export async function listInvitations(db: Db, accountId: string, now: number): Promise<Invitation[]> {
  const open = and(eq(invitations.account_id, accountId), gt(invitations.expires_at, now));
  const rows = await withRetry(() => db.select().from(invitations).where(open).orderBy(desc(invitations.created_at)));
  return rows.map(viewInvitation);
}

/** @returns whether there was one */
export async function withdrawInvitation(db: Db, accountId: string, id: string, audit: AuditRecord): Promise<boolean> {
  const mine = and(eq(invitations.account_id, accountId), eq(invitations.id, id));
  const [, gone] = await withRetry(() =>
    db.batch([
      auditWhere(db, audit, sql`EXISTS (SELECT 1 FROM ${invitations} WHERE ${mine})`),
      db.delete(invitations).where(mine).returning({ id: invitations.id }),
    ]),
  );
  return gone.length > 0;
}

/**
 * The person joins, where the invitation is to their address. Whoever belongs already keeps their role.
 * @returns the account, or null where there is no such invitation to them
 */
export async function acceptInvitation(
  db: Db,
  person: Person,
  id: string,
  audit: AuditRecord,
  now: number,
): Promise<string | null> {
  const mine = and(eq(invitations.id, id), eq(invitations.email, person.email), gt(invitations.expires_at, now));
  const [row] = await withRetry(() => db.select().from(invitations).where(mine));
  if (!row) return null;
  const stillThere = sql`EXISTS (SELECT 1 FROM ${invitations} WHERE ${mine})`;
  const { account_id, role } = row;
  const [, , , joined] = await withRetry(() =>
    db.batch([
      auditWhere(db, { ...audit, account_id, after: { role } }, stillThere),
      insertWhere(
        db,
        memberships,
        { account_id, user_id: person.user_id, role, created_at: now },
        sql`WHERE ${stillThere}`,
      ),
      db.delete(invitations).where(mine),
      db
        .select({ user_id: memberships.user_id })
        .from(memberships)
        .where(and(eq(memberships.account_id, account_id), eq(memberships.user_id, person.user_id))),
    ]),
  );
  return joined.length > 0 ? account_id : null;
}

export function viewInvitation(row: typeof invitations.$inferSelect): Invitation {
  const iso = (at: number) => new Date(at).toISOString();
  return { ...row, created_at: iso(row.created_at), expires_at: iso(row.expires_at) };
}
