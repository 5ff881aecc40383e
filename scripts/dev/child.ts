/** Child processes that never outlive us by accident: each is its own group, and stopped as a whole. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";

const STOP_PATIENCE_MS = 5_000;

export interface Child {
  pid: number;
  /** Settles when the process has ended, with its exit code. */
  ended: Promise<number | null>;
  /** SIGTERM to the whole group, SIGKILL where that is not enough. */
  stop(): Promise<void>;
}

/** Starts a program; its output goes to a log file. */
export function startChild(
  command: string,
  args: string[],
  options: { env: NodeJS.ProcessEnv; cwd: string; log: string },
): Child {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log = createWriteStream(options.log, { flags: "a" });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const ended = new Promise<number | null>((resolve) => {
    child.once("exit", (code) => resolve(code));
    child.once("error", () => resolve(null));
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} could not be started`);
  return { pid, ended, stop: () => stopGroup(child, pid, ended) };
}

async function stopGroup(child: ChildProcess, pid: number, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    signalGroup(pid, "SIGTERM");
    const patience = AbortSignal.timeout(STOP_PATIENCE_MS);
    await Promise.race([ended, once(patience, "abort")]);
  }
  // The leader may have ended without its children.
  signalGroup(pid, "SIGKILL");
  await ended;
}

/** Signals a process group of ours; one that has ended already is no error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Whether anything of a process group of ours is left. */
export function groupLives(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
}
