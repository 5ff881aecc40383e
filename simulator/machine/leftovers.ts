import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { machinesDirectory } from "./machines.ts";
import { killAll } from "./process-group.ts";
import { hostBootId, readProcess, readProcessTable, startVariable } from "./process-table.ts";
import type { SavedState } from "./state-file.ts";

/**
 * Kills what a simulator left behind that was itself killed. Only what is certainly ours: processes that were started
 * with a root below this state directory, and recorded ones whose start time is still the recorded one.
 */
export function killLeftovers(state_dir: string, saved: SavedState | null): number[] {
  const prefix = `${machinesDirectory(state_dir)}/`;
  const recorded = saved !== null && saved.host_boot_id === hostBootId() ? new Map(saved.processes) : new Map();
  return killAll(() =>
    readProcessTable().flatMap(({ pid, started }) => {
      const marked = startVariable(pid, "SPAWNPOINT_ROOT")?.startsWith(prefix) ?? false;
      return pid !== process.pid && (marked || recorded.get(pid) === started) ? [pid] : [];
    }),
  );
}

/** Claims the state directory for this process; throws while another live process has it. Returns what gives it back. */
export function claimDirectory(state_dir: string): () => void {
  mkdirSync(state_dir, { recursive: true });
  const path = join(state_dir, "simulator.lock");
  const [pid, started] = readLock(path);
  if (pid !== undefined && readProcess(pid)?.started === started) {
    throw new Error(`${state_dir} is in use by the simulator with process id ${pid}`);
  }
  writeFileSync(path, `${process.pid} ${readProcess(process.pid)?.started ?? 0}\n`);
  return () => rmSync(path, { force: true });
}

function readLock(path: string): number[] {
  try {
    return readFileSync(path, "utf8").trim().split(" ").map(Number);
  } catch {
    return [];
  }
}
