/**
 * Stands in for OpenClaw's gateway on a simulated machine: the same command line, probes and exit codes, and no trading.
 * Marks in the bot's custom assets make it misbehave: `EXIT78` (its configuration is invalid), `CRASHLOOP`, `NEVERREADY`,
 * `DAYLOSS7` (it reports that 7 % were lost today).
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { parseArgs } from "node:util";

const READY_MS = 300;
const CRASH_MS = 200;
const INVALID_CONFIG = 78;

function main(args: string[]): void {
  if (args.includes("--version")) {
    console.log(process.env.SPAWNPOINT_SIM_OPENCLAW_VERSION ?? "0.0.0");
    return;
  }
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
  readConfig("OPENCLAW_CONFIG_PATH");
  const mark = markOf(readConfig("SPAWNPOINT_CONFIG_PATH"));
  if (mark("EXIT78")) fail(INVALID_CONFIG, "invalid config");
  reportLoss(assetsOf(readConfig("SPAWNPOINT_CONFIG_PATH")));
  if (mark("CRASHLOOP")) setTimeout(() => fail(1, "crashed"), CRASH_MS);
  serve(Number(values.port ?? 18_789), () => !mark("NEVERREADY"));
}

function serve(port: number, canBeReady: () => boolean): void {
  const started = Date.now();
  const isReady = () => canBeReady() && Date.now() - started >= READY_MS;
  const server = createServer((request, response) => {
    switch (new URL(request.url ?? "/", "http://gateway").pathname) {
      case "/healthz":
      case "/health":
        return json(response, 200, { ok: true, status: "live" });
      case "/readyz": {
        const ready = isReady();
        return json(response, ready ? 200 : 503, {
          ready,
          failing: ready ? [] : ["gateway"],
          uptimeMs: Date.now() - started,
        });
      }
      case "/":
        response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
        return response.end("<!doctype html><title>OpenClaw</title><h1>OpenClaw Control</h1>\n");
      default:
        response.writeHead(404, { "content-type": "text/plain" });
        return response.end("Not Found");
    }
  });
  server.on("error", (error) => fail(1, error.message));
  server.listen(port, "127.0.0.1", () => console.log(`gateway listening on ws://127.0.0.1:${port}`));
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(0));
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

/** Reads the JSON file that a variable names. Absent is well, unreadable is an invalid configuration. */
function readConfig(variable: string): unknown {
  const path = pathIn(variable);
  if (path === null) return null;
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    return fail(INVALID_CONFIG, `invalid config in ${path}`);
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

function tokenInConfig(): string | null {
  const config = readConfig("OPENCLAW_CONFIG_PATH") as { gateway?: { auth?: { token?: unknown } } } | null;
  const token = config?.gateway?.auth?.token;
  return typeof token === "string" ? token : null;
}

function assetsOf(config: unknown): string[] {
  const assets = (config as { trading_config?: { custom_assets?: unknown } } | null)?.trading_config?.custom_assets;
  return Array.isArray(assets) ? assets.map(String) : [];
}

function markOf(config: unknown): (mark: string) => boolean {
  const assets = assetsOf(config);
  return (mark) => assets.some((each) => each.includes(mark));
}

function fail(code: number, reason: string): never {
  console.error(`openclaw: ${reason}`);
  process.exit(code);
}

main(process.argv.slice(2));
