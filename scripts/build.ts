/**
 * What the Worker serves but does not contain as code: the droplet's agent, bundled into one file that is fetched by its
 * digest, and the page that browses the API. Several builds may run at once: a file appears whole, or stays as it is.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import packageJson from "../package.json" with { type: "json" };

const { outputFiles } = await build({
  entryPoints: ["bootstrap/agent/main.ts"],
  write: false,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node24",
  minify: true,
  legalComments: "none",
  define: { AGENT_VERSION: JSON.stringify(packageJson.version) },
  logLevel: "warning",
});
const bundle = outputFiles[0]?.contents;
if (bundle === undefined) throw new Error("esbuild has made no bundle");
// The ending makes the Worker import it as text.
await place("dist/agent.mjs.txt", bundle);
await place("dist/agent.sha256.txt", Buffer.from(createHash("sha256").update(bundle).digest("hex")));

for (const entry of await readdir("public", { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const from = join(entry.parentPath, entry.name);
  await place(join("dist/assets", from.slice("public/".length)), await readFile(from));
}
const swaggerUi = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
for (const file of ["swagger-ui-bundle.js", "swagger-ui.css"]) {
  await place(join("dist/assets/docs", file), await readFile(join(swaggerUi, file)));
}

async function place(path: string, content: Uint8Array): Promise<void> {
  const present = await readFile(path).catch(() => null);
  if (present?.equals(content)) return;
  await mkdir(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}`;
  await writeFile(fresh, content);
  await rename(fresh, path);
}
