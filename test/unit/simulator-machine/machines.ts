import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { UnitView } from "../../../simulator/machine/init.ts";
import type { MachineView } from "../../../simulator/machine/machine.ts";
import { readProcess } from "../../../simulator/machine/process-table.ts";
import type { Knobs } from "../../../simulator/model/knobs.ts";
import { type RunningSimulator, startSimulator } from "../../../simulator/server.ts";
import { PATIENCE_MS } from "../../depth.ts";

export const TOKEN = "dop_v1_machines";

/** A cloud without waiting. */
export const QUICK: Partial<Knobs> = {
  create_ms: 0,
  tag_ms: 0,
  list_lag_ms: 0,
  ip_lag_ms: 0,
  event_tail_ms: 0,
  delete_ms: 0,
  power_ms: 0,
  shutdown_ms: 5_000,
  status_lag_ms: 0,
};

export interface DropletTruth {
  id: number;
  name: string;
  status: string;
  powered: boolean;
  tags: string[];
  ip: string | null;
  machine: MachineView | null;
}

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "spawnpoint-sim-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Waits until the condition gives something. */
export async function until<T>(what: string, condition: () => T | Promise<T>, timeout_ms = PATIENCE_MS) {
  const deadline = Date.now() + timeout_ms;
  for (;;) {
    const value = await condition();
    if (value) return value as Exclude<T, null | undefined | false | "" | 0>;
    if (Date.now() > deadline) throw new Error(`waited ${timeout_ms} ms in vain until ${what}`);
    await sleep(20);
  }
}

/** Starts a simulator with machines in this process; it is closed with the test. */
export async function start(options: { state_dir?: string; knobs?: Partial<Knobs>; machines?: boolean } = {}) {
  const state_dir = options.state_dir ?? temporaryDirectory();
  const lines: string[] = [];
  const running = await startSimulator({
    port: 0,
    state_dir,
    token: TOKEN,
    knobs: { ...QUICK, ...options.knobs },
    machines: options.machines ?? true,
    log: (line) => lines.push(line),
  });
  onTestFinished(() => running.close());
  return new Client(running.url, state_dir, lines, running);
}

/** Speaks to a simulator over HTTP, and looks into its machines' disks. */
export class Client {
  readonly url: string;
  readonly state_dir: string;
  readonly log: string[];
  readonly running: RunningSimulator | null;

  constructor(url: string, state_dir: string, log: string[] = [], running: RunningSimulator | null = null) {
    this.url = url;
    this.state_dir = state_dir;
    this.log = log;
    this.running = running;
  }

  async call(method: string, path: string, body?: unknown) {
    const text = typeof body === "string" ? body : body === undefined ? undefined : JSON.stringify(body);
    const answer = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${TOKEN}` },
      ...(text === undefined ? {} : { body: text }),
    });
    const received = await answer.text();
    return { status: answer.status, body: received === "" ? null : JSON.parse(received) };
  }

  async create(user_data: string, name = "bot-g1"): Promise<number> {
    const order = { name, region: "nyc3", size: "s-1vcpu-2gb", image: "ubuntu-24-04-x64", user_data };
    const { body } = await this.call("POST", "/v2/droplets", order);
    return body.droplet.id;
  }

  act(id: number, type: string) {
    return this.call("POST", `/v2/droplets/${id}/actions`, { type });
  }

  happen(id: number, event: string) {
    return this.call("POST", `/_sim/droplets/${id}/${event}`);
  }

  async droplet(id: number): Promise<DropletTruth | undefined> {
    const { body } = await this.call("GET", "/_sim/droplets");
    return (body.droplets as DropletTruth[]).find((each) => each.id === id);
  }

  async unit(id: number, name: string): Promise<UnitView | undefined> {
    return (await this.droplet(id))?.machine?.units.find((each) => each.name === name);
  }

  /** Waits for the end of a boot. */
  booted(id: number, boots = 1) {
    return until(`boot ${boots} of ${id}`, async () => {
      const machine = (await this.droplet(id))?.machine;
      return machine?.state === "running" && machine.boots === boots ? machine : null;
    });
  }

  root(id: number): string {
    return join(this.state_dir, "machines", String(id), "root");
  }

  /** A file on the machine's disk, or null. */
  read(id: number, path: string): string | null {
    try {
      return readFileSync(join(this.root(id), path), "utf8");
    } catch {
      return null;
    }
  }

  /** What the machine printed, for the message of a failure. */
  console(id: number): string {
    return this.read(id, "/var/log/cloud-init-output.log") ?? "";
  }
}

/** Whether a process runs; one that has ended and still waits for its parent does not. */
export function isAlive(pid: number): boolean {
  return readProcess(pid) !== null;
}

/** Every process that carries the variable with a value that starts with `prefix`. */
export function processesWith(variable: string, prefix: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8")
          .split("\0")
          .some((each) => each.startsWith(`${variable}=${prefix}`));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** A service that serves HTTP by a child of its own in another session, and counts its starts on the disk. */
export const WEB_SERVICE = `
mkdir -p "$root/opt/web"
cat >"$root/opt/web/child.mjs" <<'JS'
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
const server = createServer((_, response) => response.end("hello"));
server.listen(0, "127.0.0.1", () => writeFileSync(process.env.SPAWNPOINT_ROOT + "/run/web.port", String(server.address().port)));
JS
cat >"$root/opt/web/web.mjs" <<'JS'
import { spawn } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
const root = process.env.SPAWNPOINT_ROOT;
appendFileSync(root + "/var/lib/starts", "start\\n");
const child = spawn(process.execPath, [root + "/opt/web/child.mjs"], { detached: true, stdio: "ignore" });
process.on("SIGTERM", () => { appendFileSync(root + "/var/lib/starts", "stopped\\n"); process.exit(0); });
writeFileSync(root + "/run/child.pid", String(child.pid));
setInterval(() => {}, 1000);
JS
cat >"$root/etc/systemd/system/web.service" <<'UNIT'
[Unit]
Description=A web server
[Service]
ExecStart=/usr/bin/env node /opt/web/web.mjs
Restart=on-failure
RestartSec=50ms
TimeoutStopSec=5
[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
`;

/** User-data that counts its own runs before it does anything else. */
export function userData(body: string): string {
  return `#!/bin/bash
set -euo pipefail
root="$SPAWNPOINT_ROOT"
echo ran >>"$root/var/lib/runs"
${body}
`;
}
