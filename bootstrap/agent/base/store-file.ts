/**
 * The file behind the store: what a call has written is on the disk when it returns, all of it or nothing. Any call may
 * fail, as on a full disk; the next one begins anew, from opening the file.
 */
import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { pathToFileURL } from "node:url";
import * as z from "zod";
import { BOT_TABLES } from "./bot-table.ts";

export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS configs (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, llm_provider TEXT NOT NULL,
    trading_config TEXT NOT NULL, risk_config TEXT NOT NULL, fetched_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS acks (config_id TEXT PRIMARY KEY, body TEXT NOT NULL, revision INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS commands (
    id TEXT PRIMARY KEY, expires_at_ms INTEGER NOT NULL, result TEXT, told INTEGER NOT NULL
  ) STRICT;
  ${BOT_TABLES}
`;

const COLUMNS = {
  kept: ["key", "value"],
  configs: ["id", "version", "llm_provider", "trading_config", "risk_config", "fetched_at_ms"],
  acks: ["config_id", "body", "revision"],
  commands: ["id", "expires_at_ms", "result", "told"],
  bot_configs: [
    "bot_id",
    "enabled",
    "config_id",
    "version",
    "llm_provider",
    "trading_config",
    "risk_config",
    "updated_at",
  ],
  bot_runtime_state: ["bot_id", "state", "started_at", "last_heartbeat", "error"],
} as const;
type Table = keyof typeof COLUMNS;
const TABLES = [
  "kept",
  "configs",
  "acks",
  "commands",
  "bot_configs",
  "bot_runtime_state",
] as const satisfies readonly Table[];

export interface Row {
  table: Table;
  /** In the order of the table's columns. */
  values: SQLInputValue[];
}

export interface Write {
  sql: string;
  values: readonly SQLInputValue[];
}

export interface StoreFile {
  /** All that it holds; nothing where there is none yet. @throws where it cannot be read now */
  read(): Row[];
  /** @throws where it is as it was */
  write(writes: readonly Write[]): void;
  /** Puts the rows in the place of all that it holds. @throws where it is as it was */
  replace(rows: readonly Row[]): void;
  close(): void;
}

/** Each table in the order of its rows. */
export function rowsOf(db: DatabaseSync): Row[] {
  const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const there = new Set(names.map(({ name }) => String(name)));
  return TABLES.filter((table) => there.has(table)).flatMap((table) => {
    const columns: readonly string[] = COLUMNS[table];
    const rows = db.prepare(`SELECT ${columns.join()} FROM ${table} ORDER BY rowid`).all();
    return rows.map((row) => ({ table, values: columns.map((column) => row[column] ?? null) }));
  });
}

/** What is there already stays as it is. */
export function addRows(db: DatabaseSync, rows: readonly Row[]): void {
  for (const { table, values } of rows) {
    const places = values.map(() => "?").join();
    db.prepare(`INSERT OR IGNORE INTO ${table} (${COLUMNS[table].join()}) VALUES (${places})`).run(...values);
  }
}

/** SQLite's primary result codes (https://sqlite.org/rescode.html): the file is damaged, or no database. */
const DAMAGED: readonly number[] = [11, 26];
const SqliteError = z.object({ errcode: z.int() });

/** @returns SQLite's primary result code; null: it is no error of SQLite's */
export function sqliteCode(error: unknown): number | null {
  const { data } = SqliteError.safeParse(error);
  // An extended code has the primary one in its lowest byte.
  return data === undefined ? null : data.errcode & 0xff;
}

function isDamaged(error: unknown): boolean {
  return DAMAGED.includes(sqliteCode(error) ?? 0);
}

/** Files that SQLite may have put beside a database; what waits in them belongs to it. */
const BESIDE = ["-journal", "-wal", "-shm"];

export class SqliteFile implements StoreFile {
  readonly #path: string;
  readonly #onPutAside: (error: unknown) => void;
  #db: DatabaseSync | null = null;

  /**
   * Only what is damaged is put aside, for without it the agent still has its credential, and waits for orders. A full or
   * read-only disk passes: what the database holds (a person's `stop`, results that are owed) must outlive it.
   */
  constructor(path: string, onPutAside: (error: unknown) => void = () => {}) {
    this.#path = path;
    this.#onPutAside = onPutAside;
  }

  read(): Row[] {
    try {
      return this.#guarded(() => rowsOf(this.#open()));
    } catch (error) {
      if (isDamaged(error)) return [];
      return this.#guarded(() => this.#peek());
    }
  }

  write(writes: readonly Write[]): void {
    this.#commit((db) => {
      for (const { sql, values } of writes) db.prepare(sql).run(...values);
    });
  }

  replace(rows: readonly Row[]): void {
    this.#commit((db) => {
      for (const table of TABLES) db.exec(`DELETE FROM ${table}`);
      addRows(db, rows);
    });
  }

  close(): void {
    this.#db?.close();
    this.#db = null;
  }

  #commit(work: (db: DatabaseSync) => void): void {
    this.#guarded(() => {
      const db = this.#open();
      db.exec("BEGIN IMMEDIATE");
      work(db);
      db.exec("COMMIT");
      takeRoom(db);
    });
  }

  /** What has begun when something fails goes with the connection. */
  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.close();
      if (isDamaged(error)) this.#putAside(error);
      throw error;
    }
  }

  #open(): DatabaseSync {
    if (this.#db !== null) return this.#db;
    const db = new DatabaseSync(this.#path);
    this.#db = db;
    // The journal stays, and is written over: making one anew takes room, and an inode.
    db.exec("PRAGMA busy_timeout = 1000; PRAGMA journal_mode = PERSIST; PRAGMA synchronous = FULL;");
    db.exec(SCHEMA);
    takeRoom(db);
    return db;
  }

  /** For a disk on which nothing can be put beside the file. What waits in a journal or a log is never passed over. */
  #peek(): Row[] {
    if (!existsSync(this.#path)) return [];
    const waits = BESIDE.some((name) => (statSync(this.#path + name, { throwIfNoEntry: false })?.size ?? 0) > 0);
    const url = pathToFileURL(this.#path);
    url.search = waits ? "mode=ro" : "immutable=1";
    const db = new DatabaseSync(url, { readOnly: true });
    try {
      return rowsOf(db);
    } finally {
      db.close();
    }
  }

  #putAside(error: unknown): void {
    for (const name of BESIDE) rmSync(this.#path + name, { force: true });
    renameSync(this.#path, `${this.#path}.unreadable`);
    this.#onPutAside(error);
  }
}

/** Pages free in the file, and as many in its journal: so much can be written to a disk that is full. */
const ROOM_PAGES = 32;
const ROOM_BYTES = ROOM_PAGES * 4096;

/** Taken in advance, while there is some: what a person commands, such as a `stop`, then only writes over what is there. */
function takeRoom(db: DatabaseSync): void {
  const free = Number(db.prepare("PRAGMA freelist_count").get()?.freelist_count ?? 0);
  if (free >= ROOM_PAGES / 2) return;
  try {
    db.exec(`
      BEGIN IMMEDIATE;
      CREATE TABLE IF NOT EXISTS room (id INTEGER PRIMARY KEY, filler BLOB);
      INSERT OR REPLACE INTO room VALUES (1, zeroblob(${ROOM_BYTES}));
      COMMIT;
      BEGIN IMMEDIATE;
      UPDATE room SET filler = randomblob(${ROOM_BYTES});
      DROP TABLE room;
      COMMIT;
    `);
  } catch {
    // It is full already. What stands in the file has been written.
    if (db.isTransaction) db.exec("ROLLBACK");
  }
}
