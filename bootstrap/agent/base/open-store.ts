/** Opens the agent's database, whatever state a power cut or a full disk has left it in. */
import { renameSync, rmSync } from "node:fs";
import * as z from "zod";
import { describeError, type Log } from "./log.ts";
import { Store } from "./store.ts";

/** SQLite's primary result codes (https://sqlite.org/rescode.html): the file is damaged, or no database. */
const DAMAGED: readonly number[] = [11, 26];
const SqliteError = z.object({ errcode: z.int() });

/**
 * Only what is damaged is put aside, for without it the agent still has its credential, and waits for orders. A full or
 * read-only disk passes: what the database holds (a person's `stop`, results that are owed) must outlive it.
 * @throws where it cannot be opened and is not known to be damaged
 */
export function openStore(path: string, log: Log): Store {
  const open = () => new Store(path, (key) => log("kept_value_unreadable", { key }));
  try {
    return open();
  } catch (error) {
    if (!isDamaged(error)) throw error;
    log("database_put_aside", { error: describeError(error) });
    renameSync(path, `${path}.unreadable`);
    for (const beside of ["-wal", "-shm"]) rmSync(path + beside, { force: true });
    return open();
  }
}

function isDamaged(error: unknown): boolean {
  const { data } = SqliteError.safeParse(error);
  // An extended code has the primary one in its lowest byte.
  return data !== undefined && DAMAGED.includes(data.errcode & 0xff);
}
