/**
 * A bot's configuration on the wire. Requests are flat (any subset in a PATCH), answers nested;
 * versions are immutable and numbered per bot.
 */
import * as z from "zod";
import { ALGORITHMS, ASSET_FOCUSES, LEVELS, OFFLINE_ACTIONS, ON_BREACH } from "./enums.ts";
import { EnvironmentPatch, EnvironmentView } from "./environment.ts";
import { Timestamp, Uuid } from "./primitives.ts";
import { redactText } from "./redact.ts";

const Percent = z.number().min(0).max(100);
const AssetSymbol = z.string().regex(/^[A-Z0-9]{1,20}$/, "must be 1 to 20 upper-case letters or digits");
const INT32_MAX = 2_147_483_647;

const LOOPBACK = /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?(?:\/|$)/;

/** `https`, or `http` for a server on the droplet itself. Keys have a field of their own. */
const BaseUrl = z
  .url()
  .max(500)
  .refine((url) => url.startsWith("https://") || LOOPBACK.test(url), "must be an https URL, or http to 127.0.0.1")
  .refine(
    (url) => !/[@?#]/.test(url) && redactText(url) === url,
    "must not carry a user, a key, a query or a fragment",
  );

const SignalKnobs = z
  .strictObject({
    volume_confirmation: z.boolean(),
    volatility_brake: z.boolean(),
    liquidity_filter: z.enum(LEVELS),
    correlation_brake: z.boolean(),
  })
  .meta({ id: "SignalKnobs" });

export const TradingConfig = z
  .object({
    asset_focus: z.enum(ASSET_FOCUSES),
    custom_assets: z.array(AssetSymbol).optional(),
    algorithm: z.enum(ALGORITHMS),
    strictness: z.enum(LEVELS),
    paper_mode: z.boolean(),
    signal_knobs: SignalKnobs.nullable(),
    background_turns: z.boolean().nullable().optional(),
  })
  .meta({ id: "TradingConfig" });
export type TradingConfig = z.infer<typeof TradingConfig>;

const OfflinePolicy = z
  .strictObject({
    after_s: z
      .int()
      .min(120)
      .max(7 * 86_400)
      .meta({ description: "Seconds since the control plane was last heard" }),
    action: z.enum(OFFLINE_ACTIONS).meta({
      description:
        "`keep`: the workload goes on. `stop`: it is stopped, and goes on once the control plane permits it again.",
    }),
  })
  .meta({ id: "OfflinePolicy" });
export type OfflinePolicy = z.infer<typeof OfflinePolicy>;

export const RiskConfig = z
  .object({
    max_position_size_pct: Percent,
    max_daily_loss_pct: Percent,
    max_drawdown_pct: Percent,
    max_trades_per_day: z.int().min(0).max(INT32_MAX),
    on_breach: z.enum(ON_BREACH).optional().meta({
      description:
        "What follows where the workload's report passes a limit. `notify`: an event. `stop`: the workload is stopped as well, until a person lifts the hold. Absent: `notify`.",
    }),
    offline_policy: OfflinePolicy.optional().meta({
      description: "What becomes of a running workload whose agent cannot reach the control plane. Absent: it goes on.",
    }),
  })
  .meta({ id: "RiskConfig" });
export type RiskConfig = z.infer<typeof RiskConfig>;

/** The fields of a config as a request carries them, side by side. */
export const flatConfigFields = {
  asset_focus: z.enum(ASSET_FOCUSES),
  custom_assets: z
    .array(AssetSymbol)
    .min(1)
    .max(100)
    .refine((assets) => new Set(assets).size === assets.length, "must not contain an asset twice")
    .optional()
    .meta({ description: 'Required with `asset_focus: "custom"` and not allowed otherwise', example: ["SOL", "ETH"] }),
  algorithm: z.enum(ALGORITHMS),
  strictness: z.enum(LEVELS),
  paper_mode: z.boolean(),
  signal_knobs: SignalKnobs.nullable().optional(),
  background_turns: z.boolean().nullable().optional().meta({
    description:
      "Whether OpenClaw takes turns by itself, without being asked: a heartbeat turn every 30 minutes and a nightly memory job. They use the LLM key. null: in live mode only.",
  }),
  ...RiskConfig.shape,
  llm_provider: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_-]{0,99}$/, "must be 1 to 100 letters, digits, _ or -, starting with a letter")
    .refine((text) => redactText(text) === text, "must be the provider's name, not a key")
    .meta({ example: "anthropic" }),
  llm_model: z
    .string()
    .max(200)
    .regex(
      /^[a-z0-9][a-z0-9_-]*(?:\/[A-Za-z0-9][A-Za-z0-9._:-]*){1,4}$/,
      "must be provider/model, in letters, digits, ., _, : and -",
    )
    .refine((text) => redactText(text) === text, "must be the model's name, not a key")
    .nullable()
    .optional()
    .meta({
      description: "`provider/model`. null: the provider's default model.",
      example: "anthropic/claude-sonnet-5",
    }),
  llm_base_url: BaseUrl.nullable().optional().meta({
    description:
      "Address of an OpenAI-compatible server, for a provider that OpenClaw does not know, or instead of the provider's own. `llm_model` is then required for an unknown provider.",
    example: "https://llm.example.com/v1",
  }),
  llm_api_key: z
    .string()
    .max(4096)
    .regex(/^[\x21-\x7e]+$/, "must be printable ASCII without spaces")
    .meta({
      description: "API key of the LLM provider. Write-only: never returned.",
      writeOnly: true,
      example: "sk-ant-example",
    }),
} as const;

export const ConfigPatch = z
  .strictObject(flatConfigFields)
  .partial()
  .extend({
    environment: EnvironmentPatch.optional(),
    note: z
      .string()
      .max(500)
      .transform((text) => redactText(text))
      .optional()
      .meta({ description: "Why the version is published. Stored with it." }),
  })
  .refine(
    ({ note: _, environment = {}, ...others }) => Object.keys({ ...others, ...environment }).length > 0,
    "must change at least one field",
  )
  .meta({ id: "ConfigPatch" });
export type ConfigPatch = z.infer<typeof ConfigPatch>;

const SecretView = z
  .object({ set: z.boolean(), last4: z.string().nullable(), updated_at: Timestamp })
  .meta({ id: "SecretView" });

const configVersionFields = {
  id: Uuid,
  bot_id: Uuid,
  version: z.int().positive(),
  restored_from: z
    .int()
    .positive()
    .nullable()
    .meta({ description: "Number of the version whose content this version restores" }),
  trading_config: TradingConfig,
  risk_config: RiskConfig,
  note: z.string().nullable(),
  created_at: Timestamp,
};

/** What management sees: the secret's existence, never the secret. */
export const ConfigVersion = z
  .object({
    ...configVersionFields,
    llm_model: z.string().nullable().meta({ description: "As published. null: the provider's default model." }),
    effective_llm_model: z.string().nullable().meta({
      description: "The model that the bot runs on. null: the provider is not known and no model is named.",
    }),
    llm_base_url: z.string().nullable(),
    author: z.string().meta({ description: "Who published the version. `spawnpoint`: an automatic rollback." }),
    secrets: z.object({ llm_provider: z.string(), llm_api_key: SecretView, environment: EnvironmentView }),
  })
  .meta({ id: "ConfigVersion" });
export type ConfigVersion = z.infer<typeof ConfigVersion>;

/** What the bot's own authenticated agent sees: the one reply that carries the plaintext. */
export const AgentConfig = z
  .object({
    ...configVersionFields,
    // A control plane that is older than its agent says nothing of these.
    llm_model: z.string().nullable().default(null).meta({ description: "The model to run on, default or not" }),
    llm_base_url: z.string().nullable().default(null),
    secrets: z.object({
      llm_provider: z.string(),
      llm_api_key: z.string(),
      // A control plane that is older than its agent says nothing of it.
      environment: z.record(z.string(), z.string()).default({}),
    }),
  })
  .meta({ id: "AgentConfig" });
export type AgentConfig = z.infer<typeof AgentConfig>;

const ConfigChange = z
  .union([
    z.object({ path: z.string(), from: z.unknown(), to: z.unknown() }),
    z
      .object({ path: z.string(), changed: z.literal(true) })
      .meta({ description: "A secret has changed. Its values are never returned." }),
  ])
  .meta({ id: "ConfigChange" });
export type ConfigChange = z.infer<typeof ConfigChange>;

export const ConfigDiff = z
  .object({
    bot_id: Uuid,
    from: z.int().positive(),
    to: z.int().positive(),
    changes: z
      .array(ConfigChange)
      .meta({ description: "Changed fields by JSON Pointer. A field that a version does not have is null." }),
  })
  .meta({ id: "ConfigDiff" });

export const RollbackRequest = z.strictObject({ to_version: z.int().positive() }).meta({ id: "RollbackRequest" });
