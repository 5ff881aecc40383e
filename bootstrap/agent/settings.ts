/** What the agent reads from its environment (`agent.env`, `identity.env`); checked once, with a sentence on error. */
import { dirname, join } from "node:path";
import * as z from "zod";
import { BootId } from "../../src/wire/agent.ts";
import { DropletId, Uuid } from "../../src/wire/primitives.ts";
import { type LadderLimits, MAX_DRAIN_MS } from "./workload/wind-down-rules.ts";

const Port = z.coerce.number().int().min(0).max(65_535);
const Path = z.string().startsWith("/", "must be an absolute path");
/** Seconds in the environment; tests set fractions. */
const seconds = (value: number, most = Number.POSITIVE_INFINITY) =>
  z.coerce.number().positive().max(most).default(value);

const Environment = z.object({
  CONTROL_PLANE_URL: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, "")),
  BOT_ID: Uuid,
  DROPLET_ID: z.coerce.number().pipe(DropletId),
  BOOT_ID: BootId,
  STATE_DIR: Path,
  REGISTRATION_TOKEN_FILE: Path.optional(),
  BOOTSTRAP_STAGES_DIR: Path.optional(),
  /** Where the workload has a user of its own: who starts it. */
  WORKLOAD_LAUNCHER: Path.optional(),
  /** As systemd says it. */
  RUNTIME_DIRECTORY: Path.optional(),
  WORKLOAD_COMMAND: z.string().min(1).default("openclaw"),
  WORKLOAD_PORT: Port.default(18_789),
  WORKLOAD_READY_WINDOW_S: seconds(15),
  WORKLOAD_APPLY_DEADLINE_S: seconds(120),
  WORKLOAD_DRAIN_S: seconds(60, MAX_DRAIN_MS / 1000),
  WORKLOAD_RESTART_DRAIN_S: seconds(30, MAX_DRAIN_MS / 1000),
  WORKLOAD_ABORT_S: seconds(15, 30),
  WORKLOAD_STOP_TIMEOUT_S: seconds(20, 30),
  WORKLOAD_WIND_DOWN_COMMAND: Path.optional(),
  WORKLOAD_HUNG_AFTER_S: seconds(60),
  WORKLOAD_START_DEADLINE_S: seconds(180),
  WORKLOAD_DEGRADED_AFTER_S: seconds(10),
  WORKLOAD_INSTALLED_FILE: Path.optional(),
  WORKLOAD_LOG_FILE: Path.optional(),
  WORKSPACE_DIR: Path.optional(),
  OPENCLAW_STATE_DIR: Path.optional(),
  OPENCLAW_CONFIG_PATH: Path.optional(),
  AGENT_API_PORT: Port.default(18_790),
  AGENT_BACKOFF_FIRST_S: seconds(1),
  AGENT_BACKOFF_MAX_S: seconds(300),
  AGENT_SLOW_RETRY_S: seconds(300),
  AGENT_CONFIG_POLL_S: seconds(120),
  AGENT_REVOKED_CONFIRM_S: seconds(30),
  AGENT_BEAT_GAP_S: seconds(1),
  AGENT_REQUEST_TIMEOUT_S: seconds(20),
  AGENT_LOSS_BEAT_S: seconds(4),
  AGENT_CHANNEL_QUIET_S: seconds(300),
  AGENT_CHANNEL_RETRY_MAX_S: seconds(60),
  AGENT_CHANNEL_PONG_S: seconds(10),
  AGENT_REPORT_LOOK_S: seconds(5),
  AGENT_REPORT_GAP_S: seconds(30),
});

export interface Settings {
  control_plane_url: string;
  bot_id: string;
  droplet_id: number;
  boot_id: string;
  state_dir: string;
  /** For what ends with the agent. */
  runtime_dir: string;
  registration_token_file: string;
  bootstrap_stages_dir: string | null;
  workload: {
    /** Where the launcher listens, and where what it starts connects; null: the workload is the agent's own child. */
    launcher: { socket: string; directory: string } | null;
    command: string;
    /** 0: any free loopback port. */
    port: number;
    ready_window_ms: number;
    apply_deadline_ms: number;
    /** How long each rung of its way down may take. */
    ladder: LadderLimits;
    /** Where it comes back at once. */
    restart_drain_ms: number;
    /** Run when the workload is about to be stopped; null: none. */
    wind_down_command: string | null;
    /** Since its last answer. */
    hung_after_ms: number;
    /** From its start to its first answer. */
    start_deadline_ms: number;
    /** Since it was last ready. */
    degraded_after_ms: number;
    /** The workload counts as installed only once this file exists. */
    installed_file: string | null;
    log_file: string;
    workspace_dir: string | null;
    state_dir: string;
    config_path: string;
    /** Where the workload may say what it earns and loses. */
    report_path: string;
  };
  report: {
    look_every_ms: number;
    /** Between two reports at least. */
    gap_ms: number;
  };
  api_port: number;
  backoff: { first_ms: number; max_ms: number };
  slow_retry_ms: number;
  config_poll_ms: number;
  revoked_confirm_ms: number;
  beat_gap_ms: number;
  /** For an answer of any kind: to a request, to an attempt to connect, to a status on the channel. */
  request_timeout_ms: number;
  /** The first beat over HTTP comes within this of the channel's loss. */
  loss_beat_ms: number;
  channel: {
    /** While nothing happens: between two statuses, and between two looks at the config. */
    quiet_ms: number;
    backoff: { first_ms: number; max_ms: number };
    pong_timeout_ms: number;
  };
}

class SettingsError extends Error {
  override name = "SettingsError";
}

export function parseSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = Environment.safeParse(given);
  if (!parsed.success) {
    // The value is left out on purpose: a mistyped variable may hold a secret.
    const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")} (${issue.message})`);
    throw new SettingsError(`The agent cannot start with this environment: ${faults.join(", ")}`);
  }
  const e = parsed.data;
  const first_ms = e.AGENT_BACKOFF_FIRST_S * 1000;
  const openclaw_dir = e.OPENCLAW_STATE_DIR ?? join(e.STATE_DIR, "openclaw");
  const launcher = launcherOf(e);
  return {
    control_plane_url: e.CONTROL_PLANE_URL,
    bot_id: e.BOT_ID,
    droplet_id: e.DROPLET_ID,
    boot_id: e.BOOT_ID,
    state_dir: e.STATE_DIR,
    runtime_dir: e.RUNTIME_DIRECTORY ?? e.STATE_DIR,
    registration_token_file: e.REGISTRATION_TOKEN_FILE ?? join(e.STATE_DIR, "registration.token"),
    bootstrap_stages_dir: e.BOOTSTRAP_STAGES_DIR ?? null,
    workload: {
      launcher,
      command: e.WORKLOAD_COMMAND,
      port: e.WORKLOAD_PORT,
      ready_window_ms: e.WORKLOAD_READY_WINDOW_S * 1000,
      apply_deadline_ms: e.WORKLOAD_APPLY_DEADLINE_S * 1000,
      ladder: {
        drain_ms: e.WORKLOAD_DRAIN_S * 1000,
        abort_ms: e.WORKLOAD_ABORT_S * 1000,
        stop_ms: e.WORKLOAD_STOP_TIMEOUT_S * 1000,
      },
      restart_drain_ms: e.WORKLOAD_RESTART_DRAIN_S * 1000,
      wind_down_command: e.WORKLOAD_WIND_DOWN_COMMAND ?? null,
      hung_after_ms: e.WORKLOAD_HUNG_AFTER_S * 1000,
      start_deadline_ms: e.WORKLOAD_START_DEADLINE_S * 1000,
      degraded_after_ms: e.WORKLOAD_DEGRADED_AFTER_S * 1000,
      installed_file: e.WORKLOAD_INSTALLED_FILE ?? null,
      log_file: e.WORKLOAD_LOG_FILE ?? join(e.STATE_DIR, "logs", "workload.log"),
      workspace_dir: e.WORKSPACE_DIR ?? null,
      state_dir: openclaw_dir,
      config_path: e.OPENCLAW_CONFIG_PATH ?? join(openclaw_dir, "openclaw.json"),
      // OpenClaw shuts its own directory to every other user.
      report_path: join(launcher === null ? openclaw_dir : dirname(openclaw_dir), "report.json"),
    },
    report: { look_every_ms: e.AGENT_REPORT_LOOK_S * 1000, gap_ms: e.AGENT_REPORT_GAP_S * 1000 },
    api_port: e.AGENT_API_PORT,
    backoff: { first_ms, max_ms: e.AGENT_BACKOFF_MAX_S * 1000 },
    slow_retry_ms: e.AGENT_SLOW_RETRY_S * 1000,
    config_poll_ms: e.AGENT_CONFIG_POLL_S * 1000,
    revoked_confirm_ms: e.AGENT_REVOKED_CONFIRM_S * 1000,
    beat_gap_ms: e.AGENT_BEAT_GAP_S * 1000,
    request_timeout_ms: e.AGENT_REQUEST_TIMEOUT_S * 1000,
    loss_beat_ms: e.AGENT_LOSS_BEAT_S * 1000,
    channel: {
      quiet_ms: e.AGENT_CHANNEL_QUIET_S * 1000,
      backoff: { first_ms, max_ms: e.AGENT_CHANNEL_RETRY_MAX_S * 1000 },
      pong_timeout_ms: e.AGENT_CHANNEL_PONG_S * 1000,
    },
  };
}

function launcherOf({ WORKLOAD_LAUNCHER, RUNTIME_DIRECTORY }: z.output<typeof Environment>) {
  if (WORKLOAD_LAUNCHER === undefined) return null;
  if (RUNTIME_DIRECTORY !== undefined) return { socket: WORKLOAD_LAUNCHER, directory: RUNTIME_DIRECTORY };
  throw new SettingsError("The agent cannot start with this environment: RUNTIME_DIRECTORY (beside WORKLOAD_LAUNCHER)");
}
