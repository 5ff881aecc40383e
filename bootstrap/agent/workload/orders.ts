/** What is asked where the workload lives, and what is said of it: between agent and steward each is a line of JSON. */
import type { Socket } from "node:net";
import { StringDecoder } from "node:string_decoder";
import * as z from "zod";
import { AgentConfig } from "../../../src/wire/config.ts";
import type { WorkloadPaths } from "./openclaw.ts";

const Environment = z.record(z.string(), z.string());
const Paths = z.object({
  state_dir: z.string(),
  tmp_dir: z.string(),
  config_path: z.string(),
  rules_path: z.string(),
  report_path: z.string(),
  workspace_dir: z.string().nullable(),
}) satisfies z.ZodType<WorkloadPaths>;

const PrepareOrder = z.object({
  command: z.string(),
  config: AgentConfig,
  paths: Paths,
  environment: Environment,
  /** Without a secret. */
  plain_environment: Environment,
  /** `openclaw.json` of the last healthy start. */
  good: z.string().nullable(),
});
export type PrepareOrder = z.output<typeof PrepareOrder>;

/** What a start is made with. */
export const Ready = z.object({
  text: z.string().nullable(),
  repaired: z.string().max(1000).nullable(),
  checked: z.boolean(),
  version: z.string().max(64).nullable(),
});
export type Ready = z.output<typeof Ready>;

const RenewOrder = z.object({
  config: AgentConfig,
  paths: Paths,
  /** What it runs with, and what it would be started with. */
  running: Environment.nullable(),
  next: Environment,
});
export type RenewOrder = z.output<typeof RenewOrder>;

const WarnOrder = z.object({
  paths: Paths,
  /** To be run besides; null: none. */
  command: z.string().nullable(),
  environment: Environment,
  reason: z.string().nullable(),
  ends_at: z.string(),
});
export type WarnOrder = z.output<typeof WarnOrder>;

const Command = z.object({ file: z.string(), args: z.array(z.string()), env: Environment, cwd: z.string() });
export type Command = z.output<typeof Command>;

/** From the agent. `term`: SIGTERM to the first process. */
export const Order = z.discriminatedUnion("do", [
  z.object({ do: z.literal("prepare"), id: z.int(), with: PrepareOrder }),
  z.object({ do: z.literal("renew"), id: z.int(), with: RenewOrder }),
  z.object({ do: z.literal("warn"), id: z.int(), with: WarnOrder }),
  z.object({ do: z.literal("start"), id: z.int(), with: Command }),
  z.object({ do: z.literal("term"), id: z.int() }),
]);
export type Order = z.output<typeof Order>;

const LOG_MAX_CHARS = 4096;

/** From the steward, to which the workload may have done anything: nothing of it is more than words about the workload. */
export const Said = z.union([
  z.object({ hello: z.object({ uid: z.int().nonnegative() }) }),
  z.object({ id: z.int(), error: z.string().transform((text) => text.slice(0, 1000)), bad_config: z.boolean() }),
  z.object({ id: z.int(), ok: z.unknown() }),
  z.object({
    log: z.object({
      event: z.string().regex(/^[a-z_]{1,64}$/),
      fields: z.record(z.string(), z.unknown()).refine((fields) => JSON.stringify(fields).length <= LOG_MAX_CHARS),
    }),
  }),
  z.object({
    ended: z.object({
      code: z.int().nullable(),
      signal: z.string().max(16).nullable(),
      /** What has outlived the first process. */
      left: z.array(z.int()).max(20),
      /** The kernel has ended something of it for want of memory. */
      lacks_memory: z.boolean().default(false),
    }),
  }),
]);
export type Said = z.output<typeof Said>;
export type Ended = Extract<Said, { ended: unknown }>["ended"];

/** An `openclaw.json` of the largest size that is read, each of its characters escaped. */
const LINE_MAX_CHARS = 8 * 1024 * 1024;

/** Hears each line; a connection on which one does not end is destroyed. */
export function onLines(socket: Socket, heard: (line: string) => void): void {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  socket.on("data", (chunk) => {
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (!socket.destroyed) heard(line);
    if (rest.length > LINE_MAX_CHARS) socket.destroy();
  });
}
