/** Small files that must survive a power cut, and be nobody else's to read. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

/** Mode 0600. When this returns, the content is on the disk under its final name: file and directory are synced. */
export function writeDurably(path: string, text: string): void {
  const beside = `${path}.new`;
  rmSync(beside, { force: true });
  createDurably(beside, text, 0o600);
  renameDurably(beside, path);
}

/** A new file, where nothing stands yet, not even a link (O_EXCL). */
export function createDurably(path: string, text: string, mode: number): void {
  const file = openSync(path, "wx", mode);
  try {
    // Until all of it is written: a single write on a disk that is nearly full may take a part.
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** In one step, within a directory: after a power cut there is the one or the other. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to);
  const directory = openSync(dirname(to), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** The trimmed text, or null where there is no such file or nothing in it. */
export function readText(path: string): string | null {
  if (!existsSync(path)) return null;
  return readFileSync(path, "utf8").trim() || null;
}

export function makePrivateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}
