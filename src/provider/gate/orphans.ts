/** The sweep's own rows in the gate's SQLite: what it found, and where a pass under way stands. */
import { z } from "zod";
import type { Sql } from "../../cloudflare/storage-port.ts";
import type { Orphan } from "./sweep.ts";

/** What was deleted stays in the report for so long. */
const KEEP_DELETED_MS = 7 * 24 * 60 * 60_000;

export const SweepReport = z.object({
  began_at: z.number(),
  ended_at: z.number(),
  dry_run: z.boolean(),
  /** Why the pass came to nothing, or deleted nothing; null: nothing held it. */
  held: z.string().nullable(),
  droplets: z.int(),
  ours: z.int(),
  asked: z.int(),
  /** Bots that could not be asked: what is named after them counts as theirs. */
  unanswered: z.int(),
  stale: z.int(),
  quarantined: z.int(),
  deleted: z.array(z.int()),
});
export type SweepReport = z.infer<typeof SweepReport>;

const SweepState = z.object({
  wanted: z.object({ dry_run: z.boolean() }).nullable().default(null),
  pass: z
    .object({
      began_at: z.number(),
      dry_run: z.boolean(),
      /** The last droplet that was asked about: whoever goes on begins behind it. */
      cursor: z.int().default(0),
      asked: z.int().default(0),
      unanswered: z.int().default(0),
    })
    .nullable()
    .default(null),
  last: SweepReport.nullable().default(null),
});
export type SweepState = z.infer<typeof SweepState>;

type Row = { [K in keyof Orphan]: Orphan[K] };

export class Orphans {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  state(): SweepState {
    const [row] = this.#sql.exec<{ value: string }>("SELECT value FROM document WHERE key = 'sweep'");
    try {
      return SweepState.parse(JSON.parse(row?.value ?? "{}"));
    } catch {
      // Only a pass and its report are lost: what is quarantined, and since when, stands in its own table.
      return SweepState.parse({});
    }
  }

  saveState(state: SweepState): void {
    this.#sql.exec(
      "INSERT INTO document VALUES ('sweep', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      JSON.stringify(state),
    );
  }

  /** Oldest first. */
  all(): Orphan[] {
    return this.#sql.exec<Row>("SELECT * FROM orphan ORDER BY since, droplet_id");
  }

  save({ droplet_id, name, bot_id, state, why, since, listed_at, inventories }: Orphan): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO orphan VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      droplet_id,
      name,
      bot_id,
      state,
      why,
      since,
      listed_at,
      inventories,
    );
  }

  forget(droplet_id: number): void {
    this.#sql.exec("DELETE FROM orphan WHERE droplet_id = ? AND state <> 'deleted'", droplet_id);
  }

  forgetOld(now: number): void {
    this.#sql.exec("DELETE FROM orphan WHERE state = 'deleted' AND since < ?", now - KEEP_DELETED_MS);
  }
}
