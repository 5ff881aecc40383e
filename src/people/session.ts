/** Who a session's cookie speaks for: one read of D1, without the library that made it. */
import { and, asc, desc, eq, gt, sql } from "drizzle-orm";
import type { Context } from "hono";
import { getSignedCookie } from "hono/cookie";
import type { Person, Principal } from "../accounts/principal.ts";
import { type Db, withRetry } from "../db/client.ts";
import { memberships, sessions, users } from "../db/schema.ts";
import { permissionsOfRole } from "../wire/access.ts";

/** Sent over TLS alone, to this host alone, never to scripts (RFC 6265bis, section 4.1.3.2). */
export const SESSION_COOKIE = "__Host-spawnpoint-session";

export interface Session {
  person: Person;
  principal: Principal;
}

/**
 * The person behind the request's cookie, acting for one of their accounts: the one that is asked for, or the first that
 * they joined. Null where there is no session that holds.
 * @param accountId which account; of one that they do not belong to they may do nothing
 */
export async function findSession(
  c: Context,
  db: Db,
  secret: string,
  accountId: string | null,
  now: number,
): Promise<Session | null> {
  const token = await getSignedCookie(c, secret, SESSION_COOKIE);
  if (typeof token !== "string") return null;
  const wanted = accountId === null ? undefined : eq(memberships.account_id, accountId);
  const [row] = await withRetry(() =>
    db
      .select({
        session_id: sessions.id,
        user_id: users.id,
        email: users.email,
        name: users.name,
        account_id: memberships.account_id,
        role: memberships.role,
      })
      .from(sessions)
      .innerJoin(users, eq(users.id, sessions.user_id))
      .leftJoin(memberships, and(eq(memberships.user_id, users.id), wanted))
      .where(and(eq(sessions.token, token), gt(sessions.expires_at, new Date(now)), eq(users.email_verified, true)))
      // A person's own account bears their id: it comes before those that they were let into.
      .orderBy(desc(sql`${memberships.account_id} = ${users.id}`), asc(memberships.created_at))
      .limit(1),
  );
  if (!row) return null;
  const { session_id, user_id, email, name, account_id, role } = row;
  return {
    person: { user_id, email, name, session_id, session_token: token },
    principal: {
      kind: "person",
      credential_id: session_id,
      actor: `user:${user_id}`,
      scope: { account_id: account_id ?? "" },
      permissions: role === null ? new Set() : permissionsOfRole(role),
    },
  };
}
