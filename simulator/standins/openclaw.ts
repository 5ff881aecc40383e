/**
 * Stands in for OpenClaw on a simulated machine: the same command line, probes, check and exit codes, and no trading.
 * Marks in the bot's custom assets make it misbehave: `EXIT78` (its config is invalid), `CRASHLOOP`, `NEVERREADY`,
 * `DAYLOSS7` (it reports that 7 % were lost today).
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { parseArgs } from "node:util";
import { Rpc } from "./openclaw-rpc.ts";

const READY_MS = 300;
const CRASH_MS = 200;
const INVALID_CONFIG = 78;
const NOT_THE_UI = /^\/(?:health|api|v1)\//;

function main(args: string[]): void {
  if (args.includes("--version")) {
    console.log(process.env.SPAWNPOINT_SIM_OPENCLAW_VERSION ?? "0.0.0");
    return;
  }
  if (args[0] === "config" && args[1] === "validate") validate();
  if (args[0] !== "gateway" || args[1] !== "run") {
    console.log(`openclaw: nothing is done for "${args.join(" ")}" on a simulated machine`);
    return;
  }
  const { values } = parseArgs({
    args: args.slice(2),
    options: { port: { type: "string" }, bind: { type: "string" }, auth: { type: "string" } },
    strict: false,
  });
  if (values.bind !== "loopback") fail(1, "refusing to listen on anything but loopback");
  if (values.auth === "token" && !process.env.OPENCLAW_GATEWAY_TOKEN && tokenInConfig() === null) {
    fail(1, "gateway auth is token, but there is no token");
  }
  const [issue] = issuesOfConfig();
  if (issue !== undefined) fail(INVALID_CONFIG, `invalid config: ${issue.path}: ${issue.message}`);
  const assets = customAssets();
  const mark = (name: string) => assets.some((each) => each.includes(name));
  reportLoss(assets);
  if (mark("CRASHLOOP")) setTimeout(() => fail(1, "crashed"), CRASH_MS);
  serve(Number(values.port ?? 18_789), () => !mark("NEVERREADY"));
}

interface Issue {
  path: string;
  message: string;
}

/** The parts of a config that it knows; the real one is as strict at every depth. */
const KNOWN = [
  "agents",
  "auth",
  "channels",
  "cron",
  "gateway",
  "hooks",
  "logging",
  "models",
  "plugins",
  "skills",
  "tools",
];

function issuesOfConfig(): Issue[] {
  const text = readNamed("OPENCLAW_CONFIG_PATH");
  const config = text === null ? {} : parseJson(text);
  if (!isObject(config)) return [{ path: "<root>", message: "JSON5 parse failed" }];
  const unknown = Object.keys(config).filter((key) => !KNOWN.includes(key));
  const issues = unknown.map((key) => ({ path: "<root>", message: `Unrecognized key: "${key}"` }));
  if (customAssets().some((each) => each.includes("EXIT78"))) issues.push({ path: "agents", message: "Invalid input" });
  return issues;
}

/** As `openclaw config validate --json`. */
function validate(): never {
  const path = process.env.OPENCLAW_CONFIG_PATH ?? "";
  if (readNamed("OPENCLAW_CONFIG_PATH") === null) {
    console.log(JSON.stringify({ ok: false, error: { message: "file not found" }, valid: false, path }));
    process.exit(1);
  }
  const issues = issuesOfConfig();
  const valid = issues.length === 0;
  console.log(JSON.stringify(valid ? { valid, path, warnings: [] } : { ok: false, valid, path, issues }));
  process.exit(valid ? 0 : 1);
}

function serve(port: number, canBeReady: () => boolean): void {
  const started = Date.now();
  const isReady = () => canBeReady() && Date.now() - started >= READY_MS;
  let rpc: Rpc | null = null;
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://gateway");
    switch (pathname) {
      case "/healthz":
      case "/health":
        return json(response, 200, { ok: true, status: "live" });
      case "/readyz": {
        const suspended = rpc?.suspended === true;
        const ready = isReady() && !suspended;
        return json(response, ready ? 200 : 503, {
          ready,
          failing: ready ? [] : [suspended ? "gateway-draining" : "startup-sidecars"],
          uptimeMs: Date.now() - started,
        });
      }
      default:
        if (NOT_THE_UI.test(pathname)) {
          response.writeHead(404, { "content-type": "text/plain" });
          return response.end("Not Found");
        }
        // Its one page, whatever the path is.
        response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
        return response.end("<!doctype html><title>OpenClaw</title><h1>OpenClaw Control</h1>\n");
    }
  });
  const token = process.env.OPENCLAW_GATEWAY_TOKEN ?? "";
  const config = readConfig("OPENCLAW_CONFIG_PATH");
  rpc = new Rpc({ server, token, config, state_dir: pathIn("OPENCLAW_STATE_DIR"), isReady });
  if (canBeReady()) setTimeout(() => rpc?.resumeInterrupted(), READY_MS);
  server.on("error", (error) => fail(1, error.message));
  server.listen(port, "127.0.0.1", () => console.log(`gateway listening on ws://127.0.0.1:${port}`));
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(0));
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

/** What stands in the file that a variable names; null: there is none. */
function readNamed(variable: string): string | null {
  const path = pathIn(variable);
  if (path === null) return null;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    return fail(INVALID_CONFIG, `${path} cannot be read`);
  }
}

function pathIn(variable: string): string | null {
  const named = process.env[variable];
  const root = process.env.SPAWNPOINT_ROOT ?? "";
  if (named === undefined || named === "") return null;
  return named.startsWith(root) ? named : root + named;
}

/** Keeps its books as a strategy would. */
function reportLoss(assets: readonly string[]): void {
  const percent = assets.flatMap((each) => /^DAYLOSS(\d{1,2})$/.exec(each)?.[1] ?? [])[0];
  const path = pathIn("SPAWNPOINT_REPORT_PATH");
  if (percent === undefined || path === null) return;
  const loss = 100 * Number(percent);
  const report = { equity: 10_000 - loss, daily_pnl: -loss, drawdown_pct: Number(percent), trades_today: 1 };
  writeFileSync(`${path}.new`, JSON.stringify(report));
  renameSync(`${path}.new`, path);
}

/** Null where it is absent or no JSON. */
function readConfig(variable: string): unknown {
  const text = readNamed(variable);
  return text === null ? null : parseJson(text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function tokenInConfig(): string | null {
  const config = readConfig("OPENCLAW_CONFIG_PATH") as { gateway?: { auth?: { token?: unknown } } } | null;
  const token = config?.gateway?.auth?.token;
  return typeof token === "string" ? token : null;
}

function customAssets(): string[] {
  const rules = readConfig("SPAWNPOINT_CONFIG_PATH") as { trading_config?: { custom_assets?: unknown } } | null;
  const assets = rules?.trading_config?.custom_assets;
  return Array.isArray(assets) ? assets.map(String) : [];
}

function fail(code: number, reason: string): never {
  console.error(`openclaw: ${reason}`);
  process.exit(code);
}

main(process.argv.slice(2));
