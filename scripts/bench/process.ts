/** What Linux says of a process. */
import { readdirSync, readFileSync } from "node:fs";

/** The unit of times in /proc, which is the same on every Linux that Node runs on. */
const TICKS_A_SECOND = 100;

/** CPU time so far, seconds. */
export function cpuSeconds(pid: number): number {
  // The name of the program, which comes before, may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

/** Memory that it holds, bytes. */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** How many it may have. */
export function descriptorLimit(pid: number): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.[1]);
}
