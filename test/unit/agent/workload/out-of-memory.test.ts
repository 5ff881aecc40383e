import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { Store } from "../../../../bootstrap/agent/base/store.ts";
import { parseSettings } from "../../../../bootstrap/agent/settings.ts";
import { LogFile } from "../../../../bootstrap/agent/workload/log-file.ts";
import { endFirst, memoryEventsOf, OomWatch, oomKills } from "../../../../bootstrap/agent/workload/out-of-memory.ts";
import { OwnSites } from "../../../../bootstrap/agent/workload/own-site.ts";
import { Runner } from "../../../../bootstrap/agent/workload/runner.ts";
import { AgentConfig } from "../../../../src/wire/config.ts";
import { PATIENCE_MS } from "../../../depth.ts";
import { agentConfig, configId } from "../fixtures/control-plane.ts";

const directory = mkdtempSync(join(tmpdir(), "spawnpoint-memory-"));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(directory, { recursive: true }));

const events = (kills: number) => `low 0\nhigh 0\nmax 12\noom ${kills + 1}\noom_kill ${kills}\noom_group_kill 0\n`;

describe("who was ended for want of memory", () => {
  it.each([
    [events(3), 3],
    [events(0), 0],
    ["oom 4\n", null],
    ["", null],
  ])("is counted by the kernel: %j", (text, count) => expect(oomKills(text)).toBe(count));

  it("is news for half a minute, from the look that finds it", () => {
    const path = join(directory, "memory.events");
    let now_ms = 1000;
    writeFileSync(path, events(2));
    const watch = new OomWatch(path, () => now_ms);
    expect(watch.recent()).toBe(false);
    writeFileSync(path, events(3));
    watch.look();
    now_ms += 30_000;
    expect(watch.recent()).toBe(true);
    now_ms += 1;
    expect(watch.recent()).toBe(false);
    rmSync(path);
    expect(watch.recent()).toBe(false);
    expect(new OomWatch(null, () => now_ms).recent()).toBe(false);
  });

  it("is looked for in the process's own group", () => {
    const [, group] = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8")) ?? [];
    expect(memoryEventsOf(process.pid)).toBe(group === undefined ? null : `/sys/fs/cgroup${group}/memory.events`);
    expect(memoryEventsOf(2 ** 30)).toBeNull();
  });
});

it("is rather a process that the agent has started than the agent", () => {
  const child = spawn("sleep", ["100"]);
  children.push(child);
  endFirst(child.pid);
  expect(readFileSync(`/proc/${child.pid}/oom_score_adj`, "utf8")).toBe("500\n");
  endFirst(undefined);
  endFirst(2 ** 30);
  const unit = readFileSync("bootstrap/spawnpoint-agent.service", "utf8").split("\n");
  expect(unit).toEqual(expect.arrayContaining(["OOMPolicy=continue", "OOMScoreAdjust=-500"]));
});

it("is why a workload has crashed, before whatever it said last", async () => {
  const path = join(directory, "of-workload");
  writeFileSync(path, events(0));
  const settings = parseSettings({
    CONTROL_PLANE_URL: "http://127.0.0.1:1",
    BOT_ID: configId(9),
    DROPLET_ID: "1",
    BOOT_ID: "b",
    STATE_DIR: join(directory, "state"),
    WORKLOAD_COMMAND: join(import.meta.dirname, "../fixtures/openclaw.mjs"),
    WORKLOAD_PORT: "0",
  });
  const store = new Store(":memory:", () => {});
  const log = () => {};
  const runner = new Runner({
    settings: settings.workload,
    sites: new OwnSites({ store, log, stop_ms: 1000, memoryEvents: () => path }),
    store,
    log,
    log_file: new LogFile(join(directory, "workload.log"), 10_000, (line) => line),
    gateway_token: "g",
    good_config_path: join(directory, "good.json"),
    env: { PATH: `${join(process.execPath, "..")}:/usr/bin:/bin` },
    fetch,
  });
  const config = AgentConfig.parse(agentConfig(configId(9), 1, "sk-crash-key"));
  const { child, lastWords } = await runner.plan(config).launch(new AbortController().signal);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  expect(readFileSync(`/proc/${child.pid}/oom_score_adj`, "utf8")).toBe("500\n");
  await ended;
  await vi.waitFor(() => expect(lastWords()).toBe("the provider refuses sk-crash-key"), { timeout: PATIENCE_MS });
  writeFileSync(path, events(1));
  expect(lastWords()).toBe("out of memory");
});

/** A real group with a limit, by either version of control groups, and the file that counts in the same words. */
function limitedGroup(): { path: string; counts: string } | null {
  const [, own = ""] = /:memory:(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8")) ?? [];
  const ways = [
    { root: "/sys/fs/cgroup", limit: "memory.max", counts: "memory.events" },
    { root: `/sys/fs/cgroup/memory${own}`, limit: "memory.limit_in_bytes", counts: "memory.oom_control" },
  ];
  for (const { root, limit, counts } of ways) {
    const path = join(root, `spawnpoint-test-${process.pid}`);
    try {
      mkdirSync(path);
      if (existsSync(join(path, limit))) {
        writeFileSync(join(path, limit), String(48 * 1024 * 1024));
        return { path, counts: join(path, counts) };
      }
      rmdirSync(path);
    } catch {
      // Not ours to make, or without the limit.
    }
  }
  return null;
}

const group = limitedGroup();
afterAll(async () => {
  // Who has ended leaves a moment later.
  if (group !== null) await vi.waitFor(() => rmdirSync(group.path), { timeout: PATIENCE_MS });
});

it.skipIf(group === null)(
  `is seen in a real control group${group === null ? " (skipped: none can be made here)" : ""}`,
  async () => {
    if (group === null) return;
    const watch = new OomWatch(group.counts, () => performance.now());
    // Grows once it is in the group.
    const child = spawn("bash", ["-c", 'read -r _; x=$(head -c 200000000 /dev/zero | tr "\\0" x)'], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    children.push(child);
    writeFileSync(join(group.path, "cgroup.procs"), String(child.pid));
    const ended = new Promise((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
    expect(watch.recent()).toBe(false);
    child.stdin.end("\n");
    await ended;
    expect(watch.recent()).toBe(true);
  },
);
