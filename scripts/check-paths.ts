/** Fails where a document or a comment names a file or a path that is not there. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { findDeadPaths } from "./docs/dead-paths.ts";

/** Files that no checkout has: of the state directory of `npm start`, and of the agent and OpenClaw on a droplet. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "api.json",
  "dev.json",
  "openclaw.json",
  "report.json",
  "spawnpoint.json",
  "AGENTS.md",
  "SKILL.md",
]);
/** Recorded or generated: what they say is not written by people. */
const SILENT = /^(migrations\/meta|test\/fixtures\/histories)\/|^package-lock\.json$/;

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" })
  .split("\n")
  .filter(Boolean);
const contents = new Map(files.map((path) => [path, SILENT.test(path) ? null : readFileSync(path, "utf8")]));
const ignored = new Map<string, boolean>();
const dead = findDeadPaths(contents, { names: ELSEWHERE, isIgnored });

for (const { file, line, name } of dead) console.error(`${file}:${line} names ${name}, which does not exist`);
console.log(`paths: ${files.length} files read, ${dead.length} dead names`);
process.exit(dead.length > 0 ? 1 : 0);

function isIgnored(path: string): boolean {
  if (path.startsWith("..")) return false;
  const known = ignored.get(path) ?? spawnSync("git", ["check-ignore", "--quiet", "--no-index", path]).status === 0;
  ignored.set(path, known);
  return known;
}
