import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, onTestFinished, test } from "vitest";
import {
  Client,
  processesWith,
  QUICK,
  start,
  TOKEN,
  temporaryDirectory,
  until,
  userData,
  WEB_SERVICE,
} from "./machines.ts";

const MAIN = fileURLToPath(new URL("../../../simulator/main.ts", import.meta.url));
const ENABLED = userData(`${WEB_SERVICE}systemctl enable --now web.service`);

/** The simulator as a process of its own, as `npm start` runs it. */
async function startProcess(state_dir: string): Promise<{ cloud: Client; child: ChildProcess }> {
  const args = ["--port", "0", "--state-dir", state_dir, "--token", TOKEN, "--knobs", JSON.stringify(QUICK)];
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const ready = JSON.parse(line) as { url: string; token: string; pid: number };
  if (ready.pid !== child.pid || ready.token !== TOKEN) throw new Error(`unexpected: ${line}`);
  return { cloud: new Client(ready.url, state_dir), child };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = once(child, "exit");
  child.kill(signal);
  const [code] = (await ended) as [number | null];
  return code;
}

describe("the simulator", () => {
  test("brings its droplets back after a clean end: they boot again, without user-data", async ({ expect }) => {
    const state_dir = temporaryDirectory();
    const before = await start({ state_dir });
    const id = await before.create(ENABLED);
    const dark = await before.create(userData("true"), "dark");
    await before.booted(id);
    await before.booted(dark);
    await before.act(dark, "power_off");
    await before.running?.close();
    expect(processesWith("SPAWNPOINT_ROOT", state_dir)).toEqual([]);

    const after = await start({ state_dir });
    await after.booted(id, 2);
    expect(await after.unit(id, "web.service")).toMatchObject({ active: "active", enabled: true });
    expect(after.read(id, "/var/lib/runs")).toBe("ran\n");
    expect(await after.droplet(dark)).toMatchObject({ status: "off", machine: { state: "off", boots: 1 } });
  });

  test("ends with 0 on SIGTERM, and takes its machines with it", async ({ expect }) => {
    const state_dir = temporaryDirectory();
    const { cloud, child } = await startProcess(state_dir);
    const id = await cloud.create(ENABLED);
    await cloud.booted(id);
    expect(await end(child, "SIGTERM")).toBe(0);
    expect(processesWith("SPAWNPOINT_ROOT", state_dir)).toEqual([]);
  });

  test("cleans up after a simulator that was killed, and boots its droplets again", async ({ expect }) => {
    const state_dir = temporaryDirectory();
    const first = await startProcess(state_dir);
    const id = await first.cloud.create(ENABLED);
    await first.cloud.booted(id);
    const main = await until("the service runs", async () => (await first.cloud.unit(id, "web.service"))?.pid);
    await until("its child runs", () => first.cloud.read(id, "/run/child.pid"));
    const left_behind = processesWith("SPAWNPOINT_ROOT", state_dir);
    await end(first.child, "SIGKILL");
    expect(left_behind).toContain(main);
    expect(processesWith("SPAWNPOINT_ROOT", state_dir)).toEqual(left_behind);

    const second = await startProcess(state_dir);
    await second.cloud.booted(id, 2);
    const now = processesWith("SPAWNPOINT_ROOT", state_dir);
    expect(now.filter((pid) => left_behind.includes(pid))).toEqual([]);
    const starts = await until("the service runs again", () => {
      const lines = second.cloud.read(id, "/var/lib/starts")?.split("\n");
      return lines?.length === 3 ? lines : null;
    });
    expect(starts, "killed, not stopped").toEqual(["start", "start", ""]);
    expect(await end(second.child, "SIGTERM")).toBe(0);
    expect(processesWith("SPAWNPOINT_ROOT", state_dir)).toEqual([]);
  });

  test("what was answered is on the disk", async ({ expect }) => {
    const state_dir = temporaryDirectory();
    const first = await startProcess(state_dir);
    const id = await first.cloud.create(userData("true"));
    await end(first.child, "SIGKILL");
    const second = await start({ state_dir });
    expect(await second.droplet(id)).toMatchObject({ name: "bot-g1" });
  });

  test("does not touch a directory that another simulator has", async ({ expect }) => {
    const state_dir = temporaryDirectory();
    await start({ state_dir });
    await expect(start({ state_dir })).rejects.toThrow(/in use by the simulator with process id/);
  });

  test("refuses to listen for others", async ({ expect }) => {
    const { startSimulator } = await import("../../../simulator/server.ts");
    const options = { port: 0, state_dir: temporaryDirectory(), token: TOKEN, machines: false, log: () => {} };
    await expect(startSimulator({ ...options, host: "0.0.0.0" })).rejects.toThrow("not a loopback address");
  });
});
