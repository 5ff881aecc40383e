/** The gate's own SQLite: what was spent and who waits. No decision is made here. */
import * as z from "zod";
import type { Sql } from "../../cloudflare/storage-port.ts";
import { DROPLET } from "../../resources/droplet.ts";
import type { Load } from "./budget.ts";
import type { Ask, PermitKind } from "./permit.ts";

/** Append-only: a release reads what the next one writes. */
export const GATE_MIGRATIONS: readonly string[] = [
  `CREATE TABLE document (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE spent (bucket INTEGER PRIMARY KEY, user_count INTEGER NOT NULL, background_count INTEGER NOT NULL);
   CREATE TABLE waiting (bot_id TEXT PRIMARY KEY, kind TEXT NOT NULL, rank INTEGER NOT NULL, since INTEGER NOT NULL, back_at INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE create_lease (bot_id TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE heal (bot_id TEXT PRIMARY KEY, asked_at INTEGER NOT NULL, last_at INTEGER NOT NULL, granted_at INTEGER) WITHOUT ROWID;`,
  `CREATE TABLE orphan (droplet_id INTEGER PRIMARY KEY, name TEXT NOT NULL, bot_id TEXT, state TEXT NOT NULL, why TEXT NOT NULL, since INTEGER NOT NULL, listed_at INTEGER NOT NULL, inventories INTEGER NOT NULL);`,
  // Computed from the key, since the release before inserts rows without naming columns: one more to fill would stop it.
  `ALTER TABLE create_lease ADD COLUMN kind TEXT GENERATED ALWAYS AS (CASE instr(bot_id, '/') WHEN 0 THEN 'droplet' ELSE substr(bot_id, 1, instr(bot_id, '/') - 1) END) VIRTUAL;`,
];

/** Requests are counted in buckets of this length: coarse enough to be few rows, and always to the safe side. */
const BUCKET_MS = 5_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const CREATE_LEASE_MS = 10 * MINUTE_MS;
/** Who does not come back for so long has lost the place. */
const WAITING_GRACE_MS = MINUTE_MS;
const PRESENT_MS = 10_000;
const HEAL_WINDOW_MS = 10 * MINUTE_MS;

const RANKS: Readonly<Record<PermitKind, number>> = { user_action: 0, create: 1, heal: 2, poll: 3 };

/** What the gate knows beside its counts. */
export const GateState = z.object({
  /** The team that the token belonged to when it was first used. */
  team_uuid: z.string().nullable().default(null),
  /** Of the token that was last verified. */
  token_fingerprint: z.string().nullable().default(null),
  verified_at: z.number().default(0),
  /** Why nothing is granted, since when; null: the circuit is closed. */
  open: z.object({ reason: z.string(), since: z.number() }).nullable().default(null),
  /** DigitalOcean asked us to wait until then. */
  paused_until: z.number().default(0),
  /** How long creates have taken lately, ms; null: none was seen yet. */
  create_ms: z.number().nullable().default(null),
  live_bots: z.int().default(0),
  counted_at: z.number().default(0),
  fleet_hold_since: z.number().nullable().default(null),
  /** The fleet that the droplets of this token belong to, as D1 named it when it was first asked. */
  fleet_id: z.string().nullable().default(null),
});
export type GateState = z.infer<typeof GateState>;

type Creator = Pick<Ask, "bot_id" | "resource">;

/** A bot may make resources of several kinds, each with a lease of its own; a droplet's bears the bot's id alone. */
function holderOf({ bot_id, resource = DROPLET }: Creator): string {
  return resource === DROPLET ? bot_id : `${resource}/${bot_id}`;
}

/** What is waited for: creates of each kind have a limit of their own. */
function laneOf(kind: PermitKind, resource = DROPLET): string {
  return kind === "create" && resource !== DROPLET ? `create/${resource}` : kind;
}

export class Ledger {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  migrate(): void {
    const exists = this.#sql.exec("SELECT 1 AS found FROM sqlite_master WHERE name = 'document'").length > 0;
    const done = exists ? this.#schema() : 0;
    if (done === null) return;
    for (const statements of GATE_MIGRATIONS.slice(done)) {
      for (const statement of statements.split(";")) if (statement.trim()) this.#sql.exec(statement);
    }
    if (done < GATE_MIGRATIONS.length) this.#write("schema", String(GATE_MIGRATIONS.length));
  }

  /** @throws where it is damaged: `readable` tells */
  state(): GateState {
    return GateState.parse(JSON.parse(this.#read("state") ?? "{}"));
  }

  /** A damaged state is never taken for a fresh one: whose token it is would be forgotten. */
  readable(): boolean {
    try {
      this.state();
      return this.#schema() !== null;
    } catch {
      return false;
    }
  }

  /** How many migrations were applied; null: what says so is damaged. */
  #schema(): number | null {
    const text = this.#read("schema") ?? "0";
    return /^[0-9]+$/.test(text) ? Number(text) : null;
  }

  save(state: GateState): void {
    this.#write("state", JSON.stringify(state));
  }

  spend(kind: PermitKind, now: number): void {
    const bucket = Math.floor(now / BUCKET_MS);
    const column = kind === "user_action" ? "user_count" : "background_count";
    this.#sql.exec(
      `INSERT INTO spent (bucket, user_count, background_count) VALUES (?, ?, ?) ON CONFLICT (bucket) DO UPDATE SET ${column} = ${column} + 1`,
      bucket,
      kind === "user_action" ? 1 : 0,
      kind === "user_action" ? 0 : 1,
    );
    this.#sql.exec("DELETE FROM spent WHERE bucket < ?", bucket - HOUR_MS / BUCKET_MS - 1);
  }

  load(ask: Ask, now: number, create_ms: number): Load {
    const minute = this.#spentSince(now - MINUTE_MS);
    const hour = this.#spentSince(now - HOUR_MS);
    const queue = this.#before(ask, now);
    const creates = laneOf("create", ask.resource);
    // Whoever comes back later does not need what is free now; whoever is late by seconds still does.
    const ahead = queue.filter(({ back_at }) => back_at > now - PRESENT_MS && back_at <= now + PRESENT_MS);
    return {
      minute: minute.user + minute.background,
      hour: hour.user + hour.background,
      background_minute: minute.background,
      creates: this.#count(
        "SELECT count(*) AS n FROM create_lease WHERE kind = ? AND bot_id <> ? AND since > ?",
        ask.resource ?? DROPLET,
        holderOf(ask),
        now - CREATE_LEASE_MS,
      ),
      ahead: ahead.length,
      creates_ahead: ahead.filter(({ kind }) => kind === creates).length,
      queue: queue.length,
      creates_queue: queue.filter(({ kind }) => kind === creates).length,
      create_ms,
    };
  }

  /** What is spent and leased for droplets, and who waits, of everybody. */
  usage(now: number) {
    const minute = this.#spentSince(now - MINUTE_MS);
    const hour = this.#spentSince(now - HOUR_MS);
    const waiting = this.#sql.exec<{ kind: string; n: number }>(
      "SELECT kind, count(*) AS n FROM waiting WHERE back_at > ? GROUP BY kind",
      now - WAITING_GRACE_MS,
    );
    return {
      minute: minute.user + minute.background,
      hour: hour.user + hour.background,
      background_minute: minute.background,
      creates: this.#count(
        "SELECT count(*) AS n FROM create_lease WHERE kind = ? AND since > ?",
        DROPLET,
        now - CREATE_LEASE_MS,
      ),
      waiting: Object.fromEntries(waiting.map(({ kind, n }) => [kind, n])),
    };
  }

  /** A bucket that has begun before counts whole: too much is counted, never too little. */
  #spentSince(at: number): { user: number; background: number } {
    const [row] = this.#sql.exec<{ user: number | null; background: number | null }>(
      "SELECT sum(user_count) AS user, sum(background_count) AS background FROM spent WHERE bucket >= ?",
      Math.floor(at / BUCKET_MS),
    );
    return { user: row?.user ?? 0, background: row?.background ?? 0 };
  }

  /** Who waits in the same lane with a better right. People's wishes have a lane of their own. */
  #before({ bot_id, kind, resource }: Ask, now: number): { kind: string; back_at: number }[] {
    const own = this.#sql.exec<{ since: number }>(
      "SELECT since FROM waiting WHERE bot_id = ? AND kind = ?",
      bot_id,
      laneOf(kind, resource),
    )[0];
    const rank = RANKS[kind];
    return this.#sql.exec<{ kind: string; back_at: number }>(
      `SELECT kind, back_at FROM waiting WHERE bot_id <> ? AND back_at > ? AND (rank = 0) = (? = 0)
       AND (rank < ? OR (rank = ? AND (since, bot_id) < (?, ?)))`,
      bot_id,
      now - WAITING_GRACE_MS,
      rank,
      rank,
      rank,
      own?.since ?? now,
      bot_id,
    );
  }

  /** Keeps the place of whoever asked first for the same thing. */
  wait({ bot_id, kind, resource }: Ask, now: number, back_at: number): void {
    this.#sql.exec(
      `INSERT INTO waiting (bot_id, kind, rank, since, back_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (bot_id) DO UPDATE SET back_at = excluded.back_at,
       since = CASE WHEN kind = excluded.kind THEN since ELSE excluded.since END, kind = excluded.kind, rank = excluded.rank`,
      bot_id,
      laneOf(kind, resource),
      RANKS[kind],
      now,
      back_at,
    );
  }

  stopWaiting(bot_id: string, now: number): void {
    this.#sql.exec("DELETE FROM waiting WHERE bot_id = ? OR back_at <= ?", bot_id, now - WAITING_GRACE_MS);
  }

  leaseCreate(creator: Creator, now: number): void {
    this.#sql.exec(
      "INSERT INTO create_lease (bot_id, since) VALUES (?, ?) ON CONFLICT (bot_id) DO UPDATE SET since = excluded.since",
      holderOf(creator),
      now,
    );
    this.#sql.exec("DELETE FROM create_lease WHERE since <= ?", now - CREATE_LEASE_MS);
  }

  /** @returns how long the lease was held, ms; null where there was none */
  endCreate(creator: Creator, now: number): number | null {
    const [lease] = this.#sql.exec<{ since: number }>(
      "DELETE FROM create_lease WHERE bot_id = ? RETURNING since",
      holderOf(creator),
    );
    return lease ? now - lease.since : null;
  }

  /** Who has asked for a heal in the last ten minutes, who was allowed, and since when this one asks. */
  askHeal(bot_id: string, now: number): { asked: number; granted: number; mine: boolean; asking_ms: number } {
    const since = now - HEAL_WINDOW_MS;
    this.#sql.exec("DELETE FROM heal WHERE last_at <= ?", since);
    this.#sql.exec(
      "INSERT INTO heal (bot_id, asked_at, last_at, granted_at) VALUES (?, ?, ?, NULL) ON CONFLICT (bot_id) DO UPDATE SET last_at = excluded.last_at",
      bot_id,
      now,
      now,
    );
    const [own] = this.#sql.exec<{ asked_at: number; granted_at: number | null }>(
      "SELECT asked_at, granted_at FROM heal WHERE bot_id = ?",
      bot_id,
    );
    return {
      asked: this.#count("SELECT count(*) AS n FROM heal"),
      granted: this.#count("SELECT count(*) AS n FROM heal WHERE granted_at > ? AND bot_id <> ?", since, bot_id),
      mine: (own?.granted_at ?? 0) > since,
      asking_ms: now - (own?.asked_at ?? now),
    };
  }

  grantHeal(bot_id: string, now: number): void {
    this.#sql.exec("UPDATE heal SET granted_at = ? WHERE bot_id = ?", now, bot_id);
  }

  #count(query: string, ...binds: (string | number)[]): number {
    return this.#sql.exec<{ n: number }>(query, ...binds)[0]?.n ?? 0;
  }

  #read(key: string): string | null {
    return this.#sql.exec<{ value: string }>("SELECT value FROM document WHERE key = ?", key)[0]?.value ?? null;
  }

  #write(key: string, value: string): void {
    this.#sql.exec(
      "INSERT INTO document (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      key,
      value,
    );
  }
}
