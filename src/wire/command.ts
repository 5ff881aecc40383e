/** What people have a bot's agent do, and what came of it. */
import * as z from "zod";
import { MAX_LOG_LINES } from "./agent.ts";
import { COMMAND_KINDS, WORKLOAD_COMMANDS } from "./enums.ts";
import { Timestamp, Uuid } from "./primitives.ts";

const DAY_S = 24 * 60 * 60;

export const CommandRequest = z
  .strictObject({
    kind: z.enum(WORKLOAD_COMMANDS).meta({
      description:
        "`start`, `stop` and `restart` control the workload. A stopped workload stays stopped until `start`, across " +
        "reboots and redeploys. `collect_logs` returns the workload's last log lines.",
    }),
    lines: z
      .int()
      .min(1)
      .max(MAX_LOG_LINES)
      .optional()
      .meta({ description: "Only with `collect_logs`: number of log lines" }),
    force: z
      .boolean()
      .optional()
      .meta({ description: "Only with `stop`: do not wait for what the workload has in flight" }),
    expires_in_s: z
      .int()
      .min(10)
      .max(DAY_S)
      .optional()
      .meta({ description: "Seconds after which the command is no longer delivered. Default: 600." }),
  })
  .refine(({ kind, lines }) => lines === undefined || kind === "collect_logs", {
    message: "is only allowed with collect_logs",
    path: ["lines"],
  })
  .refine(({ kind, force }) => force === undefined || kind === "stop", {
    message: "is only allowed with stop",
    path: ["force"],
  })
  .meta({ id: "CommandRequest" });
export type CommandRequest = z.infer<typeof CommandRequest>;

export const CommandView = z
  .object({
    id: Uuid,
    kind: z.enum(COMMAND_KINDS),
    lines: z.int().nullable(),
    state: z.enum(["pending", "succeeded", "failed", "expired"]),
    actor: z.string(),
    requested_at: Timestamp,
    expires_at: Timestamp,
    ended_at: Timestamp.nullable(),
    detail: z.string().nullable().meta({ description: "The agent's result in one sentence" }),
    output: z.string().nullable().meta({ description: "Log lines collected by `collect_logs`, with secrets redacted" }),
  })
  .meta({ id: "Command" });
export type CommandView = z.infer<typeof CommandView>;

export const CommandAnswer = z.object({ status: z.literal("ok"), command: CommandView }).meta({ id: "CommandAnswer" });
