/**
 * `npm run check:install`: sees that `npm ci` would install the lock with the npm of Node 20 and with a current one, on
 * each platform that we support, and that a current `npm install` would write the lock as it is. All in a scratch
 * directory, and without installing anything. The two npms themselves come from the registry.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** The second writes the lock: 10 leaves out what it does not need itself, and 11 then refuses the lock. */
const NPMS = ["10.9.4", "11.19.1"] as const;
const [, WRITER] = NPMS;
const PLATFORMS = [
  ["--os=linux", "--cpu=x64", "--libc=glibc"],
  ["--os=linux", "--cpu=arm64", "--libc=glibc"],
  ["--os=darwin", "--cpu=arm64"],
] as const;
const FILES = ["package.json", "package-lock.json", ".npmrc"] as const;

const { values: options } = parseArgs({ options: { dir: { type: "string" } } });
const project = resolve(options.dir ?? dirname(dirname(fileURLToPath(import.meta.url))));
const scratch = mkdtempSync(join(tmpdir(), "spawnpoint-install-"));

function check(): string[] {
  for (const file of FILES) copyFileSync(join(project, file), join(scratch, file));
  const wrong: string[] = [];
  for (const version of NPMS) {
    for (const platform of PLATFORMS) {
      const { ok, output } = npm(version, "ci", "--dry-run", "--loglevel=warn", ...platform);
      const what = `npm ${version} ci ${platform.join(" ")}`;
      if (!ok) wrong.push(`${what}: ${output}`);
      // Scripts that package.json says nothing about are skipped by later releases of npm.
      else if (output.includes("install-scripts")) wrong.push(`${what}: complete allowScripts: ${output}`);
      else console.log(`${what}: fine`);
    }
  }
  const { ok, output } = npm(WRITER, "install", "--package-lock-only");
  if (!ok) wrong.push(`npm ${WRITER} install --package-lock-only: ${output}`);
  wrong.push(...changedFiles().map((file) => `${file} would be changed: commit what npm ${WRITER} install writes`));
  return wrong;
}

function npm(version: string, ...args: string[]): { ok: boolean; output: string } {
  const { status, stdout, stderr } = spawnSync("npx", ["-y", `npm@${version}`, ...args], {
    cwd: scratch,
    encoding: "utf8",
  });
  return { ok: status === 0, output: `${stdout}${stderr}` };
}

function changedFiles(): string[] {
  return FILES.filter((file) => !readFileSync(join(project, file)).equals(readFileSync(join(scratch, file))));
}

try {
  const wrong = check();
  for (const text of wrong) console.error(text);
  process.exitCode = wrong.length > 0 ? 1 : 0;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
