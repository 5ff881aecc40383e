/** Slows guesses at one person's password, whoever makes them. Exact: each guess takes its place in D1 before it is tried. */
import { eq, sql } from "drizzle-orm";
import { type Db, withRetry } from "../db/client.ts";
import { sign_in_brakes } from "../db/schema.ts";
import { sha256Hex } from "../wire/digest.ts";

const FREE_GUESSES = 5;
const LONGEST_WAIT_MS = 5 * 60_000;
const FORGET_MS = 60 * 60_000;

/** How long after so many guesses the next must wait: 1 s after the sixth, then twice as long each time. */
const waitAfter = sql`CASE WHEN ${sign_in_brakes.attempts} < ${FREE_GUESSES} THEN 0
  ELSE min(${LONGEST_WAIT_MS}, 1000 << min(${sign_in_brakes.attempts} - ${FREE_GUESSES}, 20)) END`;

/** @returns 0 where the guess may be tried, else in how many ms */
export async function takeGuess(db: Db, email: string, now: number): Promise<number> {
  const subject = await sha256Hex(email);
  const [taken, [row]] = await withRetry(() =>
    db.batch([
      db
        .insert(sign_in_brakes)
        .values({ subject, attempts: 1, next_at: now })
        .onConflictDoUpdate({
          target: sign_in_brakes.subject,
          set: {
            attempts: sql`CASE WHEN ${sign_in_brakes.next_at} + ${FORGET_MS} <= ${now} THEN 1 ELSE ${sign_in_brakes.attempts} + 1 END`,
            next_at: sql`${now} + CASE WHEN ${sign_in_brakes.next_at} + ${FORGET_MS} <= ${now} THEN 0 ELSE ${waitAfter} END`,
          },
          setWhere: sql`${sign_in_brakes.next_at} <= ${now}`,
        })
        .returning({ attempts: sign_in_brakes.attempts }),
      db.select().from(sign_in_brakes).where(eq(sign_in_brakes.subject, subject)),
    ]),
  );
  return taken.length > 0 ? 0 : Math.max(1, (row?.next_at ?? now) - now);
}

/** The right password was among them. */
export async function forgetGuesses(db: Db, email: string): Promise<void> {
  const subject = await sha256Hex(email);
  await withRetry(() => db.delete(sign_in_brakes).where(eq(sign_in_brakes.subject, subject)));
}
