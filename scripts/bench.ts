/**
 * `npm run bench [-- --quick] [-- --json]`: how fast the production bundle is on one workerd of this machine, and what
 * channels cost it. Ends with 1 where a target is missed.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { channelsPossible, measureChannels } from "./bench/channels.ts";
import { measureHttp } from "./bench/http-rates.ts";
import { describeMachine } from "./bench/machine.ts";
import { measureMaking } from "./bench/making.ts";
import { judge, type Measured, render } from "./bench/report.ts";
import { System } from "./bench/system.ts";
import { progress } from "./report/table.ts";

const HELP = `npm run bench -- [options]

  --quick   about a minute, with a small fleet
  --json    all numbers, for a program
`;

const THOROUGH = {
  alone: 100,
  at_once: 32,
  fleet: 5_000,
  http: { rounds: 5, round_ms: 3_000, other_ms: 5_000 },
  channels: { steps: [1_000, 5_000], ping_ms: 10_000, changes: 500 },
};
const QUICK: typeof THOROUGH = {
  alone: 15,
  at_once: 32,
  fleet: 300,
  http: { rounds: 3, round_ms: 1_000, other_ms: 1_000 },
  channels: { steps: [300], ping_ms: 2_000, changes: 50 },
};

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));
let system: System | null = null;

async function main(): Promise<number> {
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const plan = options.quick ? QUICK : THOROUGH;
  progress("bundling the Worker, starting workerd …");
  await import("./build.ts");
  system = await System.start(root);
  const machine = describeMachine(system.dir);
  const measured = await measure(system, plan);
  progress("");
  const targets = judge(measured);
  if (options.json) console.log(JSON.stringify({ machine, quick: options.quick, ...measured, targets }, null, 2));
  else console.log(render(machine, measured, targets));
  return targets.every(({ met }) => met) ? 0 : 1;
}

async function measure(on: System, { alone, fleet, at_once, http, channels }: typeof THOROUGH): Promise<Measured> {
  const possible = channelsPossible(on.pid);
  const steps = [...new Set(channels.steps.map((step) => Math.min(step, possible)))];
  const size = Math.min(fleet, Math.max(possible, 1_000));
  const told = (what: string) => progress(what);
  return {
    making: await measureMaking(on, alone, size, at_once, (made) => told(`${made} of ${size} bots`)),
    http: await measureHttp(on, http, told),
    channels: await measureChannels(on, { ...channels, steps }, told),
  };
}

async function stop(): Promise<void> {
  const running = system;
  system = null;
  await running?.stop();
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => void stop().then(() => process.exit(130)));
}
try {
  process.exitCode = await main();
} catch (error) {
  progress("");
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
} finally {
  await stop();
}
