/** The real OpenClaw, at the version that droplets get: installed once into a cache of its own, and started by its file. */
import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";

const INSTALL_PATIENCE_MS = 15 * 60_000;

/** As wrangler.toml pins it. */
export const VERSION = /^OPENCLAW_VERSION = "([^"]+)"$/m.exec(readFileSync("wrangler.toml", "utf8"))?.[1] ?? "";

const cache = resolve("node_modules/.cache/openclaw", VERSION);
const PACKAGE = join(cache, "node_modules/openclaw");

/** A command as npm would put it on the path. */
export const COMMAND = join(cache, "openclaw");

/** Scripts of packages are not run: nothing here needs what they build. */
export async function install(): Promise<void> {
  if (existsSync(COMMAND)) return;
  const half = `${cache}.installing`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { recursive: true });
  writeFileSync(join(half, "package.json"), '{"private":true}\n');
  const began = Date.now();
  console.log(`installing openclaw ${VERSION} …`);
  const args = ["install", `openclaw@${VERSION}`, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  await ended(spawn("npm", args, { cwd: half, stdio: "inherit", timeout: INSTALL_PATIENCE_MS }));
  const starter = join(half, "openclaw");
  writeFileSync(starter, `#!/bin/sh\nexec "${process.execPath}" "${join(PACKAGE, "openclaw.mjs")}" "$@"\n`);
  chmodSync(starter, 0o755);
  rmSync(cache, { recursive: true, force: true });
  renameSync(half, cache);
  console.log(`openclaw ${VERSION} installed in ${Math.round((Date.now() - began) / 1000)} s`);
}

function ended(child: ReturnType<typeof spawn>): Promise<void> {
  return new Promise((done, fail) => {
    child.once("error", fail);
    child.once("exit", (code, signal) =>
      code === 0 ? done() : fail(new Error(`npm install ended with ${code ?? signal}`)),
    );
  });
}

const Setup = z.object({ id: z.string(), envVars: z.array(z.string()).default([]) });
const Models = z.object({ models: z.array(z.object({ id: z.string() })).default([]) });
const Manifest = z.object({
  setup: z.object({ providers: z.array(Setup).default([]) }).prefault({}),
  modelCatalog: z.object({ providers: z.record(z.string(), Models).default({}) }).prefault({}),
});

export interface Catalogue {
  /** Variables that a key is read from, by provider. */
  variables: Map<string, readonly string[]>;
  /** Models as `PROVIDER/MODEL`, of the providers whose list stands in the package. */
  models: Map<string, readonly string[]>;
}

/** What the manifests of the package's own plugins say of providers. */
export function readCatalogue(): Catalogue {
  const catalogue: Catalogue = { variables: new Map(), models: new Map() };
  const plugins = join(PACKAGE, "dist/extensions");
  for (const name of readdirSync(plugins)) {
    const path = join(plugins, name, "openclaw.plugin.json");
    if (!existsSync(path)) continue;
    const { setup, modelCatalog } = Manifest.parse(JSON.parse(readFileSync(path, "utf8")));
    for (const { id, envVars } of setup.providers) catalogue.variables.set(id, envVars);
    for (const [id, { models }] of Object.entries(modelCatalog.providers)) {
      if (models.length > 0)
        catalogue.models.set(
          id,
          models.map((model) => `${id}/${model.id}`),
        );
    }
  }
  return catalogue;
}
