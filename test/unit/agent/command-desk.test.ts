import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { CommandDesk, type CommandDeskDeps } from "../../../bootstrap/agent/command-desk.ts";
import { Store } from "../../../bootstrap/agent/store.ts";
import type { Snapshot } from "../../../bootstrap/agent/supervisor.ts";
import { type AgentCommand, HeartbeatRequest } from "../../../src/wire/agent.ts";
import { redactText as redact } from "../../../src/wire/redact.ts";
import { command, NOW_MS } from "./fixtures/commands.ts";
import { configId } from "./fixtures/control-plane.ts";

const directory = mkdtempSync(join(tmpdir(), "spawnpoint-commands-"));
afterAll(() => rmSync(directory, { recursive: true }));

describe("the command desk", () => {
  let path: string;
  let store: Store;
  let snapshot: Snapshot;
  let refusal: string | null;
  let stopped: boolean[];
  let restarts: number;
  let rings: number;
  let now_ms: number;
  let count = 0;

  beforeEach(() => {
    path = join(directory, `desk-${count++}.db`);
    store = new Store(path, () => {});
    snapshot = { state: "running", reason: null, up: "2", restarts: 0, exits: 0, ready_for_ms: 0 };
    refusal = null;
    stopped = [];
    restarts = 0;
    rings = 0;
    now_ms = NOW_MS;
  });

  const open = () => {
    const steward = {
      restart: () => {
        if (refusal === null) restarts += 1;
        if (refusal === null) snapshot = { ...snapshot, state: "starting" };
        return refusal;
      },
    };
    // Only what the desk asks of the two stands here.
    const parts = { steward, supervisor: { snapshot: () => snapshot } } as unknown as CommandDeskDeps;
    return new CommandDesk({
      ...parts,
      store,
      standing: () => ({ order: "run", ban: null, revoked_since_ms: null }),
      setStopped: (value) => stopped.push(value),
      log: () => {},
      log_path: join(directory, "desk.log"),
      redact: (line) => redact(line, ["a-known-secret"]),
      now_ms: () => now_ms,
      monotonic_ms: () => now_ms,
      stop_timeout_ms: 30_000,
      apply_deadline_ms: 120_000,
      onResult: () => (rings += 1),
    });
  };
  const reopen = () => {
    store.close();
    store = new Store(path, () => {});
    return open();
  };

  it("applies a command once, whatever comes again and again, and repeats its result", () => {
    let desk = open();
    const stop = command(1, "stop");
    desk.take([stop, stop], []);
    desk.take([stop], []);
    expect(stopped).toEqual([true]);
    expect(rings).toBe(1);
    const result = { id: stop.id, ok: true, detail: "The workload is being stopped." };
    expect(desk.owed()).toEqual([result]);
    desk.take([], [stop.id]);
    expect(desk.owed()).toEqual([]);
    desk = reopen();
    desk.take([stop], []);
    expect(stopped).toEqual([true]);
    expect(desk.owed()).toEqual([result]);
  });

  it("owes a result until an answer to what carried it lists its command no more, also across a restart", () => {
    let desk = open();
    const [stop, start] = [command(1, "stop"), command(2, "start")];
    desk.take([stop, start], []);
    desk = reopen();
    expect(desk.owed().map(({ id }) => id)).toEqual([stop.id, start.id]);
    // A push that was under way when the results were sent.
    desk.take([stop, start], [stop.id, start.id]);
    expect(desk.owed()).toHaveLength(2);
    desk.take([start], [stop.id, start.id]);
    expect(desk.owed().map(({ id }) => id)).toEqual([start.id]);
    // An answer to a status that did not carry it.
    desk.take([], []);
    expect(desk.owed()).toHaveLength(1);
  });

  it("says what is left at once when four results have arrived", () => {
    const desk = open();
    const commands = [1, 2, 3, 4, 5].map((n) => command(n, "dance"));
    desk.take(commands, []);
    rings = 0;
    desk.take(
      commands.slice(4),
      desk.owed().map(({ id }) => id),
    );
    expect(rings).toBe(1);
    expect(desk.owed().map(({ id }) => id)).toEqual([configId(5)]);
  });

  it("stops and starts in the order of the commands", () => {
    open().take([command(1, "stop"), command(2, "start"), command(3, "stop")], []);
    expect(stopped).toEqual([true, false, true]);
  });

  it("leaves an expired command unapplied, and says so", () => {
    const desk = open();
    now_ms = NOW_MS + 300_000;
    desk.take([command(1, "stop")], []);
    expect(stopped).toEqual([]);
    expect(desk.owed()).toEqual([{ id: configId(1), ok: false, detail: "expired" }]);
  });

  it("begins no more than it can owe, and takes the rest when they come again", () => {
    const desk = open();
    const commands = Array.from({ length: 20 }, (_, n) => command(n + 1, "stop"));
    desk.take(commands, []);
    expect(stopped).toHaveLength(16);
    for (let left = commands; left.length > 0; ) {
      const carried = desk.owed().map(({ id }) => id);
      left = left.filter(({ id }) => !carried.includes(id));
      desk.take(left, carried);
    }
    expect(stopped).toHaveLength(20);
    expect(desk.owed()).toEqual([]);
  });

  it("remembers a bounded number of commands, and each well past its time", () => {
    const desk = open();
    const first = command(1, "stop");
    const answered = (one: AgentCommand) => {
      desk.take([one], []);
      desk.take([], [one.id]);
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
    const desk = open();
    const over = new AbortController();
    const loop = desk.loop(over.signal);
    desk.take([command(1, "restart")], []);
    desk.take([command(1, "restart"), command(2, "restart")], []);
    expect(restarts).toBe(1);
    expect(desk.owed()).toMatchObject([{ id: configId(2), ok: false }]);
    snapshot = { ...snapshot, state: "running" };
    desk.bell.ring();
    await new Promise((resolve) => setImmediate(resolve));
    expect(desk.owed()).toMatchObject([{ id: configId(1), ok: true }, { id: configId(2) }]);
    over.abort();
    await loop;
  });

  it("refuses a restart with the reason", () => {
    refusal = "The workload may not run: stopped by a person.";
    const desk = open();
    desk.take([command(1, "restart")], []);
    expect(desk.owed()).toEqual([{ id: configId(1), ok: false, detail: refusal }]);
  });

  it("owns up to a restart that the agent did not live to see through, and does not begin it again", () => {
    open().take([command(1, "restart")], []);
    const desk = reopen();
    desk.take([command(1, "restart")], []);
    expect(restarts).toBe(1);
    expect(desk.owed()).toEqual([{ id: configId(1), ok: false, detail: "The agent ended while this was under way." }]);
  });

  it("collects the log without a secret, in what a heartbeat may carry", () => {
    const desk = open();
    desk.take([command(1, "collect_logs")], []);
    expect(desk.owed()[0]).toMatchObject({ ok: true, output: "" });
    writeFileSync(join(directory, "desk.log"), "one\ntwo a-known-secret\nthree sk-abcdefghijkl\n");
    desk.take([command(2, "collect_logs", { args: { lines: 2 } })], [configId(1)]);
    expect(desk.owed()).toEqual([{ id: configId(2), ok: true, output: "two [redacted]\nthree [redacted]" }]);
    expect(HeartbeatRequest.shape.command_results.safeParse(desk.owed()).success).toBe(true);
    rmSync(join(directory, "desk.log"));
  });
});
