/** Reads back the end of what `LogFile` wrote. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";

/**
 * @param max_bytes of each file. @returns whole lines: the end of the file and, where that is all of it, the end of the
 * one that it replaced before them.
 */
export function readTail(path: string, max_bytes: number): string[] {
  const present = tailOf(path, max_bytes);
  return present.all ? [...tailOf(`${path}.1`, max_bytes).lines, ...present.lines] : present.lines;
}

function tailOf(path: string, max_bytes: number): { lines: string[]; all: boolean } {
  if (!existsSync(path)) return { lines: [], all: true };
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const from = Math.max(0, size - max_bytes);
    const bytes = Buffer.alloc(size - from);
    const lines = bytes.toString("utf8", 0, readSync(file, bytes, 0, bytes.length, from)).split("\n");
    // The first one is cut where the file was; the last one is empty, or half written.
    return { lines: lines.slice(from === 0 ? 0 : 1, -1), all: from === 0 };
  } finally {
    closeSync(file);
  }
}
