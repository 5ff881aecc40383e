/**
 * One agent for one state directory, by a lock of SQLite: the kernel takes it away from who dies, however that happens,
 * and no child inherits it.
 */
import { readFileSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import * as z from "zod";

/** SQLite's primary result code (https://sqlite.org/rescode.html): somebody else holds the lock. */
const BUSY = 5;
const SqliteError = z.object({ errcode: z.int() });

export class AlreadyRunningError extends Error {
  override name = "AlreadyRunningError";
}

/**
 * @returns lets go of it. Where it cannot be had for another reason (a read-only disk), `unavailable` says why: an agent
 * that cannot lock is of more use than none, and its unit starts no second one.
 * @throws {AlreadyRunningError} where another agent has it
 */
export function lockInstance(path: string): { release: () => void; unavailable: unknown } {
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(path);
    db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;");
    const held = db;
    return { release: () => held.close(), unavailable: null };
  } catch (error) {
    db?.close();
    const { data } = SqliteError.safeParse(error);
    if (data === undefined || (data.errcode & 0xff) !== BUSY) return { release: () => {}, unavailable: error };
    const pid = lockerOf(path);
    throw new AlreadyRunningError(
      `Another agent${pid === null ? "" : ` (process ${pid})`} runs on this state directory: it holds ${path}`,
    );
  }
}

/** The process that has a lock on the file; null where the kernel does not say. */
function lockerOf(path: string): number | null {
  try {
    const { ino } = statSync(path);
    const line = readFileSync("/proc/locks", "utf8")
      .split("\n")
      .find((each) => each.includes(` WRITE `) && each.includes(`:${ino} `));
    return Number(/ WRITE +(\d+) /.exec(line ?? "")?.[1] ?? 0) || null;
  } catch {
    return null;
  }
}
