/** The real OpenClaw, at the version that droplets get: installed once into a cache of its own, and started by its file. */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const INSTALL_PATIENCE_MS = 15 * 60_000;

const root = fileURLToPath(new URL("../..", import.meta.url));

/** As wrangler.toml pins it. */
export const VERSION =
  /^OPENCLAW_VERSION = "([^"]+)"$/m.exec(readFileSync(join(root, "wrangler.toml"), "utf8"))?.[1] ?? "";

const cache = join(root, "node_modules/.cache/openclaw", VERSION);
/** The package's directory. */
export const PACKAGE = join(cache, "node_modules/openclaw");

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
