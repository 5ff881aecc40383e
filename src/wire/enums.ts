/** Every enumeration of the wire, the database and the code: one spelling each. */

export const TIERS = ["free", "basic", "pro"] as const;
export type Tier = (typeof TIERS)[number];

/** Bots that an account of each tier may hold, destroyed ones not counted. */
export const MAX_BOTS: Readonly<Record<Tier, number>> = { free: 0, basic: 2, pro: 4 };

export const PERSONAS = ["beginner", "tweaker", "quant_lite"] as const;
export type Persona = (typeof PERSONAS)[number];

export const BOT_STATUSES = [
  "pending",
  "provisioning",
  "online",
  "unresponsive",
  "paused",
  "suspended",
  "error",
  "destroyed",
] as const;
export type BotStatus = (typeof BOT_STATUSES)[number];

export const OPERATION_KINDS = ["create", "pause", "resume", "redeploy", "destroy", "suspend", "heal"] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];

export const OPERATION_STATES = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
export type OperationState = (typeof OPERATION_STATES)[number];

/** What a person may ask of a bot with `POST /bots/{id}/actions`; commands to its agent are others. */
export const BOT_ACTIONS = ["pause", "resume", "redeploy", "destroy"] as const;
export type BotAction = (typeof BOT_ACTIONS)[number];

export const ASSET_FOCUSES = ["majors", "memes", "custom"] as const;
export const ALGORITHMS = ["trend", "mean_reversion", "breakout"] as const;
/** What follows where a limit of the risk config is passed. */
export const ON_BREACH = ["notify", "stop"] as const;
/** What an agent does that has heard nothing of the control plane for a while. */
export const OFFLINE_ACTIONS = ["keep", "stop"] as const;
export const LEVELS = ["low", "medium", "high"] as const;

export const DROPLET_STATUSES = ["new", "active", "off", "archive"] as const;
export type DropletStatus = (typeof DROPLET_STATUSES)[number];

export const HEALING_POLICIES = ["off", "reboot", "redeploy"] as const;
export const START_POLICIES = ["auto", "manual"] as const;

/** The control plane's permission to run: only `run` lets an agent start its workload. */
export const WORKLOAD_ORDERS = ["run", "stop", "hold"] as const;
export type WorkloadOrder = (typeof WORKLOAD_ORDERS)[number];

export const WORKLOAD_STATES = ["stopped", "starting", "running", "stopping", "crashed", "failed"] as const;
export type WorkloadState = (typeof WORKLOAD_STATES)[number];

/** Who may hold a bot. On the wire an owner is a text: later releases may add some. */
export const HOLD_OWNERS = ["operator", "billing", "breach", "emergency", "rollout"] as const;
export type HoldOwner = (typeof HOLD_OWNERS)[number];

/** What is known of a bot's agent. */
export const AGENT_HEALTHS = ["heard", "silent", "never", "refused"] as const;
/** What is known of its channel. */
export const CHANNEL_STATES = ["open", "closed", "never"] as const;
/**
 * How far the desired config version has come. `rolled_back`: it brings back an earlier one, since the version before it
 * failed.
 */
export const ROLLOUT_STATES = ["pending_delivery", "delivered", "settled", "failed", "rolled_back"] as const;
export type RolloutState = (typeof ROLLOUT_STATES)[number];

/** What a person may have an agent do with its workload. */
export const WORKLOAD_COMMANDS = ["start", "stop", "restart", "collect_logs"] as const;
/** What a person may have an agent do, beside its lifecycle. */
export const COMMAND_KINDS = [...WORKLOAD_COMMANDS, "rotate_credential"] as const;
export type CommandKind = (typeof COMMAND_KINDS)[number];

/** Stages that the bootstrap reports, in the order in which they are reached. */
export const BOOTSTRAP_STAGES = [
  "started",
  "firewall",
  "packages",
  "node",
  "user",
  "agent",
  "pnpm",
  "openclaw",
  "rust",
  "docker",
  "extras",
  "customizer",
  "done",
  "failed",
] as const;
export type BootstrapStage = (typeof BOOTSTRAP_STAGES)[number];

export const ROTATION_STATES = ["running", "done"] as const;
export type RotationState = (typeof ROTATION_STATES)[number];

/** First every Bot's own store, then the index's rows; what is left is counted before it is called done. */
export const ROTATION_PHASES = ["bots", "index", "verify"] as const;
export type RotationPhase = (typeof ROTATION_PHASES)[number];

/** Where secrets are kept: in a Bot, and in the index's config rows. */
export const SECRET_STORES = ["bot", "index"] as const;
export type SecretStore = (typeof SECRET_STORES)[number];
