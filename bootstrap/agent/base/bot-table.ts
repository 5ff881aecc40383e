/**
 * The bots of this machine: what each is to run, and how it was when that was last written, which is before anything of it
 * is started. The agent's own is `enabled`; rows of others stay listed, and nothing starts them.
 */
import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import * as z from "zod";
import type { AgentConfig } from "../../../src/wire/config.ts";
import { Uuid } from "../../../src/wire/primitives.ts";
import { ConfigRow, type KeptConfig } from "./kept-config.ts";

/**
 * `Running`: processes of it may be there, also while it starts and stops. `Paused`: nothing runs because somebody said
 * so. `Stopped`: nothing runs, for whatever other reason. `Error`: it has ended, or cannot start, as `error` says.
 */
const RUNTIME_STATES = ["Stopped", "Running", "Paused", "Error"] as const;

/** Instants are Unix time, ms. */
export interface Runtime {
  state: (typeof RUNTIME_STATES)[number];
  started_at: number | null;
  /** When the control plane last answered for it. */
  last_heartbeat: number | null;
  error: string | null;
}

export interface BotRow {
  id: string;
  enabled: boolean;
  config: KeptConfig | null;
  runtime: Runtime;
}

export const BOT_TABLES = `
  CREATE TABLE IF NOT EXISTS bot_configs (
    bot_id TEXT PRIMARY KEY, enabled INTEGER NOT NULL, config_id TEXT, version INTEGER, llm_provider TEXT,
    trading_config TEXT, risk_config TEXT, updated_at INTEGER
  ) STRICT;
  CREATE TABLE IF NOT EXISTS bot_runtime_state (
    bot_id TEXT PRIMARY KEY, state TEXT NOT NULL, started_at INTEGER, last_heartbeat INTEGER, error TEXT
  ) STRICT;
`;

/** How the tables are reached: one statement at a time, with a value for each of its question marks. */
interface Sql {
  run: (statement: string, ...values: SQLInputValue[]) => unknown;
  all: (statement: string, ...values: SQLInputValue[]) => Record<string, SQLOutputValue>[];
}

const ROWS = `
  SELECT c.bot_id, c.enabled, c.config_id AS id, c.version, c.llm_provider, c.trading_config, c.risk_config,
         r.state, r.started_at, r.last_heartbeat, r.error
  FROM bot_configs c LEFT JOIN bot_runtime_state r USING (bot_id)`;

const Row = z.object({
  bot_id: Uuid,
  enabled: z.literal([0, 1]),
  state: z.enum(RUNTIME_STATES),
  started_at: z.number().nullable(),
  last_heartbeat: z.number().nullable(),
  error: z.string().nullable(),
});

export class BotTable {
  readonly #sql: Sql;
  readonly #onUnreadable: (row: string) => void;
  /** Rows that were said to be unreadable already. */
  readonly #said = new Set<string>();

  constructor(sql: Sql, onUnreadable: (row: string) => void) {
    this.#sql = sql;
    this.#onUnreadable = onUnreadable;
  }

  /** The agent's own first. A row that cannot be read is said so once, and left out. */
  list(): BotRow[] {
    const rows = this.#sql.all(`${ROWS} ORDER BY c.enabled DESC, c.rowid`);
    return rows.flatMap((row) => this.#read(row) ?? []);
  }

  /** Null where there is none, or none that can be read. */
  get(bot_id: string): BotRow | null {
    const [row] = this.#sql.all(`${ROWS} WHERE c.bot_id = ?`, bot_id);
    return row === undefined ? null : this.#read(row);
  }

  has(bot_id: string): boolean {
    return this.#sql.all("SELECT 1 FROM bot_configs WHERE bot_id = ?", bot_id).length > 0;
  }

  add(bot_id: string, { started_at, last_heartbeat }: Pick<Runtime, "started_at" | "last_heartbeat">): void {
    this.#sql.run("INSERT INTO bot_configs (bot_id, enabled) VALUES (?, 1)", bot_id);
    this.#sql.run(
      "INSERT OR REPLACE INTO bot_runtime_state (bot_id, state, started_at, last_heartbeat) VALUES (?, 'Stopped', ?, ?)",
      ...[bot_id, started_at, last_heartbeat],
    );
  }

  /** After a start nothing runs, whatever the rows say. @param own the only one that this agent may start */
  stopAll(own: string): void {
    this.#sql.run("UPDATE bot_configs SET enabled = (bot_id = ?)", own);
    this.#sql.run("INSERT OR IGNORE INTO bot_runtime_state (bot_id, state) SELECT bot_id, 'Stopped' FROM bot_configs");
    this.#sql.run("UPDATE bot_runtime_state SET state = 'Stopped', error = NULL");
  }

  /** What it is to run from now on, without secrets. */
  setConfig(bot_id: string, config: KeptConfig | AgentConfig, now_ms: number): void {
    const llm_provider = "secrets" in config ? config.secrets.llm_provider : config.llm_provider;
    const content = [JSON.stringify(config.trading_config), JSON.stringify(config.risk_config)];
    this.#sql.run(
      `UPDATE bot_configs
       SET config_id = ?, version = ?, llm_provider = ?, trading_config = ?, risk_config = ?, updated_at = ?
       WHERE bot_id = ? AND (config_id IS NOT ? OR trading_config IS NOT ? OR risk_config IS NOT ?)`,
      ...[config.id, config.version, llm_provider, ...content, now_ms],
      ...[bot_id, config.id, ...content],
    );
  }

  /** @param started_at where it starts now; null: as it was */
  setState(bot_id: string, { state, error }: Pick<Runtime, "state" | "error">, started_at: number | null): void {
    this.#sql.run(
      `UPDATE bot_runtime_state SET state = ?, error = ?, started_at = coalesce(?, started_at)
       WHERE bot_id = ? AND (state IS NOT ? OR error IS NOT ? OR ? IS NOT NULL)`,
      ...[state, error, started_at],
      ...[bot_id, state, error, started_at],
    );
  }

  /** The control plane has answered for it. */
  heard(bot_id: string, now_ms: number): void {
    this.#sql.run("UPDATE bot_runtime_state SET last_heartbeat = ? WHERE bot_id = ?", now_ms, bot_id);
  }

  remove(bot_id: string): void {
    this.#sql.run("DELETE FROM bot_runtime_state WHERE bot_id = ?", bot_id);
    this.#sql.run("DELETE FROM bot_configs WHERE bot_id = ?", bot_id);
  }

  #read(row: Record<string, SQLOutputValue>): BotRow | null {
    try {
      const { bot_id, enabled, ...runtime } = Row.parse(row);
      const config = row.id === null ? null : ConfigRow.parse(row);
      return { id: bot_id, enabled: enabled === 1, config, runtime };
    } catch {
      const name = `bot ${String(row.bot_id)}`;
      if (!this.#said.has(name)) this.#onUnreadable(name);
      this.#said.add(name);
      return null;
    }
  }
}
