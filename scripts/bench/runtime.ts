/**
 * One workerd with the production bundle, real Durable Objects and a real D1 on disk, reached by its own socket: nothing
 * of a development server is between the load and the Worker.
 */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";

export interface RuntimeOptions {
  root: string;
  /** What workerd writes goes below it; whoever made it takes it away. */
  dir: string;
  settings: Record<string, string>;
  /** What workerd and the Worker in it have to say. */
  log: (line: string) => void;
}

export interface Runtime {
  url: URL;
  /** Of workerd. */
  pid: number;
  stop(): Promise<void>;
}

const NAME = "spawnpoint-bench";
const MAIN = "worker.js";
const QUIET = { WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", NO_COLOR: "1" };

/** Bundles the Worker as a deploy would. @returns the directory with all its modules */
export async function bundle(root: string, dir: string): Promise<string> {
  const out = join(dir, "bundle");
  const args = ["deploy", "scripts/bench/worker.ts", "--dry-run", "--outdir", out];
  const wrangler = join(root, "node_modules", ".bin", "wrangler");
  await promisify(execFile)(wrangler, args, { cwd: root, env: { ...process.env, ...QUIET } });
  return out;
}

export async function startRuntime(options: RuntimeOptions, bundled: string): Promise<Runtime> {
  const before = await childrenOf(process.pid);
  const miniflare = new Miniflare(await optionsOf(options, bundled));
  try {
    const url = await miniflare.unsafeGetDirectURL(NAME);
    const pid = (await childrenOf(process.pid)).find((child) => !before.includes(child));
    if (pid === undefined) throw new Error("there is no workerd");
    await migrate(miniflare, join(options.root, "migrations"));
    return { url, pid, stop: () => miniflare.dispose() };
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
}

async function optionsOf({ root, dir, settings, log }: RuntimeOptions, bundled: string) {
  // Settings come from here alone, and what is said about missing ones is not for whoever reads a benchmark.
  process.env.WRANGLER_LOG ??= "error";
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(root, "wrangler.toml"));
  // Static files are served without the Worker; the cron would only disturb.
  const { assets: _assets, modulesRules: _rules, cronTriggers: _crons, ...options } = workerOptions;
  return convertV4MiniflareOptions({
    log: new Log(LogLevel.ERROR),
    handleStructuredLogs: ({ message }) => log(message),
    host: "127.0.0.1",
    port: 0,
    cf: false,
    resourcePersistencePath: join(dir, "state"),
    workers: [
      {
        ...options,
        name: NAME,
        rootPath: bundled,
        modulesRoot: bundled,
        modules: await modulesOf(bundled),
        bindings: { ...(options.bindings as Record<string, unknown>), ...settings },
        ratelimits: unbraked(options.ratelimits ?? {}),
        unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
        // Wrangler's type of a Worker without its source forgets what all Workers have.
      } as V4WorkerOptions,
    ],
  });
}

/** One machine asks as much here as all the world's locations. */
function unbraked(limiters: object) {
  return Object.fromEntries(
    Object.keys(limiters).map((name) => [name, { namespace_id: name, simple: { limit: 1e9, period: 60 as const } }]),
  );
}

/** The entry first. */
async function modulesOf(bundled: string) {
  const files = (await readdir(bundled)).filter((file) => file !== MAIN && !/\.(map|md)$/.test(file));
  const texts = files.map((file) => ({ type: "Text" as const, path: join(bundled, file) }));
  return [{ type: "ESModule" as const, path: join(bundled, MAIN) }, ...texts];
}

async function migrate(miniflare: Miniflare, migrations: string): Promise<void> {
  const db = await miniflare.getD1Database("DB");
  // It may have run on this state before.
  if ((await db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'bots'").first()) !== null) return;
  for (const file of (await readdir(migrations)).filter((name) => name.endsWith(".sql")).sort()) {
    const statements = (await readFile(join(migrations, file), "utf8")).split("--> statement-breakpoint");
    await db.batch(statements.map((statement) => db.prepare(statement)));
  }
}

/** Processes that this one has started, as Linux lists them. */
async function childrenOf(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, "utf8").catch(() => "")),
  );
  return lists.join(" ").split(/\s+/).filter(Boolean).map(Number);
}
