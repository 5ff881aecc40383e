/** The agent's process, or with the word `steward` the workload's: environment in, signals in, exit code out. */
import { redactText } from "../../src/wire/redact.ts";
import { runAgent } from "./agent.ts";
import { AlreadyRunningError } from "./base/instance-lock.ts";
import { describeError } from "./base/log.ts";
import { parseSettings } from "./settings.ts";
import { runSteward } from "./workload/steward.ts";

/** Replaced when the agent is bundled. */
declare const AGENT_VERSION: string | undefined;

/** Another agent runs on this state directory: EX_TEMPFAIL of sysexits.h. */
const EXIT_ALREADY_RUNNING = 75;

if (process.argv[2] === "steward") runSteward(process.env);
else await beAgent();

async function beAgent(): Promise<void> {
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => stop.abort());
  try {
    await runAgent({
      settings: parseSettings(process.env),
      agent_version: typeof AGENT_VERSION === "string" ? AGENT_VERSION : "dev",
      env: process.env,
      write: (line) => process.stdout.write(`${line}\n`),
      signal: stop.signal,
    });
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${redactText(describeError(error))}\n`);
    process.exit(error instanceof AlreadyRunningError ? EXIT_ALREADY_RUNNING : 1);
  }
}
