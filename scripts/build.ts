/**
 * What the Worker serves but does not contain as code: the droplet's agent, bundled into one file that is fetched by its
 * digest, and the page that browses the API.
 */
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import packageJson from "../package.json" with { type: "json" };

await mkdir("dist", { recursive: true });
await build({
  entryPoints: ["bootstrap/agent/main.ts"],
  // The ending makes the Worker import it as text.
  outfile: "dist/agent.mjs.txt",
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node24",
  minify: true,
  legalComments: "none",
  define: { AGENT_VERSION: JSON.stringify(packageJson.version) },
  logLevel: "warning",
});

const bundle = await readFile("dist/agent.mjs.txt");
await writeFile("dist/agent.sha256.txt", createHash("sha256").update(bundle).digest("hex"));

const swaggerUi = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
await cp("public", "dist/assets", { recursive: true });
for (const file of ["swagger-ui-bundle.js", "swagger-ui.css"]) {
  await cp(join(swaggerUi, file), join("dist/assets/docs", file));
}
