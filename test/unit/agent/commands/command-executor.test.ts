import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { Store } from "../../../../bootstrap/agent/base/store.ts";
import { SqliteFile } from "../../../../bootstrap/agent/base/store-file.ts";
import { CommandExecutor, type CommandExecutorDeps } from "../../../../bootstrap/agent/commands/command-executor.ts";
import type { Snapshot } from "../../../../bootstrap/agent/workload/supervisor.ts";
import { type AgentCommand, HeartbeatRequest } from "../../../../src/wire/agent.ts";
import { redactText as redact } from "../../../../src/wire/redact.ts";
import { command, NOW_MS } from "../fixtures/commands.ts";
import { configId } from "../fixtures/control-plane.ts";

const directory = mkdtempSync(join(tmpdir(), "spawnpoint-commands-"));
afterAll(() => rmSync(directory, { recursive: true }));

const RUNNING: Snapshot = {
  state: "running",
  reason: null,
  up: "2",
  restarts: 0,
  crashes: 0,
  last_crash: null,
  exits: 0,
  suspect_exits: 0,
  ends: 0,
  aborted_runs: 0,
  ready_for_ms: 0,
  degraded: [],
  wind_down: null,
};

describe("the command executor", () => {
  let path: string;
  let store: Store;
  let snapshot: Snapshot;
  let refusal: string | null;
  let stopped: boolean[];
  let restarts: number;
  let reported: number;
  let now_ms: number;
  let hurried: number;
  /** Whether the workload takes its time to stop. */
  let slow: boolean;
  let unwritable: string | null;
  let rotations: number;
  let count = 0;

  beforeEach(() => {
    path = join(directory, `executor-${count++}.db`);
    store = new Store(path, () => {});
    snapshot = { ...RUNNING };
    hurried = 0;
    slow = false;
    unwritable = null;
    rotations = 0;
    refusal = null;
    stopped = [];
    restarts = 0;
    reported = 0;
    now_ms = NOW_MS;
  });

  const open = () => {
    const applier = {
      restart: () => {
        if (refusal === null) restarts += 1;
        if (refusal === null) snapshot = { ...snapshot, state: "starting" };
        return refusal;
      },
    };
    // Only what the executor asks of the two stands here.
    const supervisor = { snapshot: () => snapshot, hurry: () => (hurried += 1) };
    const parts = { applier, supervisor } as unknown as CommandExecutorDeps;
    return new CommandExecutor({
      ...parts,
      store,
      permission: () => ({ order: "run", ban: null, revoked_since_ms: null, heard_ms: 0 }),
      unwritable: () => unwritable,
      rotate: () => (rotations += 1),
      setStopped: (value) => {
        stopped.push(value);
        store.set("stopped_here", value);
        if (value && !slow) snapshot = { ...snapshot, state: "stopped", up: null };
      },
      log: () => {},
      log_path: join(directory, "executor.log"),
      redact: (line) => redact(line, ["a-known-secret"]),
      now_ms: () => now_ms,
      monotonic_ms: () => now_ms,
      wind_down_ms: 30_000,
      apply_deadline_ms: 120_000,
      onResult: () => (reported += 1),
    });
  };
  const reopen = () => {
    store.close();
    store = new Store(path, () => {});
    return open();
  };

  it("applies a command once, whatever comes again and again, and repeats its result", () => {
    let executor = open();
    const stop = command(1, "stop");
    executor.take([stop, stop], []);
    executor.take([stop], []);
    expect(stopped).toEqual([true]);
    expect(reported).toBe(1);
    const result = { id: stop.id, ok: true, detail: "The workload has stopped." };
    expect(executor.owed()).toEqual([result]);
    executor.take([], [stop.id]);
    expect(executor.owed()).toEqual([]);
    executor = reopen();
    executor.take([stop], []);
    expect(stopped).toEqual([true]);
    expect(executor.owed()).toEqual([result]);
  });

  it("owes a result until an answer to what carried it lists its command no more, also across a restart", () => {
    let executor = open();
    const [stop, start] = [command(1, "stop"), command(2, "start")];
    executor.take([stop, start], []);
    executor = reopen();
    expect(executor.owed().map(({ id }) => id)).toEqual([stop.id, start.id]);
    // A push that was under way when the results were sent.
    executor.take([stop, start], [stop.id, start.id]);
    expect(executor.owed()).toHaveLength(2);
    executor.take([start], [stop.id, start.id]);
    expect(executor.owed().map(({ id }) => id)).toEqual([start.id]);
    // An answer to a status that did not carry it.
    executor.take([], []);
    expect(executor.owed()).toHaveLength(1);
  });

  it("says what is left at once when four results have arrived", () => {
    const executor = open();
    const commands = [1, 2, 3, 4, 5].map((n) => command(n, "dance"));
    executor.take(commands, []);
    reported = 0;
    executor.take(
      commands.slice(4),
      executor.owed().map(({ id }) => id),
    );
    expect(reported).toBe(1);
    expect(executor.owed().map(({ id }) => id)).toEqual([configId(5)]);
  });

  it("stops and starts in the order of the commands", () => {
    open().take([command(1, "stop"), command(2, "start"), command(3, "stop")], []);
    expect(stopped).toEqual([true, false, true]);
  });

  it("leaves an expired command unapplied, and says so", () => {
    const executor = open();
    now_ms = NOW_MS + 300_000;
    executor.take([command(1, "stop")], []);
    expect(stopped).toEqual([]);
    expect(executor.owed()).toEqual([
      { id: configId(1), ok: false, detail: "The command expired before it could run." },
    ]);
  });

  it("begins no more than it can owe, and takes the rest when they come again", () => {
    const executor = open();
    const commands = Array.from({ length: 20 }, (_, n) => command(n + 1, "stop"));
    executor.take(commands, []);
    expect(stopped).toHaveLength(16);
    for (let left = commands; left.length > 0; ) {
      const carried = executor.owed().map(({ id }) => id);
      left = left.filter(({ id }) => !carried.includes(id));
      executor.take(left, carried);
    }
    expect(stopped).toHaveLength(20);
    expect(executor.owed()).toEqual([]);
  });

  it("remembers a bounded number of commands, and each well past its time", () => {
    const executor = open();
    const first = command(1, "stop");
    const answered = (one: AgentCommand) => {
      executor.take([one], []);
      executor.take([], [one.id]);
    };
    answered(first);
    now_ms = NOW_MS + 300_000 + 3_600_000;
    answered(command(2, "dance", { expires_at: "2026-11-21T00:00:00.000Z" }));
    expect(store.command(first.id)).toBe("done");
    now_ms += 1;
    answered(command(3, "dance", { expires_at: "2026-11-21T00:00:00.000Z" }));
    expect(store.command(first.id)).toBe("unknown");
    for (let n = 4; n < 100; n++) answered(command(n, "dance", { expires_at: "2026-11-21T00:00:00.000Z" }));
    expect(
      Array.from({ length: 99 }, (_, n) => store.command(configId(n + 1))).filter((c) => c === "done").length,
    ).toBe(64);
    expect(store.command(configId(99))).toBe("done");
  });

  it("answers a restart when the workload runs again, and refuses another meanwhile", async () => {
    const executor = open();
    const over = new AbortController();
    const loop = executor.loop(over.signal);
    executor.take([command(1, "restart")], []);
    executor.take([command(1, "restart"), command(2, "restart")], []);
    expect(restarts).toBe(1);
    expect(executor.owed()).toMatchObject([{ id: configId(2), ok: false }]);
    snapshot = { ...snapshot, state: "running" };
    executor.wake.raise();
    await new Promise((resolve) => setImmediate(resolve));
    expect(executor.owed()).toMatchObject([{ id: configId(1), ok: true }, { id: configId(2) }]);
    over.abort();
    await loop;
  });

  it("answers a stop when nothing runs any more, and hurries where it is told to", async () => {
    slow = true;
    const executor = open();
    const over = new AbortController();
    const loop = executor.loop(over.signal);
    executor.take([command(1, "stop")], []);
    expect(hurried).toBe(0);
    executor.take([command(2, "stop", { args: { force: true } })], []);
    expect(hurried).toBe(1);
    snapshot = { ...snapshot, up: null, state: "stopping" };
    executor.wake.raise();
    await new Promise((resolve) => setImmediate(resolve));
    expect(executor.owed()).toEqual([]);
    snapshot = { ...snapshot, state: "stopped" };
    executor.wake.raise();
    await new Promise((resolve) => setImmediate(resolve));
    const detail = "The workload has stopped.";
    expect(executor.owed()).toEqual([
      { id: configId(1), ok: true, detail },
      { id: configId(2), ok: true, detail },
    ]);
    over.abort();
    await loop;
  });

  it("refuses a restart with the reason", () => {
    refusal = "The workload must not run: stopped by a command.";
    const executor = open();
    executor.take([command(1, "restart")], []);
    expect(executor.owed()).toEqual([{ id: configId(1), ok: false, detail: refusal }]);
  });

  it("owns up to a restart that the agent did not live to see through, and does not begin it again", () => {
    open().take([command(1, "restart")], []);
    const executor = reopen();
    executor.take([command(1, "restart")], []);
    expect(restarts).toBe(1);
    expect(executor.owed()).toEqual([
      { id: configId(1), ok: false, detail: "The agent stopped while the command was running." },
    ]);
  });

  describe("on a full disk", () => {
    const DETAIL = "The agent cannot record the command: disk full.";
    /** What the file holds stays, and nothing comes to it. */
    const fill = () => {
      const file = new SqliteFile(path);
      const full = () => {
        throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
      };
      unwritable = "disk full";
      store = new Store({ read: () => file.read(), write: full, replace: full, close: () => file.close() }, () => {});
    };
    beforeEach(() => fill());

    it.each(["start", "restart", "rotate_credential"])("does not %s, since it could not remember", (kind) => {
      const executor = open();
      executor.take([command(1, kind)], []);
      expect([stopped, restarts, rotations]).toEqual([[], 0, 0]);
      expect(executor.owed()).toEqual([{ id: configId(1), ok: false, detail: DETAIL }]);
    });

    it("stops all the same", () => {
      const executor = open();
      executor.take([command(1, "stop")], []);
      expect(stopped).toEqual([true]);
      expect(executor.owed()).toEqual([{ id: configId(1), ok: true, detail: "The workload has stopped." }]);
    });

    it("carries nothing out again once there is room", () => {
      unwritable = null;
      store = new Store(path, () => {});
      open().take([command(1, "restart")], []);
      store.close();
      fill();
      open();
      store.close();
      unwritable = null;
      store = new Store(path, () => {});
      open().take([command(1, "restart")], []);
      expect(restarts).toBe(1);
    });

    it("says of a start that it waits for the disk, where it could be written down", () => {
      store = new Store(path, () => {});
      const executor = open();
      executor.take([command(1, "start")], []);
      expect(stopped).toEqual([false]);
      const detail = "The workload will start once the disk can be written to (disk full).";
      expect(executor.owed()).toEqual([{ id: configId(1), ok: true, detail }]);
    });
  });

  it("collects the log without a secret, in what a heartbeat may carry", () => {
    const executor = open();
    executor.take([command(1, "collect_logs")], []);
    expect(executor.owed()[0]).toMatchObject({ ok: true, output: "" });
    writeFileSync(join(directory, "executor.log"), "one\ntwo a-known-secret\nthree sk-abcdefghijkl\n");
    executor.take([command(2, "collect_logs", { args: { lines: 2 } })], [configId(1)]);
    expect(executor.owed()).toEqual([{ id: configId(2), ok: true, output: "two [redacted]\nthree [redacted]" }]);
    expect(HeartbeatRequest.shape.command_results.safeParse(executor.owed()).success).toBe(true);
    rmSync(join(directory, "executor.log"));
  });
});
