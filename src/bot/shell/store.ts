/** A Bot's own SQLite: documents, operations, configs, outbox, answered requests, and the history. No decision is made here. */
import * as z from "zod";
import type { Sql } from "../../cloudflare/storage-port.ts";
import { ConfigRow, type OutboxEntry } from "../../records/rows.ts";
import type { RetiredKeys } from "../../secrets/key-rotation-plan.ts";
import { isKnownOperation } from "../model/newer-release.ts";
import { BotState, type Instant, OperationState } from "../model/state.ts";
import { Runtime } from "../reconcile/decision.ts";
import { History } from "./history.ts";
import { outboxKey } from "./outbox-rows.ts";

/** Append-only: a release reads what the next one writes, so statements are added, never changed. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE document (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE event (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL, data TEXT NOT NULL);
   CREATE TABLE operation (id TEXT PRIMARY KEY, started_at INTEGER NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE config (version INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, value TEXT);
   CREATE TABLE outbox (key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL, attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, last_error TEXT) WITHOUT ROWID;
   CREATE TABLE answered (key TEXT PRIMARY KEY, body_hash TEXT NOT NULL, result TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;`,
  `CREATE TABLE command (id TEXT PRIMARY KEY, requested_at INTEGER NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;`,
  `CREATE TABLE transition (seq INTEGER PRIMARY KEY, status_before TEXT, generation_before INTEGER, status TEXT NOT NULL, generation INTEGER NOT NULL, reason TEXT);
   CREATE TABLE remembered (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;`,
];

const KEEP_OPERATIONS = 100;
const KEEP_COMMANDS = 50;
const KEEP_ANSWERED_REQUESTS = 64;
const IDEMPOTENCY_TTL_MS = 24 * 60 * 60 * 1000;

/** A command as it is stored. */
export const CommandRow = z.object({
  id: z.string(),
  kind: z.string(),
  args: z.object({ lines: z.int().optional(), force: z.boolean().optional() }),
  generation: z.int(),
  actor: z.string(),
  requested_at: z.number(),
  expires_at: z.number(),
  result: z
    .object({ at: z.number(), ok: z.boolean(), detail: z.string().nullable(), output: z.string().nullable() })
    .nullable(),
});
export type CommandRow = z.infer<typeof CommandRow>;

export interface PendingDelivery {
  key: string;
  entry: OutboxEntry;
  revision: number;
  attempts: number;
  next_at: Instant;
}

/** A text that holds a config version with its secrets: kept here, or on its way to the index. */
export interface SecretText {
  /** `config 3`, `outbox config:3` */
  place: string;
  table: "config" | "outbox";
  key: string | number;
  value: string;
}

/** Keys that no secret may be sealed with any more, as of a rotation. */
const StoredRetiredKeys = z.object({ rotation: z.number(), ids: z.array(z.string()) });

export type Loaded =
  | { kind: "absent" }
  | { kind: "broken"; detail: string }
  | { kind: "bot"; bot: BotState; rt: Runtime };

export class Store {
  readonly history: History;
  readonly #sql: Sql;
  /** Tables come once and stay; that there are none yet is asked anew each time, for a create may be rolled back. */
  #exists = false;

  constructor(platform: { sql: Sql }) {
    this.#sql = platform.sql;
    this.history = new History(platform.sql);
  }

  /** An object that was never created has no table, and is given none by being asked. */
  exists(): boolean {
    this.#exists ||= this.#sql.exec("SELECT 1 AS found FROM sqlite_master WHERE name = 'document'").length > 0;
    return this.#exists;
  }

  /** Brings the schema up to date. */
  migrate(): void {
    const done = this.exists() ? this.#schema() : 0;
    if (done === null || done >= MIGRATIONS.length) return;
    for (const statements of MIGRATIONS.slice(done)) {
      for (const statement of statements.split(";")) if (statement.trim()) this.#sql.exec(statement);
    }
    this.#put("schema", String(MIGRATIONS.length));
  }

  /** State that does not parse fails closed: it is never taken for a fresh bot. */
  load(): Loaded {
    if (!this.exists()) return { kind: "absent" };
    const text = this.#document("state");
    if (text === null) return { kind: "absent" };
    if (this.#schema() === null) return { kind: "broken", detail: "the schema's number is none" };
    const bot = BotState.safeParse(parse(text));
    const rt = Runtime.safeParse(parse(this.#document("runtime") ?? "{}"));
    if (!bot.success) return { kind: "broken", detail: bot.error.message.slice(0, 500) };
    return { kind: "bot", bot: bot.data, rt: rt.success ? rt.data : Runtime.parse({}) };
  }

  save(bot: BotState): void {
    this.#put("state", JSON.stringify(bot));
  }

  saveRuntime(rt: Runtime): void {
    this.#put("runtime", JSON.stringify(rt));
  }

  saveOperation(operation: OperationState): void {
    this.#sql.exec(
      "INSERT INTO operation (id, started_at, value) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
      operation.id,
      operation.started_at,
      JSON.stringify(operation),
    );
  }

  forgetOldOperations(): void {
    this.#sql.exec(
      "DELETE FROM operation WHERE id NOT IN (SELECT id FROM operation ORDER BY started_at DESC LIMIT ?)",
      KEEP_OPERATIONS,
    );
  }

  /** Newest first; of kinds that this release knows. */
  operations(): OperationState[] {
    return this.#sql
      .exec<{ value: string }>("SELECT value FROM operation ORDER BY started_at DESC, id")
      .flatMap(({ value }) => OperationState.safeParse(parse(value)).data ?? [])
      .filter(isKnownOperation);
  }

  saveCommand(command: CommandRow): void {
    this.#sql.exec(
      "INSERT INTO command (id, requested_at, value) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value",
      command.id,
      command.requested_at,
      JSON.stringify(command),
    );
    this.#sql.exec(
      "DELETE FROM command WHERE id NOT IN (SELECT id FROM command ORDER BY requested_at DESC LIMIT ?)",
      KEEP_COMMANDS,
    );
  }

  /** The last ones, newest first. */
  commands(): CommandRow[] {
    return this.#sql
      .exec<{ value: string }>("SELECT value FROM command ORDER BY requested_at DESC, id")
      .flatMap(({ value }) => CommandRow.safeParse(parse(value)).data ?? []);
  }

  saveConfig(config: ConfigRow): void {
    this.#sql.exec(
      "INSERT INTO config (version, id, value) VALUES (?, ?, ?)",
      config.version,
      config.id,
      JSON.stringify(config),
    );
  }

  /** Content of older versions lives on in D1: the object keeps the numbering and what it may have to hand out. */
  forgetConfigsExcept(versions: readonly number[]): void {
    const marks = versions.map(() => "?").join(", ");
    this.#sql.exec(`UPDATE config SET value = NULL WHERE value IS NOT NULL AND version NOT IN (${marks})`, ...versions);
  }

  config(version: number): ConfigRow | null {
    const [row] = this.#sql.exec<{ value: string | null }>("SELECT value FROM config WHERE version = ?", version);
    return row?.value ? (ConfigRow.safeParse(parse(row.value)).data ?? null) : null;
  }

  configVersion(id: string): number | null {
    return this.#sql.exec<{ version: number }>("SELECT version FROM config WHERE id = ?", id)[0]?.version ?? null;
  }

  secretTexts(): SecretText[] {
    return this.#sql
      .exec<{ table: SecretText["table"]; key: string | number; value: string }>(
        `SELECT 'config' AS "table", version AS key, value FROM config WHERE value IS NOT NULL
         UNION ALL SELECT 'outbox', key, value FROM outbox WHERE key LIKE 'config:%'`,
      )
      .map((text) => ({ ...text, place: `${text.table} ${text.key}` }));
  }

  /** @returns false where the text is another one by now, and is left as it is */
  replaceSecretText({ table, key, value }: SecretText, after: string, now: Instant): boolean {
    const replaced =
      table === "config"
        ? this.#sql.exec("UPDATE config SET value = ? WHERE version = ? AND value = ? RETURNING 1", after, key, value)
        : this.#sql.exec(
            // What the index would not take before it may take now.
            "UPDATE outbox SET value = ?, next_at = min(next_at, ?) WHERE key = ? AND value = ? RETURNING 1",
            after,
            now,
            key,
            value,
          );
    return replaced.length > 0;
  }

  /** Before any rotation nothing is retired. */
  retiredKeys(): RetiredKeys {
    return StoredRetiredKeys.safeParse(parse(this.#document("retired_keys") ?? "")).data ?? { rotation: 0, ids: [] };
  }

  saveRetiredKeys(retired: RetiredKeys): void {
    this.#put("retired_keys", JSON.stringify(retired));
  }

  enqueue(entry: OutboxEntry, revision: number, now: Instant): void {
    this.#sql.exec(
      `INSERT INTO outbox (key, value, revision, attempts, next_at, last_error) VALUES (?, ?, ?, 0, ?, NULL) ON CONFLICT (key) DO UPDATE
       SET value = excluded.value, revision = excluded.revision, next_at = min(next_at, excluded.next_at)`,
      outboxKey(entry),
      JSON.stringify(entry),
      revision,
      now,
    );
  }

  /** When the outbox wants to be tried next; null where it is empty. */
  nextDeliveryAt(): Instant | null {
    return this.#sql.exec<{ at: number | null }>("SELECT min(next_at) AS at FROM outbox")[0]?.at ?? null;
  }

  nextDelivery(): PendingDelivery | null {
    const [row] = this.#sql.exec<{ key: string; value: string; revision: number; attempts: number; next_at: number }>(
      "SELECT key, value, revision, attempts, next_at FROM outbox ORDER BY next_at, key LIMIT 1",
    );
    return row ? { ...row, entry: parse(row.value) as OutboxEntry } : null;
  }

  /** Only what was delivered: a newer row of the same key waits for its own delivery. */
  delivered({ key, revision }: PendingDelivery): void {
    this.#sql.exec("DELETE FROM outbox WHERE key = ? AND revision = ?", key, revision);
  }

  undelivered({ key }: PendingDelivery, nextAt: Instant, error: string): void {
    this.#sql.exec(
      "UPDATE outbox SET attempts = attempts + 1, next_at = ?, last_error = ? WHERE key = ?",
      nextAt,
      error,
      key,
    );
  }

  answered(key: string): { body_hash: string; result: unknown; at: Instant } | null {
    const [row] = this.#sql.exec<{ body_hash: string; result: string; at: number }>(
      "SELECT body_hash, result, at FROM answered WHERE key = ?",
      key,
    );
    return row ? { ...row, result: parse(row.result) } : null;
  }

  /** @param key `idem:…` is kept for 24 h (the Idempotency-Key's promise), `req:…` among the last 64. */
  saveAnswer(key: string, bodyHash: string, result: unknown, now: Instant): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO answered (key, body_hash, result, at) VALUES (?, ?, ?, ?)",
      key,
      bodyHash,
      JSON.stringify(result),
      now,
    );
    this.#sql.exec("DELETE FROM answered WHERE key LIKE 'idem:%' AND at <= ?", now - IDEMPOTENCY_TTL_MS);
    this.#sql.exec(
      `DELETE FROM answered WHERE key LIKE 'req:%' AND key NOT IN
       (SELECT key FROM answered WHERE key LIKE 'req:%' ORDER BY at DESC LIMIT ?)`,
      KEEP_ANSWERED_REQUESTS,
    );
  }

  /** How many migrations were applied; null: what says so is damaged. */
  #schema(): number | null {
    const text = this.#document("schema") ?? "0";
    return /^[0-9]+$/.test(text) ? Number(text) : null;
  }

  #document(key: string): string | null {
    return this.#sql.exec<{ value: string }>("SELECT value FROM document WHERE key = ?", key)[0]?.value ?? null;
  }

  #put(key: string, value: string): void {
    this.#sql.exec(
      "INSERT INTO document (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      key,
      value,
    );
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
