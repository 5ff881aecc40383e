/**
 * What the agent must know after a restart. It is read from memory and written to a file behind it; what the disk does not
 * take is in force all the same, and written once the disk has room. It never holds a secret: a config is kept without its
 * LLM key, which has to be fetched again. A value that cannot be read counts as absent and is said so; it stops nothing else.
 */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import * as z from "zod";
import { CommandResult, ConfigAckRequest } from "../../../src/wire/agent.ts";
import type { AgentConfig } from "../../../src/wire/config.ts";
import { Uuid } from "../../../src/wire/primitives.ts";
import { BotTable } from "./bot-table.ts";
import { ConfigRow, type KeptConfig } from "./kept-config.ts";
import { addRows, rowsOf, SCHEMA, SqliteFile, type StoreFile, type Write } from "./store-file.ts";

/** Every kept value with its shape. */
const KEPT = {
  heartbeat_interval_s: z.number().positive(),
  channel_url: z.string(),
  workload_port: z.int().min(1).max(65_535),
  applied: Uuid,
  proven: Uuid,
  /** The journal: an apply that has begun and not ended. */
  applying: z.object({ config_id: Uuid, at_ms: z.number() }),
  failed: z.object({ config_id: Uuid, reason: z.string(), at_ms: z.number() }),
  stopped_here: z.boolean(),
  last_stage: z.string(),
  /** The workload's first process. The mark is kept before there is one, so that none starts without a record. */
  child: z.object({
    pid: z.int().positive().nullable(),
    start_ticks: z.string().nullable(),
    mark: z.string().optional(),
    /** The kernel's id of the boot that it was started in. */
    boot: z.string().optional(),
  }),
  /** Of the bot's droplets, by number. */
  generation: z.int().positive(),
  /** A workload was started and has not ended with nothing in flight since. */
  runs_unsettled: z.boolean(),
  /** Digests of a provider, key and model: the last that passed the gate, and the last that OpenClaw was asked about. */
  model_good: z.string(),
  model_asked: z.object({
    digest: z.string(),
    answer: z.enum(["ok", "missing", "auth", "format", "no_model"]),
  }),
  /** Both of them were kept here until there was a table of bots. */
  last_heartbeat_ms: z.number(),
  workload: z.object({ started_at_ms: z.number().nullable() }),
} as const;
type Kept = { [K in keyof typeof KEPT]: z.infer<(typeof KEPT)[K]> };

/** Configs kept for a person to look at; the newest ones. */
const CONFIGS_KEPT = 20;

/** Commands whose result the control plane has, remembered against a repetition; the newest ones. */
const COMMANDS_KEPT = 64;
/** A clock that is set back must not make a command new again. */
const KEPT_PAST_EXPIRY_MS = 3_600_000;

export interface PendingAck {
  body: ConfigAckRequest;
  revision: number;
}

export class Store {
  readonly bots: BotTable;
  readonly #memory = new DatabaseSync(":memory:");
  readonly #file: StoreFile;
  readonly #onUnreadable: (key: string) => void;
  /** Done in memory, and not yet sent to the file. */
  #writes: Write[] = [];
  /** What stands in the file could not be read yet. */
  #unread = true;
  /** Keys that were removed before it could be. */
  readonly #removed = new Set<string>();
  /** The file lacks something that is here. */
  #behind = false;
  #durable = true;
  #trouble: unknown = null;

  /** @param file or its path */
  constructor(file: string | StoreFile, onUnreadable: (key: string) => void) {
    this.#file = typeof file === "string" ? new SqliteFile(file) : file;
    this.#onUnreadable = onUnreadable;
    this.#memory.exec(SCHEMA);
    this.#behind = !this.#try(() => this.#load());
    this.bots = new BotTable(
      {
        run: (statement, ...values) => this.#run(statement, ...values),
        all: (statement, ...values) => this.#memory.prepare(statement).all(...values),
      },
      onUnreadable,
    );
  }

  /** After a start: nothing runs. What an earlier release has kept of the agent's own bot goes into the table. */
  restoreBots(own: string, now_ms: number): void {
    this.transaction(() => {
      if (!this.bots.has(own)) {
        const started_at = this.get("workload")?.started_at_ms ?? null;
        this.bots.add(own, { started_at, last_heartbeat: this.get("last_heartbeat_ms") });
        const applied = this.get("applied");
        const config = applied === null ? null : this.config(applied);
        if (config !== null) this.bots.setConfig(own, config, now_ms);
      }
      this.bots.stopAll(own);
    });
  }

  /** Whether what was written last outlives this process. */
  get durable(): boolean {
    return this.#durable;
  }

  /** Why not all that is here is in the file; null: all is. */
  get trouble(): unknown {
    return this.#behind ? this.#trouble : null;
  }

  /** Brings the file to what is here, where it lacks something. */
  retry(): void {
    if (this.#behind) this.#save();
  }

  get<K extends keyof Kept>(key: K): Kept[K] | null {
    const row = this.#memory.prepare("SELECT value FROM kept WHERE key = ?").get(key);
    if (row === undefined) return null;
    try {
      // The cast only tells the compiler that the schema under `key` yields the type under `key`.
      return KEPT[key].parse(JSON.parse(String(row.value))) as Kept[K];
    } catch {
      this.#onUnreadable(key);
      return null;
    }
  }

  /** `null` removes. */
  set<K extends keyof Kept>(key: K, value: Kept[K] | null): void {
    if (value !== null) {
      this.#run("INSERT OR REPLACE INTO kept (key, value) VALUES (?, ?)", key, JSON.stringify(value));
      return;
    }
    if (this.#unread) this.#removed.add(key);
    this.#run("DELETE FROM kept WHERE key = ?", key);
  }

  keepConfig(config: AgentConfig, now_ms: number): void {
    this.transaction(() => {
      this.#run(
        "INSERT OR REPLACE INTO configs VALUES (?, ?, ?, ?, ?, ?)",
        config.id,
        config.version,
        config.secrets.llm_provider,
        JSON.stringify(config.trading_config),
        JSON.stringify(config.risk_config),
        now_ms,
      );
      this.#run(
        "DELETE FROM configs WHERE id NOT IN (SELECT id FROM configs ORDER BY version DESC LIMIT ?)",
        CONFIGS_KEPT,
      );
      this.bots.setConfig(config.bot_id, config, now_ms);
    });
  }

  config(id: string): KeptConfig | null {
    const row = this.#memory.prepare("SELECT * FROM configs WHERE id = ?").get(id);
    if (row === undefined) return null;
    try {
      return ConfigRow.parse(row);
    } catch {
      this.#onUnreadable(`config ${id}`);
      return null;
    }
  }

  /** One answer a config is owed at a time: the newest replaces what was not delivered yet. */
  queueAck(body: ConfigAckRequest): void {
    this.#run(
      `INSERT INTO acks (config_id, body, revision) VALUES (?, ?, 1)
       ON CONFLICT (config_id) DO UPDATE SET body = excluded.body, revision = revision + 1`,
      body.config_id,
      JSON.stringify(body),
    );
  }

  nextAck(): PendingAck | null {
    const row = this.#memory.prepare("SELECT config_id, body, revision FROM acks ORDER BY rowid LIMIT 1").get();
    if (row === undefined) return null;
    try {
      return { body: ConfigAckRequest.parse(JSON.parse(String(row.body))), revision: Number(row.revision) };
    } catch {
      this.#onUnreadable("ack");
      this.#run("DELETE FROM acks WHERE config_id = ?", String(row.config_id));
      return this.nextAck();
    }
  }

  /** Leaves an ack that has been replaced while the older one was on its way. */
  ackDelivered(ack: PendingAck): void {
    this.#run("DELETE FROM acks WHERE config_id = ? AND revision = ?", ack.body.config_id, ack.revision);
  }

  /** @returns how far the command with this id has come. */
  command(id: string): "unknown" | "begun" | "done" {
    const row = this.#memory.prepare("SELECT result FROM commands WHERE id = ?").get(id);
    if (row === undefined) return "unknown";
    return row.result === null ? "begun" : "done";
  }

  beginCommand(id: string, expires_at_ms: number): void {
    this.#run("INSERT INTO commands VALUES (?, ?, NULL, 0)", id, expires_at_ms);
  }

  finishCommand(result: CommandResult): void {
    this.#run("UPDATE commands SET result = ?, told = 0 WHERE id = ?", JSON.stringify(result), result.id);
  }

  /** Ids of the commands that have begun and not ended. */
  openCommands(): string[] {
    const rows = this.#memory.prepare("SELECT id FROM commands WHERE result IS NULL ORDER BY rowid").all();
    return rows.map(({ id }) => String(id));
  }

  /** Results that the control plane has not confirmed, the oldest first. */
  owedResults(limit: number): CommandResult[] {
    const rows = this.#memory
      .prepare("SELECT id, result FROM commands WHERE told = 0 AND result IS NOT NULL ORDER BY rowid LIMIT ?")
      .all(limit);
    return rows.map(({ id, result }) => {
      try {
        return CommandResult.parse(JSON.parse(String(result)));
      } catch {
        this.#onUnreadable(`command ${id}`);
        return { id: String(id), ok: false, detail: "The stored result cannot be read." };
      }
    });
  }

  countOwedResults(): number {
    const row = this.#memory.prepare("SELECT count(*) AS n FROM commands WHERE told = 0 AND result IS NOT NULL").get();
    return Number(row?.n ?? 0);
  }

  /** @param told whether the control plane has this command's result. */
  markTold(id: string, told: boolean): void {
    this.#run("UPDATE commands SET told = ? WHERE id = ? AND result IS NOT NULL", told ? 1 : 0, id);
  }

  pruneCommands(now_ms: number): void {
    this.#run("DELETE FROM commands WHERE result IS NOT NULL AND expires_at_ms < ?", now_ms - KEPT_PAST_EXPIRY_MS);
    this.#run(
      `DELETE FROM commands WHERE told = 1
       AND id NOT IN (SELECT id FROM commands WHERE told = 1 ORDER BY rowid DESC LIMIT ?)`,
      COMMANDS_KEPT,
    );
  }

  transaction(work: () => void): void {
    this.#memory.exec("BEGIN");
    try {
      work();
      this.#memory.exec("COMMIT");
    } catch (error) {
      this.#memory.exec("ROLLBACK");
      this.#writes = [];
      throw error;
    }
    this.#save();
  }

  close(): void {
    this.retry();
    this.#file.close();
    this.#memory.close();
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#memory.prepare(sql).run(...values);
    this.#writes.push({ sql, values });
    if (!this.#memory.isTransaction) this.#save();
  }

  /** What is new goes by itself into a file that lacks something older: there may be room for that much. */
  #save(): void {
    const writes = this.#writes.splice(0);
    const alone = () => this.#try(() => this.#file.write(writes));
    if (!this.#behind && alone()) {
      this.#durable = true;
      return;
    }
    this.#behind = !this.#try(() => this.#saveAll());
    this.#durable = !this.#behind || alone();
  }

  /** Never over something that has not been read: it is in force, whatever was decided without it. */
  #saveAll(): void {
    this.#load();
    this.#file.replace(rowsOf(this.#memory));
  }

  #load(): void {
    if (!this.#unread) return;
    const isRemoved = (key: unknown) => this.#removed.has(String(key));
    const rows = this.#file.read();
    addRows(
      this.#memory,
      rows.filter(({ table, values }) => table !== "kept" || !isRemoved(values[0])),
    );
    this.#unread = false;
  }

  #try(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      this.#trouble = error;
      return false;
    }
  }
}
