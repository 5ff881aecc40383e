/** Where a benchmark ran: without that its numbers mean nothing. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";

export interface Machine {
  cpu: string;
  cpus: number;
  memory_gb: number;
  /** Of the minute before the run began. */
  load_average: number;
  node: string;
  workerd: string;
  wrangler: string;
  /** Where workerd keeps D1 and the objects. */
  state: string;
}

const MEMORY_FILES = "/dev/shm";

export function describeMachine(state: string): Machine {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model.trim() ?? "unknown",
    cpus: cpus().length,
    memory_gb: Math.round(totalmem() / 1e9),
    load_average: Number((loadavg()[0] ?? 0).toFixed(2)),
    node: process.versions.node,
    workerd: versionOf("workerd"),
    wrangler: versionOf("wrangler"),
    state,
  };
}

/** In memory where there is such a place: a benchmark of a disk is another one. */
export function stateParent(): string {
  return existsSync(MEMORY_FILES) ? MEMORY_FILES : tmpdir();
}

function versionOf(name: string): string {
  const own = createRequire(import.meta.url);
  // workerd is Miniflare's dependency, not ours.
  const required = name === "workerd" ? createRequire(own.resolve("miniflare")) : own;
  return (required(`${name}/package.json`) as { version: string }).version;
}
