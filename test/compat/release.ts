/**
 * Releases as trees on disk, built and ready to run: this one, and any other that the checkout's history holds. Both run on
 * the packages that are installed here.
 */
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";
import { Workspace } from "../../scripts/mutate/workspace.ts";

const run = promisify(execFile);
const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What is in production while this release is deployed, and what it may be rolled back to. */
export const PREVIOUS_RELEASE = process.env.PREVIOUS_RELEASE ?? "e09ec579b07825b027b9cd059d014f9978a6dca0";

const Manifest = z.looseObject({
  scripts: z.record(z.string(), z.string()),
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
});
type Manifest = z.infer<typeof Manifest>;

export interface Release {
  name: string;
  /** A tree of its own, which nobody else changes. */
  root: string;
}

/** Whether the checkout's history holds it: one that was made without the history does not. */
export function isInHistory(ref: string): boolean {
  try {
    execFileSync("git", ["cat-file", "-e", `${ref}^{commit}`], { cwd: ROOT, stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** This release, uncommitted changes and all. @returns with what takes its tree away */
export async function presentRelease(): Promise<[Release, () => Promise<void>]> {
  const copy = await Workspace.copyOf(ROOT);
  const release = { name: "this release", root: copy.dir };
  await keepAsBuilt(release);
  return [release, () => copy.remove()];
}

/** Another one, as it was committed. @param dir an empty directory, for its tree */
export async function pastRelease(ref: string, dir: string): Promise<Release> {
  const release = { name: ref.slice(0, 7), root: join(dir, "tree") };
  const tar = join(dir, "tree.tar");
  await mkdir(release.root);
  await run("git", ["archive", "--output", tar, ref], { cwd: ROOT });
  await run("tar", ["-xf", tar, "-C", release.root]);
  await symlink(join(ROOT, "node_modules"), join(release.root, "node_modules"));
  await run("npm", ["run", "--silent", "build:agent"], { cwd: release.root });
  await keepAsBuilt(release);
  return release;
}

/** A release whose Worker hands out another one's agent, and is the same otherwise. @param root where its tree goes */
export async function withAgentOf(release: Release, other: Release, root: string): Promise<Release> {
  await cp(release.root, root, { recursive: true, verbatimSymlinks: true });
  for (const file of ["agent.mjs.txt", "agent.sha256.txt"])
    await cp(join(other.root, "dist", file), join(root, "dist", file));
  return { name: `${release.name} with the agent of ${other.name}`, root };
}

/** What starts the Worker later would build the agent anew. */
async function keepAsBuilt(release: Release): Promise<void> {
  const { scripts, ...manifest } = await manifestOf(release);
  const changed = JSON.stringify({ ...manifest, scripts: { ...scripts, "build:agent": "true" } });
  await writeFile(join(release.root, "package.json"), changed);
}

async function manifestOf({ root }: Release): Promise<Manifest> {
  return Manifest.parse(JSON.parse(await readFile(join(root, "package.json"), "utf8")));
}

/** Where the packages that a release asks for are not those that it runs on here. */
export async function otherPackages(release: Release, present: Release): Promise<string[]> {
  const [theirs, ours] = (await Promise.all([manifestOf(release), manifestOf(present)])).map(
    ({ dependencies, devDependencies }) => ({ ...dependencies, ...devDependencies }),
  );
  return Object.entries(theirs ?? {}).flatMap(([name, version]) =>
    ours?.[name] === version ? [] : [`${name} ${ours?.[name] ?? "(none)"} instead of ${version}`],
  );
}

/** The digest of the agent's bundle that a release hands out. */
export async function agentDigest({ root }: Release): Promise<string> {
  return createHash("sha256")
    .update(await readFile(join(root, "dist/agent.mjs.txt")))
    .digest("hex");
}
