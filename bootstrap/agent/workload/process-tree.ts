/** Linux processes by `/proc`: whose child is whose, and whether a pid still means the process that it once meant. */
import { readFileSync } from "node:fs";

export interface ProcessEntry {
  pid: number;
  parent: number;
  group: number;
  session: number;
  /** Ticks since boot at which it started. With the pid it names one process for ever. */
  start_ticks: string | null;
}

/** Null when it is gone; who has ended and is not yet waited for counts as gone. */
export function readProcess(pid: number): ProcessEntry | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name stands in brackets and may hold anything, so fields are counted from the last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return null;
    const [parent, group, session] = fields.slice(1, 4).map(Number);
    return { pid, parent: parent ?? 0, group: group ?? 0, session: session ?? 0, start_ticks: fields[19] ?? null };
  } catch {
    return null;
  }
}

/** Null when the process is gone. */
export function startTicks(pid: number): string | null {
  return readProcess(pid)?.start_ticks ?? null;
}

/** The kernel's id of this boot: a pid and its start name one process only within it. Null where it does not say. */
export function kernelBoot(): string | null {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return null;
  }
}

/** Nothing outlives the boot that it was started in, and its number is given out again. */
export function mayBeThisBoot(boot: string | undefined): boolean {
  const present = kernelBoot();
  return boot === undefined || present === null || boot === present;
}
