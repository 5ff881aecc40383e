import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** How a process ended: one of both is set. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process that leads its own process group. */
export interface Running {
  pid: number;
  ended: Promise<Ending>;
}

/** What systemd reports when it could not even start the program. */
const COULD_NOT_START: Ending = { code: 203, signal: null };

/**
 * Starts a program in a session of its own, its output appended to a log. A program that cannot be started is answered
 * with the ending that systemd would report.
 */
export function startProcess(setup: {
  words: readonly string[];
  environment: Record<string, string>;
  directory: string;
  log: string;
}): Running | Ending {
  const [program, ...args] = setup.words;
  if (program === undefined) return COULD_NOT_START;
  mkdirSync(dirname(setup.log), { recursive: true });
  const log = openSync(setup.log, "a", 0o640);
  try {
    const child = spawn(program, args, {
      cwd: setup.directory,
      env: setup.environment,
      detached: true,
      stdio: ["ignore", log, log],
    });
    const ended = endingOf(child);
    return child.pid === undefined ? COULD_NOT_START : { pid: child.pid, ended };
  } finally {
    closeSync(log);
  }
}

function endingOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", () => resolve(COULD_NOT_START));
  });
}
