/** What a droplet's agent and its bootstrap say to the control plane, and what they are answered. */
import * as z from "zod";
import { BOOTSTRAP_STAGES, COMMAND_KINDS, WORKLOAD_ORDERS, WORKLOAD_STATES } from "./enums.ts";
import { DropletId, Sha256Hex, Uuid } from "./primitives.ts";
import { quote } from "./redact.ts";
import { TradingReport } from "./trading-report.ts";

/** An agent's words for people: kept as one line, without what looks like a secret. */
function words(max: number) {
  return z
    .string()
    .max(max)
    .transform((text) => quote(text, max));
}

export const BootId = z
  .string()
  .min(1)
  .max(64)
  .transform((text) => quote(text, 64))
  .meta({ description: "Content of `/proc/sys/kernel/random/boot_id`. Changes with every boot." });

/** The proof of `credential_sha256`; looked at and forgotten, as the bearer of every later request is. */
const CredentialText = z
  .string()
  .max(256)
  .meta({
    description:
      "The credential itself: `sp_agt_`, the bot's id as 32 hex digits, `_`, 32 random bytes as 64 hex digits, and the " +
      "CRC-32 (ISO-HDLC) of all characters before it as 8 hex digits, everything in lower case. Its SHA-256 must be " +
      "`credential_sha256`. A credential of another form is refused here with 422 `invalid_request`, and the bearer of " +
      "this request stays valid. Without this field any hash is accepted, and if the credential has another form, every " +
      "later request is refused with 401 `unauthorized`.",
  });

export const RegisterRequest = z
  .object({
    bot_id: Uuid,
    credential_sha256: Sha256Hex.meta({ description: "SHA-256 of the credential that the agent has generated" }),
    credential: CredentialText.optional(),
    droplet_id: DropletId,
    boot_id: BootId,
    agent_version: z.string().max(64).optional(),
  })
  .meta({ id: "RegisterRequest" });
export type RegisterRequest = z.infer<typeof RegisterRequest>;

export const RegisterAnswer = z
  .object({ status: z.literal("registered"), heartbeat_interval_s: z.number().positive(), channel_url: z.string() })
  .meta({ id: "RegisterAnswer" });
export type RegisterAnswer = z.infer<typeof RegisterAnswer>;

export const CredentialRequest = z
  .object({
    credential_sha256: Sha256Hex.meta({ description: "SHA-256 of the agent's new credential" }),
    credential: CredentialText.optional(),
    droplet_id: DropletId,
    boot_id: BootId,
  })
  .meta({ id: "CredentialRequest" });
export type CredentialRequest = z.infer<typeof CredentialRequest>;

export const CredentialAnswer = z.object({ status: z.literal("rotated") }).meta({ id: "CredentialAnswer" });
export type CredentialAnswer = z.infer<typeof CredentialAnswer>;

export const StageRequest = z
  .object({
    stage: z.enum(BOOTSTRAP_STAGES),
    droplet_id: DropletId,
    boot_id: BootId,
    detail: words(500).optional(),
  })
  .meta({ id: "StageRequest" });
export type StageRequest = z.infer<typeof StageRequest>;

/** As many names as a report carries. */
export const MAX_DEGRADED = 8;
/** A name that begins so is of the droplet's disk: it holds whatever the workload does. */
export const DISK_TROUBLE = "disk ";

/** As much of a crash's reason. */
export const MAX_CRASH_CHARS = 200;

const WorkloadReport = z
  .object({
    state: z.enum(WORKLOAD_STATES).meta({
      description:
        "`running`: has been ready since its start, and stays so if it is not ready for a while. A bot becomes `online` " +
        "only with a workload that is `running`, or that is ordered not to run.",
    }),
    version: words(64).nullable(),
    restarts: z.int().min(0),
    crashes: z.int().min(0).optional().meta({
      description: "How often the workload has ended by itself since the agent started. Absent: `restarts` counts.",
    }),
    last_crash: words(MAX_CRASH_CHARS)
      .optional()
      .meta({ description: "Why the workload last ended by itself, in one line" }),
    aborted_runs: z.int().min(0).optional().meta({
      description:
        "How many runs that a crash or a kill had interrupted the agent has aborted since it started, so that they are not resumed. Absent: none.",
    }),
    degraded: z
      .array(words(64))
      .max(MAX_DEGRADED)
      .optional()
      .meta({
        description:
          "What a workload that has been ready is not ready for any more. `llm_auth`: the model provider refuses its API key or model. " +
          "With a workload in any state: `disk full`, `disk full (no inodes left)`, `disk full (read-only)` or `disk error` if the agent cannot write to its disk. " +
          "Absent or empty: nothing.",
      }),
    wind_down: z
      .object({
        rung: words(16).meta({
          description: "`drain`: what is in flight may end. `abort`: it is aborted. `term`: SIGTERM. `kill`: SIGKILL",
        }),
        ends_in_s: z
          .number()
          .min(0)
          .max(3600)
          .meta({ description: "Seconds within which the workload will have stopped" }),
      })
      .optional()
      .meta({ description: "While the workload is being stopped: how far it has come. Absent: it is not." }),
  })
  .meta({ id: "WorkloadReport" });

/** As many as one heartbeat carries. */
export const MAX_COMMAND_RESULTS = 4;
export const MAX_LOG_LINES = 500;
export const MAX_OUTPUT_CHARS = 24 * 1024;

export const CommandResult = z
  .object({
    id: Uuid,
    ok: z.boolean(),
    detail: words(500).optional().meta({ description: "The result in one sentence" }),
    output: z
      .string()
      .max(MAX_OUTPUT_CHARS)
      .optional()
      .meta({ description: "Log lines collected by `collect_logs`, with secrets redacted" }),
  })
  .meta({ id: "CommandResult" });
export type CommandResult = z.infer<typeof CommandResult>;

/** Delivered until it is answered or has expired; applied once, since the agent remembers what it has done. */
export const AgentCommand = z
  .object({
    id: Uuid,
    kind: z.string().meta({ description: `One of ${COMMAND_KINDS.join(", ")}. Later releases may add kinds.` }),
    args: z.object({ lines: z.int().min(1).max(MAX_LOG_LINES).optional(), force: z.boolean().optional() }).meta({
      description:
        "`lines`: number of log lines to collect, for `collect_logs`. `force`: with `stop`, do not wait for what is in flight",
    }),
    expires_at: z.string(),
  })
  .meta({ id: "AgentCommand" });
export type AgentCommand = z.infer<typeof AgentCommand>;

export const HeartbeatRequest = z
  .object({
    agent_version: words(64),
    boot_id: BootId,
    droplet_id: DropletId,
    workload: WorkloadReport,
    applied_config_id: Uuid.nullable(),
    load: z.number().min(0).nullable().meta({ description: "1-minute load average" }),
    mem: z.number().min(0).max(1).nullable().meta({ description: "Used share of the memory" }),
    disk: z.number().min(0).max(1).nullable().meta({ description: "Used share of the root disk" }),
    command_results: z.array(CommandResult).max(MAX_COMMAND_RESULTS).optional(),
    report: TradingReport.optional().meta({
      description: "What the workload's `report.json` says now. Absent: there is no report.",
    }),
    report_error: words(300).optional().meta({ description: "Why the present `report.json` cannot be used" }),
  })
  .meta({ id: "HeartbeatRequest" });
export type HeartbeatRequest = z.infer<typeof HeartbeatRequest>;

export const HeartbeatAnswer = z
  .object({
    status: z.literal("ok"),
    generation: z.int().positive(),
    desired_config_id: Uuid,
    workload: z.enum(WORKLOAD_ORDERS),
    commands: z.array(AgentCommand),
  })
  .meta({ id: "HeartbeatAnswer" });
export type HeartbeatAnswer = z.infer<typeof HeartbeatAnswer>;

export const ConfigAckRequest = z
  .object({
    config_id: Uuid,
    result: z.enum(["applied", "failed"]).default("applied"),
    workload: z.enum(WORKLOAD_STATES).optional(),
    reason: words(500).optional(),
  })
  .meta({ id: "ConfigAckRequest" });
export type ConfigAckRequest = z.infer<typeof ConfigAckRequest>;

export const ConfigAckAnswer = z
  .object({ status: z.literal("acknowledged"), desired_config_id: Uuid })
  .meta({ id: "ConfigAckAnswer" });
export type ConfigAckAnswer = z.infer<typeof ConfigAckAnswer>;

/** Where the present agent bundle is, for a bootstrap that was rendered by an older deploy. */
export const AgentRelease = z.object({ url: z.string(), sha256: Sha256Hex }).meta({ id: "AgentRelease" });
export type AgentRelease = z.infer<typeof AgentRelease>;
