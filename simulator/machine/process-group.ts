import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type ProcessEntry, readProcess, readProcessTable, signalProcess, startVariable } from "./process-table.ts";

/** The variable that carries a group's mark: the simulator's own, since a service may clear those of systemd. */
export const MARK = "SPAWNPOINT_SIMULATED_UNIT";

/**
 * What a control group is to systemd: a process and everything it ever started, also what has left its process group or
 * lost its parent. Without kernel support this rests on two things: looking often enough (`observe`) to see a child before
 * its parent ends, and a variable that everything inherits which does not clear its environment.
 */
export class ProcessGroup {
  /** It is also systemd's INVOCATION_ID of the unit: no two groups have the same. */
  readonly mark = randomUUID().replaceAll("-", "");
  readonly #members = new Map<number, number>();
  readonly #groups = new Set<number>();

  /** Takes in a process that leads its own process group. */
  add(pid: number): void {
    this.#groups.add(pid);
    const entry = readProcess(pid);
    if (entry !== null) this.#members.set(pid, entry.started);
  }

  /** Learns from a look at the process table who belongs here now. */
  observe(table: readonly ProcessEntry[]): void {
    const alive = new Map(table.map((each) => [each.pid, each]));
    for (const [pid, started] of this.#members) if (alive.get(pid)?.started !== started) this.#members.delete(pid);
    let grown = true;
    while (grown) {
      grown = false;
      for (const each of table) {
        if (this.#members.has(each.pid) || each.pid === process.pid) continue;
        if (!this.#groups.has(each.group) && !this.#members.has(each.parent)) continue;
        this.#members.set(each.pid, each.started);
        this.#groups.add(each.group);
        grown = true;
      }
    }
    // The kernel gives a group's number out again once it is empty.
    const inhabited = new Set(table.map((each) => each.group));
    for (const group of this.#groups) if (!inhabited.has(group)) this.#groups.delete(group);
  }

  /** A fresh look for everybody, also those whom no look has caught with their parent. */
  gather(): ReadonlyMap<number, number> {
    const table = readProcessTable();
    for (const { pid, started } of table) {
      if (startVariable(pid, MARK) === this.mark) this.#members.set(pid, started);
    }
    this.observe(table);
    return this.#members;
  }

  /** Process id → start time of the members alive when last looked. */
  members(): ReadonlyMap<number, number> {
    return this.#members;
  }

  /** Signals every member. */
  signal(signal: NodeJS.Signals): void {
    for (const pid of this.gather().keys()) signalProcess(pid, signal);
  }
}

const GONE_POLL_MS = 10;

/** Waits until none of them runs any more: the kernel may take its time for what it was told to kill. */
export async function untilGone(pids: readonly number[]): Promise<void> {
  while (pids.some((pid) => readProcess(pid) !== null)) await sleep(GONE_POLL_MS);
}

/**
 * Kills processes for good. They are stopped first and looked for again, so that none of them can start another one
 * between the look and the kill. Returns whom it killed.
 */
export function killAll(find: () => Iterable<number>): number[] {
  const stopped = new Set<number>();
  for (let round = 0; round < 20; round += 1) {
    const fresh = [...find()].filter((pid) => !stopped.has(pid));
    if (fresh.length === 0) break;
    for (const pid of fresh) {
      stopped.add(pid);
      signalProcess(pid, "SIGSTOP");
    }
  }
  for (const pid of stopped) signalProcess(pid, "SIGKILL");
  return [...stopped];
}
