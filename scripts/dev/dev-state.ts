/** `dev.json`: what runs here, for people and scripts; and what an earlier run may have left. */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import { groupLives, signalGroup } from "./child.ts";

const REAP_PATIENCE_MS = 3_000;
const REAP_POLL_MS = 50;

const DevState = z.object({ pid: z.int(), worker_pid: z.int(), port: z.int(), model_port: z.int().optional() });
export type DevState = z.infer<typeof DevState>;

/** Null where nothing has run here, or where the file cannot be used. */
export async function readDevState(stateDir: string): Promise<DevState | null> {
  try {
    return DevState.parse(JSON.parse(await readFile(join(stateDir, "dev.json"), "utf8")));
  } catch {
    return null;
  }
}

/**
 * Stops a Worker whose parent was killed before it could.
 * @throws where the whole system still runs on this state
 */
export async function reapLeftovers(stateDir: string, before: DevState | null): Promise<void> {
  if (before === null) return;
  if (await mentions(before.pid, "scripts/start.ts")) {
    throw new Error(
      `Spawnpoint is already running on ${stateDir} (process ${before.pid}). Stop it first, or use another --state-dir.`,
    );
  }
  if (!(await mentions(before.worker_pid, stateDir))) return;
  signalGroup(before.worker_pid, "SIGKILL");
  // It dies soon, not at once: until then it holds its port.
  for (let waited = 0; waited < REAP_PATIENCE_MS && groupLives(before.worker_pid); waited += REAP_POLL_MS) {
    await new Promise((resolve) => setTimeout(resolve, REAP_POLL_MS));
  }
}

/** Whether a process of this id runs with this text in its command line: an id alone may be somebody else's by now. */
async function mentions(pid: number, text: string): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return commandLine.includes(text);
}

/**
 * The port to listen on. Droplets remember it, so one that was asked for or used before must be free.
 * @param wanted as text; "0" takes any
 */
export async function claimPort(wanted: string | undefined, fallback: number): Promise<number> {
  const port = Number(wanted ?? fallback);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${wanted} is not a port.`);
  const claimed = await tryListen(port);
  if (claimed !== null) return claimed;
  if (wanted !== undefined)
    throw new Error(`Port ${port} is in use. Stop the process that listens on it, or use another --port.`);
  const free = await tryListen(0);
  if (free === null) throw new Error("No free port found. Choose one with --port.");
  return free;
}

function tryListen(port: number): Promise<number | null> {
  return new Promise((answer) => {
    const probe: Server = createServer();
    probe.once("error", () => answer(null));
    probe.listen(port, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => answer(typeof address === "object" && address !== null ? address.port : null));
    });
  });
}
