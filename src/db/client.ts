/** D1 through drizzle, and what to do when it does not answer. */
import { drizzle } from "drizzle-orm/d1";
import * as schema from "./schema.ts";

export function openDb(d1: D1Database) {
  return drizzle(d1, { schema });
}
export type Db = ReturnType<typeof openDb>;

const TRIES = 3;
const PAUSE_MS = 100;

/**
 * Runs a read or a *repeatable* write, again where D1 lost the connection or was reset. Every write of ours may be
 * repeated: upserts are guarded by a revision, inserts by a key.
 */
export async function withRetry<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt >= TRIES || !isPassing(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** attempt * Math.random()));
    }
  }
}

/** D1 says so in text only: https://developers.cloudflare.com/d1/observability/debug-d1/#error-list */
const PASSING =
  /Network connection lost|storage caused object to be reset|reset because its code was updated|Cannot resolve D1|overloaded|database is locked/i;

/** Whether D1 was not to be reached, which says nothing about what was asked. */
export function isPassing(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (PASSING.test(cause.message)) return true;
  return false;
}
