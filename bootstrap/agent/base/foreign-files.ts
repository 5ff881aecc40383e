/**
 * Files below a directory that somebody else may write to, as the workload may: never through a link, never a device or a
 * pipe, never more than so many bytes; and written beside, then renamed, so that nobody's file is written into.
 */
import { randomUUID } from "node:crypto";
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readSync, rmSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { createDurably, renameDurably } from "./files.ts";

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

export class ForeignFileError extends Error {
  override name = "ForeignFileError";
}

/**
 * @param root the directory that is trusted to be one; each part of the way from it to the file has to be a directory
 * @returns the text, or null where there is no such file. @throws {ForeignFileError} where it is anything else
 */
export function readForeign(root: string, path: string, max_bytes: number): string | null {
  if (!isWayClear(root, path)) return null;
  let file: number;
  try {
    // A pipe that nobody writes to would otherwise be waited for.
    file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw new ForeignFileError(`${path} cannot be opened: ${codeOf(error)}`);
  }
  try {
    const stat = fstatSync(file);
    const { size } = stat;
    if (!stat.isFile()) throw new ForeignFileError(`${path} is not a regular file`);
    if (size > max_bytes) throw new ForeignFileError(`${path} has more than ${max_bytes} bytes`);
    const buffer = Buffer.alloc(size);
    let length = 0;
    while (length < size) {
      const read = readSync(file, buffer, length, size - length, length);
      if (read === 0) break;
      length += read;
    }
    return decode(path, buffer.subarray(0, length));
  } finally {
    closeSync(file);
  }
}

/** Text that is read as something else would be written back as something else. */
function decode(path: string, bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ForeignFileError(`${path} is not UTF-8`);
  }
}

/** Makes the directories on the way. @throws {ForeignFileError} where something else stands in it */
export function writeForeign(root: string, path: string, text: string, mode = 0o600): void {
  const directory = dirname(path);
  for (const part of waysTo(root, directory)) {
    if (kindOf(part) === "none") mkdirSync(part, { mode: 0o700 });
    if (kindOf(part) !== "directory") throw new ForeignFileError(`${part} is not a directory`);
  }
  const beside = join(directory, `.spawnpoint-${randomUUID()}`);
  try {
    createDurably(beside, text, mode);
    renameDurably(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw new ForeignFileError(`${path} cannot be replaced: ${codeOf(error)}`);
  }
}

/** Makes the directory; what stands in its place, and is none, is set aside. */
export function makeForeignDirectory(root: string, path: string): void {
  for (const part of waysTo(root, path)) {
    if (kindOf(part) === "other") setAside(part);
    if (kindOf(part) === "none") mkdirSync(part, { mode: 0o700 });
  }
}

/** Moves whatever stands there out of the way, under a name of its own. @returns where to */
export function setAside(path: string): string {
  const aside = `${path}.set-aside-${randomUUID()}`;
  renameDurably(path, aside);
  return aside;
}

/** @returns whether all directories on the way are there. @throws where one of them is something else */
function isWayClear(root: string, path: string): boolean {
  for (const part of waysTo(root, dirname(path))) {
    const kind = kindOf(part);
    if (kind === "none") return false;
    if (kind === "other") throw new ForeignFileError(`${part} is not a directory`);
  }
  return true;
}

/** Every directory below `root` on the way to `directory`, that one included. */
function waysTo(root: string, directory: string): string[] {
  const parts = relative(root, directory)
    .split(sep)
    .filter((part) => part !== "");
  if (parts.includes("..")) throw new ForeignFileError(`${directory} is not below ${root}`);
  return parts.map((_, nth) => join(root, ...parts.slice(0, nth + 1)));
}

function kindOf(path: string): "none" | "directory" | "other" {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return "none";
  return stat.isDirectory() ? "directory" : "other";
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
