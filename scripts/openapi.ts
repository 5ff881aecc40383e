/**
 * Produces the OpenAPI document from the app itself and lints it with Spectral's and Redocly's recommended rules. Neither
 * needs the network; what is not followed is listed with its reason in .spectral.yaml and redocly.yaml.
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";

/** As much of a Worker's app as is needed here. */
interface App {
  request(path: string, init: object, env: Record<string, string>): Promise<Response>;
}

/** The app does not start without settings; none of them is in the document. */
const SETTINGS = {
  ENVIRONMENT: "development",
  PUBLIC_URL: "http://127.0.0.1",
  DIGITALOCEAN_TOKEN: "unused-token",
  ENCRYPTION_KEYS: `unused:${randomBytes(32).toString("base64")}`,
  OPERATOR_TOKEN_SHA256: "0".repeat(64),
  SESSION_SECRET: randomBytes(32).toString("base64"),
};
const QUIET = { REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };

// The Worker imports the agent's bundle as text.
await import("./build.ts");
const dir = await mkdtemp(join(tmpdir(), "spawnpoint-openapi-"));
try {
  const path = join(dir, "openapi.json");
  const document = await produce(join(dir, "app.mjs"));
  await writeFile(path, JSON.stringify(document, null, 2));
  const complaints = [...spectral(path), ...redocly(path)];
  for (const complaint of complaints) console.error(complaint);
  const { paths, components } = document;
  const counted = `${Object.keys(paths).length} paths, ${Object.keys(components.schemas).length} schemas`;
  console.log(`openapi: ${counted}, ${complaints.length} errors and warnings`);
  process.exitCode = complaints.length > 0 ? 1 : 0;
} finally {
  await rm(dir, { recursive: true });
}

/** The document as the app serves it. @param file where the bundle goes */
async function produce(file: string): Promise<{ paths: object; components: { schemas: object } }> {
  await build({
    entryPoints: ["src/api/app.ts"],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    // As [[rules]] in wrangler.toml say.
    loader: { ".sh": "text", ".service": "text", ".socket": "text", ".txt": "text" },
    logLevel: "warning",
  });
  const { app } = (await import(file)) as { app: App };
  const answer = await app.request("/openapi.json", {}, SETTINGS);
  if (answer.status !== 200) throw new Error(`GET /openapi.json answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Awaited<ReturnType<typeof produce>>;
}

function spectral(path: string): string[] {
  const args = ["lint", path, "--ruleset", ".spectral.yaml", "--format", "json", "--quiet"];
  const results = JSON.parse(outputOf("spectral", args)) as { code: string; message: string; path: string[] }[];
  return results.map(({ code, message, path: at }) => `spectral ${code}: ${message} (${at.join(" ")})`);
}

function redocly(path: string): string[] {
  const args = ["lint", path, "--config", "redocly.yaml", "--format", "json", "--max-problems", "1000"];
  const { problems } = JSON.parse(outputOf("redocly", args)) as {
    problems: { ruleId: string; message: string; location: { pointer?: string }[] }[];
  };
  return problems.map(({ ruleId, message, location: [at] }) => `redocly ${ruleId}: ${message} (${at?.pointer ?? ""})`);
}

/** What a linter has found, as JSON: a linter that finds something ends with 1, one that cannot run with something else. */
function outputOf(linter: string, args: string[]): string {
  const { error, status, stdout, stderr } = spawnSync(join("node_modules", ".bin", linter), args, {
    encoding: "utf8",
    env: { ...process.env, ...QUIET },
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error || status === null || status > 1) throw new Error(`${linter} failed: ${error?.message ?? stderr}`);
  return stdout;
}
