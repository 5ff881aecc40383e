/** Searches all that a local system has written to its disk. */
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

export interface Searched {
  /** Files that were read, and their bytes together. */
  files: number;
  bytes: number;
  /** Where each secret was found, by its name; relative to the directory. */
  found: Record<string, string[]>;
}

/** @param secrets what to look for, by name */
export async function searchFiles(directory: string, secrets: Readonly<Record<string, string>>): Promise<Searched> {
  const searched: Searched = {
    files: 0,
    bytes: 0,
    found: Object.fromEntries(Object.keys(secrets).map((name) => [name, []])),
  };
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    // Some are gone by now: the system goes on while it is searched.
    const bytes = await readFile(path).catch(() => null);
    if (bytes === null) continue;
    searched.files++;
    searched.bytes += bytes.length;
    for (const [name, secret] of Object.entries(secrets)) {
      if (bytes.includes(secret)) searched.found[name]?.push(relative(directory, path));
    }
  }
  return searched;
}
