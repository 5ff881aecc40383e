/** Where memory runs out, the kernel is to end the workload and not its agent, and the agent is to say that it did. */
import { readFileSync, writeFileSync } from "node:fs";

/** As a crash's reason says it. */
export const OUT_OF_MEMORY = "out of memory";

/** Of -1000 to 1000: who has most is ended first. What the process starts inherits it. */
const FIRST_TO_GO = "500";

/** Who depended on the process that was ended may end a little later. */
const RECENT_MS = 30_000;

/** @param pid of a process of ours; undefined where it could not be started. */
export function endFirst(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, FIRST_TO_GO);
  } catch {
    // It has ended, or may not be changed: then it is as likely to be ended as its agent is.
  }
}

/** Pure. @param events the text of a control group's `memory.events` (v2). @returns how many of it were ended, ever */
export function oomKills(events: string): number | null {
  const count = /^oom_kill (\d+)$/m.exec(events)?.[1];
  return count === undefined ? null : Number(count);
}

/** Where the process's control group counts them; null where that is not known. */
export function memoryEventsOf(pid: number): string | null {
  const group = /^0::(\/.*)$/m.exec(read(`/proc/${pid}/cgroup`) ?? "")?.[1];
  return group === undefined ? null : `/sys/fs/cgroup${group}/memory.events`;
}

/** Whether one of a group was ended for want of memory a moment ago. */
export class OomWatch {
  readonly #path: string | null;
  readonly #now_ms: () => number;
  #count: number | null;
  #rose_at_ms = Number.NEGATIVE_INFINITY;

  /** @param path of its `memory.events`. @param now_ms monotonic */
  constructor(path: string | null, now_ms: () => number) {
    this.#path = path;
    this.#now_ms = now_ms;
    this.#count = this.#read();
  }

  /** To be called now and then: what has happened since the last look counts as new. */
  look(): void {
    const count = this.#read();
    if (count === null) return;
    if (this.#count !== null && count > this.#count) this.#rose_at_ms = this.#now_ms();
    this.#count = count;
  }

  recent(): boolean {
    this.look();
    return this.#now_ms() - this.#rose_at_ms <= RECENT_MS;
  }

  #read(): number | null {
    return this.#path === null ? null : oomKills(read(this.#path) ?? "");
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
