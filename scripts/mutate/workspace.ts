/** A copy of the tree to break things in: the tree itself is never touched. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Mutant } from "../../test/mutations/mutant.ts";

const run = promisify(execFile);

export class Workspace {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** Copies what git would: tracked and new files, and nothing that is ignored. */
  static async copyOf(root: string): Promise<Workspace> {
    const { stdout } = await run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: root,
      maxBuffer: 64 * 1024 * 1024,
    });
    const dir = await mkdtemp(join(tmpdir(), "spawnpoint-mutate-"));
    for (const path of stdout.split("\0").filter((name) => name !== "")) await copyFile(root, dir, path);
    await symlink(join(root, "node_modules"), join(dir, "node_modules"));
    await run(process.execPath, ["scripts/build.ts"], { cwd: dir });
    return new Workspace(dir);
  }

  /** Breaks the guard. @returns how to mend it */
  async apply({ file, find, replace }: Mutant): Promise<() => Promise<void>> {
    const path = join(this.dir, file);
    const before = await readFile(path, "utf8");
    // A function, since `$` means something in a replacement text.
    await writeFile(
      path,
      before.replace(find, () => replace),
    );
    return () => writeFile(path, before);
  }

  remove(): Promise<void> {
    return rm(this.dir, { recursive: true, force: true });
  }
}

/** A file that is tracked but was deleted is not copied. */
async function copyFile(root: string, dir: string, path: string): Promise<void> {
  await cp(join(root, path), join(dir, path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}
