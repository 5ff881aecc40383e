/** Linux processes by `/proc`: whose child is whose, and whether a pid still means the process that it once meant. */
import { readFileSync } from "node:fs";

/** Ticks since boot at which the process started; null when it is gone. With the pid it names one process for ever. */
export function startTicks(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name stands in brackets and may hold anything, so fields are counted from the last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

/** Everything that it has started and that still has it for an ancestor. */
export function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    if (children === "") return [];
    return children.split(" ").flatMap((child) => [Number(child), ...descendants(Number(child))]);
  } catch {
    return [];
  }
}

/** SIGKILL to the process and all below it, youngest last, so that none is adopted away before it is found. */
export function killTree(pid: number): void {
  for (const target of [...descendants(pid), pid]) {
    try {
      process.kill(target, "SIGKILL");
    } catch {
      // Gone already.
    }
  }
}
