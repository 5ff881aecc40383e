/**
 * Starts the workload and ends it, with everything that it has started. What is returned has ended only once nothing of it
 * is left: `stopped`, `applied` and another start wait for that.
 */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { areOwnedBy, type ListeningSocket } from "./listener.ts";
import type { Command } from "./orders.ts";
import { endFirst, memoryEventsOf, OomWatch } from "./out-of-memory.ts";
import { GROUP_MARK, type GroupRoot, killGroup, membersOf, ownCgroup, signalTo } from "./process-group.ts";
import type { StartedWorkload } from "./site.ts";

/** What outlives the first process is asked to end, and killed after this. */
const LEFT_BEHIND_MS = 5000;
const LOOK_EVERY_MS = 50;

/**
 * @param mark of this start alone, by which its processes are known
 * @param onLeftBehind told of what outlived its first process, by number
 */
export function launch(
  command: Command,
  mark: string,
  onLeftBehind: (pids: readonly number[]) => void,
  memoryEvents = memoryEventsOf,
): Launch {
  const options: SpawnOptions = {
    cwd: command.cwd,
    env: { ...command.env, [GROUP_MARK]: mark },
    // A session of its own, by which its members are known even where they have cleared their environment.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  };
  const child = spawn(command.file, [...command.args], options);
  endFirst(child.pid);
  const memory = new OomWatch(child.pid === undefined ? null : memoryEvents(child.pid), () => performance.now());
  return new Launch(child, mark, { onLeftBehind, memory });
}

export class Launch extends EventEmitter implements StartedWorkload {
  readonly mark: string;
  readonly #child: ChildProcess;
  readonly #onLeftBehind: (pids: readonly number[]) => void;
  readonly #memory: OomWatch;
  #killed = false;

  constructor(
    child: ChildProcess,
    mark: string,
    { onLeftBehind, memory }: { onLeftBehind: (pids: readonly number[]) => void; memory: OomWatch },
  ) {
    super();
    this.mark = mark;
    this.#child = child;
    this.#onLeftBehind = onLeftBehind;
    this.#memory = memory;
    child.once("exit", (code, signal) => void this.#clear(code, signal));
    child.on("error", (error) => this.emit("error", error));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get stdout(): Readable | null {
    return this.#child.stdout;
  }

  get stderr(): Readable | null {
    return this.#child.stderr;
  }

  /** The processes of this start that are alive. */
  members(): number[] {
    return membersOf(this.#root, ownCgroup());
  }

  owns(sockets: readonly ListeningSocket[]): boolean {
    return areOwnedBy(sockets, this.members());
  }

  lacksMemory(): boolean {
    return this.#memory.recent();
  }

  kill(signal: "SIGTERM" | "SIGKILL"): boolean {
    if (signal === "SIGTERM") return this.#child.kill(signal);
    this.#killed = true;
    killGroup(() => this.members());
    return true;
  }

  get #root(): GroupRoot {
    return { mark: this.mark, pid: this.#child.pid ?? null };
  }

  async #clear(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    const left = this.members();
    if (left.length > 0) this.#onLeftBehind(left);
    await endMembers(
      () => this.members(),
      () => this.#killed,
    );
    this.emit("exit", code, signal);
  }
}

/** Ends what an agent that was killed has left running. */
export async function endLeft(root: GroupRoot, grace_ms: number, hurry: () => boolean): Promise<void> {
  await endMembers(() => membersOf(root, ownCgroup()), hurry, grace_ms);
}

/** Resolves once none is found. @param hurry whether to kill at once */
async function endMembers(find: () => readonly number[], hurry: () => boolean, grace_ms = LEFT_BEHIND_MS) {
  const asked = new Set<number>();
  const deadline_ms = performance.now() + grace_ms;
  for (let left = find(); left.length > 0; left = find()) {
    for (const pid of left.filter((each) => !asked.has(each))) {
      asked.add(pid);
      signalTo(pid, "SIGTERM");
    }
    if (hurry() || performance.now() >= deadline_ms) killGroup(find);
    await pause(LOOK_EVERY_MS);
  }
}
