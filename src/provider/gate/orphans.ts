/** The sweep's own rows in the gate's SQLite, for one kind: what it found, and where a pass under way stands. */
import * as z from "zod";
import type { Sql } from "../../cloudflare/storage-port.ts";
import type { Orphan, ResourceId } from "./sweep.ts";

/** What was deleted stays in the report for so long. */
const KEEP_DELETED_MS = 7 * 24 * 60 * 60_000;

const Id = z.union([z.int(), z.string()]);

export const SweepReport = z.object({
  began_at: z.number(),
  ended_at: z.number(),
  dry_run: z.boolean(),
  /** Why the pass came to nothing, or deleted nothing; null: nothing held it. */
  held: z.string().nullable(),
  /** How many resources the account has of the kind, droplets or others. */
  droplets: z.int(),
  ours: z.int(),
  asked: z.int(),
  /** Bots that could not be asked: what is named after them counts as theirs. */
  unanswered: z.int(),
  stale: z.int(),
  quarantined: z.int(),
  deleted: z.array(Id),
});
export type SweepReport = z.infer<typeof SweepReport>;

const SweepState = z.object({
  wanted: z.object({ dry_run: z.boolean() }).nullable().default(null),
  pass: z
    .object({
      began_at: z.number(),
      dry_run: z.boolean(),
      /** The last resource that was asked about: whoever goes on begins behind it. */
      cursor: Id.default(0),
      asked: z.int().default(0),
      unanswered: z.int().default(0),
    })
    .nullable()
    .default(null),
  last: SweepReport.nullable().default(null),
});
export type SweepState = z.infer<typeof SweepState>;

type Row = { [K in keyof Orphan]: Orphan[K] };

/**
 * Where a kind's orphans are kept. Each kind has a table of its own: ids of two kinds may be equal, and the release
 * before takes every row of `orphan` for a droplet.
 */
export interface OrphanStore {
  table: string;
  /** The column of the id, the table's primary key. */
  id: string;
  /** The key of the document that says where a pass stands. */
  document: string;
}

export class Orphans {
  readonly #sql: Sql;
  readonly #store: OrphanStore;

  constructor(sql: Sql, store: OrphanStore) {
    this.#sql = sql;
    this.#store = store;
  }

  state(): SweepState {
    const { document } = this.#store;
    const [row] = this.#sql.exec<{ value: string }>("SELECT value FROM document WHERE key = ?", document);
    try {
      return SweepState.parse(JSON.parse(row?.value ?? "{}"));
    } catch {
      // Only a pass and its report are lost: what is quarantined, and since when, stands in its own table.
      return SweepState.parse({});
    }
  }

  saveState(state: SweepState): void {
    this.#sql.exec(
      "INSERT INTO document (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      this.#store.document,
      JSON.stringify(state),
    );
  }

  /** Oldest first. */
  all(): Orphan[] {
    const { table, id } = this.#store;
    return this.#sql.exec<Row>(
      `SELECT ${id} AS id, name, bot_id, state, why, since, listed_at, inventories FROM ${table} ORDER BY since, ${id}`,
    );
  }

  save({ id, name, bot_id, state, why, since, listed_at, inventories }: Orphan): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO ${this.#store.table}
       (${this.#store.id}, name, bot_id, state, why, since, listed_at, inventories) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      name,
      bot_id,
      state,
      why,
      since,
      listed_at,
      inventories,
    );
  }

  forget(id: ResourceId): void {
    this.#sql.exec(`DELETE FROM ${this.#store.table} WHERE ${this.#store.id} = ? AND state <> 'deleted'`, id);
  }

  forgetOld(now: number): void {
    this.#sql.exec(`DELETE FROM ${this.#store.table} WHERE state = 'deleted' AND since < ?`, now - KEEP_DELETED_MS);
  }
}
