/**
 * `node simulator/main.ts --port 0 --state-dir DIR [--token T] [--no-machines] [--knobs JSON] [--droplet-limit N]`
 *
 * Prints one line of JSON when ready, `{url, token, pid}`, and logs to standard error. SIGTERM and SIGINT stop every
 * machine, save the state and end it with 0.
 */
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import type { Knobs } from "./model/knobs.ts";
import { DEFAULT_KNOBS } from "./model/knobs.ts";
import { type SimulatorServerOptions, startSimulator } from "./server.ts";

function readOptions(args: string[]): SimulatorServerOptions {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: "string", default: "0" },
      "state-dir": { type: "string" },
      token: { type: "string" },
      "no-machines": { type: "boolean", default: false },
      knobs: { type: "string" },
      "droplet-limit": { type: "string" },
    },
  });
  const state_dir = values["state-dir"];
  if (state_dir === undefined) throw new Error("--state-dir is missing");
  return {
    port: count(values.port, "--port", 65_535),
    state_dir,
    token: values.token ?? `dop_v1_${randomBytes(32).toString("hex")}`,
    machines: !values["no-machines"],
    log: (line) => console.error(`${new Date().toISOString()} simulator: ${line}`),
    ...(values.knobs === undefined ? {} : { knobs: readKnobs(values.knobs) }),
    ...(values["droplet-limit"] === undefined
      ? {}
      : { droplet_limit: count(values["droplet-limit"], "--droplet-limit", 1_000_000) }),
  };
}

function count(text: string, name: string, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > max) throw new Error(`${name} must be a number up to ${max}`);
  return value;
}

function readKnobs(text: string): Partial<Knobs> {
  const knobs: unknown = JSON.parse(text);
  if (typeof knobs !== "object" || knobs === null) throw new Error("--knobs must be a JSON object");
  for (const [name, value] of Object.entries(knobs)) {
    const known = Object.entries(DEFAULT_KNOBS).find(([each]) => each === name)?.[1];
    if (known === undefined) throw new Error(`there is no knob ${name}`);
    if (typeof value !== typeof known) throw new Error(`the knob ${name} takes a ${typeof known}`);
  }
  return knobs;
}

async function main(): Promise<void> {
  const running = await startSimulator(readOptions(process.argv.slice(2)));
  const stop = () => {
    void running.close().then(() => process.exit(0));
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  console.log(JSON.stringify({ url: running.url, token: running.token, pid: process.pid }));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
