/** `npm start`: the whole system on this machine, on a simulated DigitalOcean whose droplets are real processes. */
import { mkdir, realpath, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startSimulator } from "../simulator/server.ts";
import {
  type Api,
  DEMO_MODEL,
  type DemoModel,
  demoBot,
  firstAccount,
  follow,
  localModel,
  makeDemo,
} from "./dev/demo.ts";
import { claimPort, readDevState, reapLeftovers } from "./dev/dev-state.ts";
import { startMessages } from "./dev/messages.ts";
import { ModelServer } from "./dev/model-server.ts";
import { COMMAND, install, VERSION } from "./dev/openclaw.ts";
import { localSecrets } from "./dev/secrets.ts";
import { type RunningWorker, startWorker, type WorkerOptions } from "./dev/worker.ts";

const HELP = `npm start -- [options]

  --port PORT        port of the API (default: the port used before with this state, or 8787)
  --state-dir DIR    directory for all state (default: .spawnpoint)
  --no-demo          do not create a demo bot
  --openclaw         run the real OpenClaw on the droplets instead of a stand-in; the first time it is installed
                     (650 MB, some minutes). The demo bot asks a stand-in model server, which costs nothing
  --set NAME=VALUE   a setting of the Worker, for example POLICY='{"heartbeat_interval_s":5}'; can be repeated
`;
const DEFAULT_PORT = 8787;
const MAX_RESTARTS = 20;
const PORT_TRIES = 3;
/** A cloud in a hurry: droplets are up in seconds. */
const KNOBS = {
  create_ms: 2_000,
  tag_ms: 3_000,
  list_lag_ms: 500,
  ip_lag_ms: 300,
  event_tail_ms: 500,
  delete_ms: 2_000,
  power_ms: 1_000,
  shutdown_ms: 8_000,
  status_lag_ms: 300,
};
const DROPLET_LIMIT = 100;

const { values: options } = parseArgs({
  options: {
    port: { type: "string" },
    "state-dir": { type: "string", default: ".spawnpoint" },
    "no-demo": { type: "boolean", default: false },
    openclaw: { type: "boolean", default: false },
    set: { type: "string", multiple: true, default: [] },
    help: { type: "boolean", default: false },
  },
});

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (line = "") => console.log(line);
const stops: (() => Promise<void>)[] = [];
let stopping = false;

async function main(): Promise<void> {
  if (options.help) return say(HELP);
  await mkdir(resolve(options["state-dir"]), { recursive: true });
  const state_dir = await realpath(options["state-dir"]);
  const before = await readDevState(state_dir);
  await reapLeftovers(state_dir, before);
  const port = await claimPort(options.port ?? before?.port?.toString(), DEFAULT_PORT);
  const secrets = await localSecrets(state_dir);

  say("Starting Spawnpoint on this machine\n");
  await import("./build.ts");
  say("  ✓ droplet agent bundled");
  const real = options.openclaw ? await prepareOpenclaw(before?.model_port) : null;
  const simulator = await startSimulator({
    port: 0,
    state_dir: join(state_dir, "simulator"),
    token: secrets.digitalocean_token,
    knobs: KNOBS,
    droplet_limit: DROPLET_LIMIT,
    machines: true,
    ...(real === null ? {} : { openclaw: real.command }),
    log: () => undefined,
  });
  stops.push(() => simulator.close());
  say(`  ✓ simulated DigitalOcean at ${simulator.url}`);

  const messages = await startMessages(join(state_dir, "messages.log"), say);
  stops.push(() => messages.close());
  const workerOptions: WorkerOptions = {
    root,
    state_dir,
    port,
    simulator_url: simulator.url,
    secrets,
    // On one machine all droplets share one loopback address, so each takes a free port.
    settings: {
      WORKLOAD_PORT: "0",
      SIGN_UP: "open",
      MAIL_WEBHOOK_URL: messages.url,
      PROVIDER_LIMITS: JSON.stringify({ usual_create_ms: KNOBS.create_ms }),
      ...Object.fromEntries(options.set.map(parseSetting)),
    },
  };
  const worker = await startOnSomePort(workerOptions);
  say(`  ✓ control plane at ${worker.base_url}\n`);
  const record = async (running: RunningWorker) => {
    const dev = {
      base_url: running.base_url,
      admin_token: secrets.admin_token,
      simulator_url: simulator.url,
      digitalocean_token: secrets.digitalocean_token,
      pid: process.pid,
      worker_pid: running.child.pid,
      port: workerOptions.port,
      ...(real === null ? {} : { model_port: real.model_port }),
    };
    await writeFile(join(state_dir, "dev.json"), `${JSON.stringify(dev, null, 2)}\n`, { mode: 0o600 });
  };
  await record(worker);
  const kept = keepRunning(worker, workerOptions, record);
  const api = { base_url: worker.base_url, admin_token: secrets.admin_token };
  if (!options["no-demo"]) await demo(api, real?.model ?? DEMO_MODEL);
  await showWhereToLook(api, state_dir, real?.model ?? DEMO_MODEL);
  await kept;
}

/** @param modelPort where an earlier run had its model server, which bots of that run know */
async function prepareOpenclaw(modelPort: number | undefined) {
  await install();
  const port = await claimPort(modelPort?.toString(), 0);
  const server = await new ModelServer().start(port);
  stops.push(() => server.stop());
  say(`  ✓ OpenClaw ${VERSION}, and a stand-in model server at ${server.url}`);
  return { command: COMMAND, model_port: port, model: localModel(server.url) };
}

/** With `--port 0` any port will do: one that somebody took in the meantime is given up for another. */
async function startOnSomePort(workerOptions: WorkerOptions): Promise<RunningWorker> {
  for (let tries = 1; ; tries++) {
    try {
      return await startWorker(workerOptions);
    } catch (error) {
      if (options.port !== "0" || tries >= PORT_TRIES) throw error;
      workerOptions.port = await claimPort("0", DEFAULT_PORT);
    }
  }
}

function parseSetting(text: string): [string, string] {
  const equals = text.indexOf("=");
  if (equals < 1) throw new Error(`--set ${text} is invalid: use --set NAME=VALUE.`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

/** A Worker that dies comes back on the same state, as Cloudflare would bring it back. */
async function keepRunning(
  first: RunningWorker,
  workerOptions: WorkerOptions,
  record: (worker: RunningWorker) => Promise<void>,
): Promise<void> {
  let worker = first;
  stops.unshift(() => worker.child.stop());
  for (let restarts = 0; restarts < MAX_RESTARTS; restarts++) {
    await worker.child.ended;
    if (stopping) return;
    say("  ! the Worker exited; restarting it on the same state");
    await worker.child.stop();
    worker = await startWorker(workerOptions);
    await record(worker);
    say("  ✓ the Worker is running again");
  }
  throw new Error(
    `The Worker exited ${MAX_RESTARTS} times. See its log: ${join(workerOptions.state_dir, "worker.log")}`,
  );
}

async function demo(api: Api, model: DemoModel): Promise<void> {
  if (await firstAccount(api)) return say("Using existing state; its bots resume on their own.\n");
  const bot = await makeDemo(api, model);
  const begun = Date.now();
  say(`Creating a demo bot, ${bot.id}:\n`);
  const status = await follow(api, bot.id, (line) => say(`  ${line}`));
  say(`\n  ● ${status} after ${Math.round((Date.now() - begun) / 1000)} s\n`);
}

async function showWhereToLook({ base_url, admin_token }: Api, state_dir: string, model: DemoModel): Promise<void> {
  const dev = join(state_dir, "dev.json");
  const account = (await firstAccount({ base_url, admin_token })) ?? "<an account id>";
  say(`Where to look
  API documentation         ${base_url}/docs
  Addresses and tokens      ${dev}
  Worker log                ${join(state_dir, "worker.log")}
  Email messages            here, and in ${join(state_dir, "messages.log")}
  Droplet disks and logs    ${join(state_dir, "simulator", "machines")}

Create another bot
  TOKEN=$(sed -n 's/.*"admin_token": "\\(.*\\)".*/\\1/p' ${dev})
  curl -s ${base_url}/bots -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\
    -d '${JSON.stringify(demoBot(account, "Second Light", model))}'
  curl -s ${base_url}/accounts/${account}/bots -H "authorization: Bearer $TOKEN"

Press Ctrl-C to stop everything; run the same command to resume.`);
}

async function stopAll(): Promise<void> {
  if (stopping) return;
  stopping = true;
  for (const stop of stops) await stop().catch((error: unknown) => console.error(error));
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => void stopAll().then(() => process.exit(0)));
}
try {
  await main();
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`);
  await stopAll();
  process.exit(1);
}
