/** The Worker on this machine: the same code in the same runtime as in production, with a local D1. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Child, startChild } from "./child.ts";
import type { LocalSecrets } from "./secrets.ts";

export interface WorkerOptions {
  root: string;
  state_dir: string;
  port: number;
  simulator_url: string;
  secrets: LocalSecrets;
  /** Settings that replace the defaults, such as `POLICY`. */
  settings?: Record<string, string>;
  /** How long it may take to become healthy, ms. */
  patience_ms?: number;
}

export interface RunningWorker {
  base_url: string;
  child: Child;
}

const START_PATIENCE_MS = 60_000;
const POLL_MS = 100;

/** Applies the migrations that the local database has not seen, then starts the Worker and waits until it is healthy. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  await migrate(options);
  const base_url = `http://127.0.0.1:${options.port}`;
  const envFile = await writeSettings(options, base_url);
  const log = join(options.state_dir, "worker.log");
  const child = startChild(
    wrangler(options),
    [
      ...["dev", "--ip", "127.0.0.1", "--port", String(options.port)],
      ...["--persist-to", persistDir(options), "--env-file", envFile],
      ...["--inspector-port", "0", "--show-interactive-dev-session=false", "--log-level", "info"],
    ],
    { cwd: options.root, env: quietEnv(), log },
  );
  await untilHealthy(base_url, child, log, options.patience_ms ?? START_PATIENCE_MS);
  return { base_url, child };
}

async function migrate(options: WorkerOptions): Promise<void> {
  const args = ["d1", "migrations", "apply", "DB", "--local", "--persist-to", persistDir(options)];
  try {
    await promisify(execFile)(wrangler(options), args, { cwd: options.root, env: { ...quietEnv(), CI: "true" } });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`Applying the database migrations failed:\n${stdout ?? ""}${stderr ?? String(error)}`);
  }
}

/** In a file of its own: on a command line every process of the machine could read them. */
async function writeSettings(
  { state_dir, simulator_url, secrets, settings }: WorkerOptions,
  base_url: string,
): Promise<string> {
  const values: Record<string, string> = {
    ENVIRONMENT: "development",
    PUBLIC_URL: base_url,
    DIGITALOCEAN_API_URL: simulator_url,
    DIGITALOCEAN_TOKEN: secrets.digitalocean_token,
    ENCRYPTION_KEYS: secrets.encryption_keys,
    SESSION_SECRET: secrets.session_secret,
    OPERATOR_TOKEN_SHA256: createHash("sha256").update(secrets.admin_token).digest("hex"),
    ...settings,
  };
  const path = join(state_dir, "worker.env");
  const lines = Object.entries(values).map(([name, value]) => `${name}='${value}'\n`);
  await writeFile(path, lines.join(""), { mode: 0o600 });
  return path;
}

function persistDir({ state_dir }: WorkerOptions): string {
  return join(state_dir, "worker");
}

function wrangler({ root }: WorkerOptions): string {
  return join(root, "node_modules", ".bin", "wrangler");
}

/** No questions, no telemetry, no look-ups on the internet. */
function quietEnv(): NodeJS.ProcessEnv {
  return { ...process.env, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", NO_COLOR: "1" };
}

async function untilHealthy(base_url: string, child: Child, log: string, patienceMs: number): Promise<void> {
  const deadline = Date.now() + patienceMs;
  let ended = false;
  void child.ended.then(() => {
    ended = true;
  });
  while (Date.now() < deadline && !ended) {
    const answer = await fetch(`${base_url}/health`, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  await child.stop();
  throw new Error(
    `The Worker ${ended ? "exited during startup" : "did not become healthy in time"}. See its log: ${log}`,
  );
}
