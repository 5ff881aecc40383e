/** Rows of the index in D1, as a Bot writes them and the database stores them. All but a config carry the bot's revision. */
import * as z from "zod";
import type { Fleet } from "../naming/fleet.ts";
import type { RetiredKeys } from "../secrets/key-rotation-plan.ts";
import { RiskConfig, TradingConfig } from "../wire/config.ts";
import type { BotStatus, DropletStatus, OperationKind, Persona } from "../wire/enums.ts";

/** Milliseconds since the epoch. */
type Instant = number;

const EnvironmentNames = z.array(z.object({ name: z.string(), updated_at: z.number() }));
export type EnvironmentNames = z.infer<typeof EnvironmentNames>;

/** One immutable config version, its secrets sealed with bot, version and field as additional data. */
export const ConfigRow = z.object({
  id: z.string(),
  bot_id: z.string(),
  version: z.int().positive(),
  restored_from: z.int().positive().nullable(),
  trading_config: TradingConfig,
  risk_config: RiskConfig,
  llm_provider: z.string(),
  /** Provider and model, as `PROVIDER/MODEL`; null: the provider's default, also of versions from before there was a choice. */
  llm_model: z.string().nullable().default(null),
  llm_base_url: z.string().nullable().default(null),
  llm_api_key: z.string(),
  llm_api_key_last4: z.string().nullable(),
  llm_api_key_updated_at: z.number(),
  /** The further secrets, sealed together as JSON of name → value; null: none. */
  environment: z.string().nullable().default(null),
  /** Their names, in order, and when each was set, for people to see. */
  environment_names: EnvironmentNames.nullish().transform((names) => names ?? []),
  note: z.string().nullable(),
  author: z.string(),
  created_at: z.number(),
});
export type ConfigRow = z.infer<typeof ConfigRow>;

export interface BotRow {
  id: string;
  name: string;
  persona: Persona;
  status: BotStatus;
  since: Instant;
  reason: string | null;
  generation: number;
  droplet_id: number | null;
  ip_address: string | null;
  desired_config_id: string;
  desired_config_version: number;
  applied_config_id: string | null;
  applied_config_version: number | null;
  effective_config_version: number | null;
  last_heartbeat_at: Instant | null;
  /** What is under way, and since when. */
  operation_kind: OperationKind | null;
  operation_since: Instant | null;
  /** When work that shows nothing new is overdue; null: nothing but the agent is awaited. */
  next_due_at: Instant | null;
  revision: number;
  updated_at: Instant;
}

export interface DropletRow {
  id: number;
  bot_id: string;
  name: string;
  generation: number;
  status: DropletStatus;
  ip_address: string | null;
  found_at: Instant;
  gone_at: Instant | null;
  revision: number;
}

export interface AuditRecord {
  /** What was done has one entry, however often it is sent: a request's id, or a bot's id and its event's number. */
  key: string;
  at: Instant;
  account_id: string | null;
  bot_id: string | null;
  actor: string;
  credential_id: string | null;
  /** The operation's id in the OpenAPI document. */
  action: string;
  /** What it was done to, where that is not the account or the bot. */
  target: string | null;
  before: unknown;
  after: unknown;
  reason: string | null;
  request_id: string | null;
}

/** What the index is made of. */
export type IndexEntry =
  | { kind: "bot"; row: BotRow }
  | { kind: "config"; row: ConfigRow }
  | { kind: "droplet"; row: DropletRow };

export type OutboxEntry = IndexEntry | { kind: "audit"; row: AuditRecord };

/** The bot as the index should show it. */
export interface SnapshotRows {
  account_id: string;
  created_at: Instant;
  created_by: string;
  bot: BotRow;
  entries: IndexEntry[];
}

/** A bot as its row in D1 has it before its object knows of it. */
export interface NewBot {
  id: string;
  account_id: string;
  name: string;
  persona: Persona;
  fleet: Fleet;
  config: ConfigRow;
  /** As the database had them in the statement that made or read the row. */
  retired_keys: RetiredKeys;
  actor: string;
}
