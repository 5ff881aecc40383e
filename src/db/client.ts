/** D1 through drizzle, and what to do when it does not answer. */
import { drizzle } from "drizzle-orm/d1";
import { isPassing } from "../cloudflare/failures.ts";
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
