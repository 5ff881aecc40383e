/** How busy the machine is. What cannot be read is null, never a reason not to beat. */
import { readFile, statfs } from "node:fs/promises";
import { loadavg } from "node:os";

export interface Telemetry {
  /** 1-minute load average. */
  load: number | null;
  /** Share of memory in use, 0 to 1. */
  mem: number | null;
  /** Share of the root disk in use, 0 to 1. */
  disk: number | null;
}

export async function readTelemetry(): Promise<Telemetry> {
  const [mem, disk] = await Promise.all([
    readFile("/proc/meminfo", "utf8").then(memoryInUse, () => null),
    statfs("/").then(
      ({ blocks, bavail }) => share(blocks - bavail, blocks),
      () => null,
    ),
  ]);
  return { load: loadavg()[0] ?? null, mem, disk };
}

/** @param meminfo the text of `/proc/meminfo`. */
export function memoryInUse(meminfo: string): number | null {
  const total = Number(/^MemTotal:\s+(\d+)/m.exec(meminfo)?.[1] ?? Number.NaN);
  const available = Number(/^MemAvailable:\s+(\d+)/m.exec(meminfo)?.[1] ?? Number.NaN);
  return share(total - available, total);
}

function share(part: number, whole: number): number | null {
  const value = part / whole;
  return Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : null;
}
