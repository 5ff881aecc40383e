import { readdirSync, readFileSync } from "node:fs";

/** One line of the host's process table. */
export interface ProcessEntry {
  pid: number;
  parent: number;
  group: number;
  /** Clock ticks since the host booted: pid and start time together name a process for good. */
  started: number;
}

/** Every live process of the host; zombies are not alive. Empty where there is no `/proc`. */
export function readProcessTable(): ProcessEntry[] {
  return listProcessIds().flatMap((pid) => readProcess(pid) ?? []);
}

/** One process, or null when it is gone. */
export function readProcess(pid: number): ProcessEntry | null {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The command's name, in parentheses, may contain anything: what follows the last one is regular.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return null;
  return { pid, parent: Number(fields[1]), group: Number(fields[2]), started: Number(fields[19]) };
}

/** The value a process got for a variable when it was started; null when unset or not ours to read. */
export function startVariable(pid: number, name: string): string | null {
  const prefix = `${name}=`;
  const found = read(`/proc/${pid}/environ`)
    ?.split("\0")
    .find((each) => each.startsWith(prefix));
  return found?.slice(prefix.length) ?? null;
}

/** Names this boot of the host: pids and start times mean nothing in another. */
export function hostBootId(): string {
  return read("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
}

/** Sends a signal. A process that is gone has nothing to hear. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function listProcessIds(): number[] {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ESRCH";
}
