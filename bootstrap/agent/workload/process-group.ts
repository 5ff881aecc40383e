/**
 * Everything that a workload has started, also what has left its session or lost its parent. Under systemd that is whatever
 * else is in the control group of the unit; elsewhere it is known by a variable that is inherited, by its session, and by
 * whose child it is.
 */
import { readdirSync, readFileSync } from "node:fs";
import { type ProcessEntry, readProcess } from "./process-tree.ts";

/** The variable that the processes of one start inherit. */
export const GROUP_MARK = "SPAWNPOINT_WORKLOAD";

const UNIT = /\/spawnpoint-(agent|workload)\.service$/;

export interface GroupRoot {
  /** The value of `GROUP_MARK`. */
  mark: string;
  /** The first process, which led a session of its own; null where it could not be started. */
  pid: number | null;
}

/** @returns the ids of those alive, in no order. @param own_cgroup as `ownCgroup` says; null: there is none */
export function membersOf(root: GroupRoot, own_cgroup: string | null): number[] {
  if (own_cgroup !== null) return inCgroup(own_cgroup);
  const table = readTable();
  const found = new Set(
    table.filter((entry) => isRoot(entry, root) || variable(entry.pid) === root.mark).map(({ pid }) => pid),
  );
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const { pid, parent } of table) if (found.has(parent)) found.add(pid);
  }
  found.delete(process.pid);
  return [...found];
}

/** A number that has been given to another process since leads no session of ours: ours stays taken while it has members. */
function isRoot(entry: ProcessEntry, { pid }: GroupRoot): boolean {
  return pid !== null && [entry.pid, entry.group, entry.session].includes(pid);
}

/** The directory of this process's control group, where systemd has made one for one of our units; null elsewhere. */
export function ownCgroup(): string | null {
  try {
    const line = readFileSync("/proc/self/cgroup", "utf8")
      .split("\n")
      .find((each) => each.startsWith("0::"));
    const path = line?.slice(3) ?? "";
    return UNIT.test(path) ? `/sys/fs/cgroup${path}` : null;
  } catch {
    return null;
  }
}

/**
 * Kills for good: whoever is found is stopped first and looked for again, so that none can start another one between the
 * look and the kill.
 */
export function killGroup(find: () => readonly number[]): void {
  const stopped = new Set<number>();
  for (let round = 0; round < 20; round += 1) {
    const fresh = find().filter((pid) => !stopped.has(pid));
    if (fresh.length === 0) break;
    for (const pid of fresh) {
      stopped.add(pid);
      signalTo(pid, "SIGSTOP");
    }
  }
  for (const pid of stopped) signalTo(pid, "SIGKILL");
}

/** Who has ended meanwhile has nothing to hear. */
export function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}

function inCgroup(directory: string): number[] {
  const pids = readFileSync(`${directory}/cgroup.procs`, "utf8").split("\n").map(Number);
  return pids.filter((pid) => pid > 0 && pid !== process.pid && readProcess(pid) !== null);
}

function readTable(): ProcessEntry[] {
  return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (readProcess(Number(name)) ?? []) : []));
}

/** What it was started with; null where it had none, or is another user's. */
function variable(pid: number): string | null {
  try {
    const prefix = `${GROUP_MARK}=`;
    const found = readFileSync(`/proc/${pid}/environ`, "utf8")
      .split("\0")
      .find((each) => each.startsWith(prefix));
    return found?.slice(prefix.length) ?? null;
  } catch {
    return null;
  }
}
