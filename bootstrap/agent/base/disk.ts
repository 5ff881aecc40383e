/**
 * Whether the disk takes what the agent and its workload have to write. The file system is asked, and nothing is written to
 * find out. An agent whose disk takes nothing goes on from memory, and says so.
 */
import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import * as z from "zod";
import { describeError, type Log } from "./log.ts";
import type { Store } from "./store.ts";
import { sqliteCode } from "./store-file.ts";
import { sleep } from "./timing.ts";

/** More than the files that a start needs. */
const MIN_FREE_BYTES = 1024 * 1024;
const MIN_FREE_INODES = 16;
const LOOK_EVERY_MS = 2000;

export interface Room {
  read_only: boolean;
  /** For who is not root. */
  free_bytes: number;
  /** Null: the file system does not count them. */
  free_inodes: number | null;
}

/** Pure. @returns in a few words, as a heartbeat carries them; null where there is room */
export function whyNoRoom({ read_only, free_bytes, free_inodes }: Room): string | null {
  if (read_only) return "disk full (read-only)";
  if (free_bytes < MIN_FREE_BYTES) return "disk full";
  return free_inodes !== null && free_inodes < MIN_FREE_INODES ? "disk full (no inodes left)" : null;
}

const Refusal = z.object({ code: z.string() });
const SQLITE_READONLY = 8;
const SQLITE_FULL = 13;

/** Pure. The same words, of an error that a write has met: a quota shows in no other way. */
export function whyRefused(error: unknown): string {
  const code = Refusal.safeParse(error).data?.code ?? "";
  const sqlite = sqliteCode(error);
  if (code === "EROFS" || sqlite === SQLITE_READONLY) return "disk full (read-only)";
  if (code === "ENOSPC" || code === "EDQUOT" || sqlite === SQLITE_FULL) return "disk full";
  return "disk error";
}

/** @param path of a directory; where it does not exist yet, it is what it would stand in. */
export function whyUnwritable(path: string): string | null {
  let there = path;
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  try {
    const { bavail, bsize, files, ffree } = statfsSync(there);
    return whyNoRoom({
      read_only: isReadOnly(there),
      free_bytes: bavail * bsize,
      free_inodes: files === 0 ? null : ffree,
    });
  } catch (error) {
    return whyRefused(error);
  }
}

function isReadOnly(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    return Refusal.safeParse(error).data?.code === "EROFS";
  }
}

export interface DiskWatchDeps {
  /** Whatever is to be written stands below one of them. */
  directories: readonly string[];
  store: Pick<Store, "retry" | "trouble">;
  log: Log;
  onChange: () => void;
}

export class DiskWatch {
  readonly #deps: DiskWatchDeps;
  #why: string | null = null;

  constructor(deps: DiskWatchDeps) {
    this.#deps = deps;
  }

  /** Why nothing can be written, in a few words; null: it can. */
  get why(): string | null {
    return this.#why;
  }

  /** Also brings to the disk what it did not take before. */
  look(): void {
    const { directories, store, log, onChange } = this.#deps;
    store.retry();
    const { trouble } = store;
    const found = directories.map(whyUnwritable).find((why) => why !== null);
    const why = found ?? (trouble === null ? null : whyRefused(trouble));
    if (why === this.#why) return;
    this.#why = why;
    log("disk", { why, ...(trouble === null ? {} : { error: describeError(trouble) }) });
    onChange();
  }

  async loop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.look();
      await sleep(LOOK_EVERY_MS, signal);
    }
  }
}
