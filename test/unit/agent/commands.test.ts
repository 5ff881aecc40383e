import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { CommandDesk, type CommandDeskDeps } from "../../../bootstrap/agent/command-desk.ts";
import { judgeCommand, judgeRestart, lastLines, resultsThatFit } from "../../../bootstrap/agent/commands.ts";
import { readTail } from "../../../bootstrap/agent/log-tail.ts";
import { Store } from "../../../bootstrap/agent/store.ts";
import type { Snapshot } from "../../../bootstrap/agent/supervisor.ts";
import { type AgentCommand, CommandResult, HeartbeatRequest, MAX_OUTPUT_CHARS } from "../../../src/wire/agent.ts";
import { MAX_FRAME_BYTES } from "../../../src/wire/channel.ts";
import { redactText as redact } from "../../../src/wire/redact.ts";
import { configId } from "./fixtures/control-plane.ts";

const NOW_MS = Date.parse("2026-11-20T12:00:00.000Z");
const command = (n: number, kind: string, changes: Partial<AgentCommand> = {}): AgentCommand => {
  return { id: configId(n), kind, args: {}, expires_at: "2026-11-20T12:05:00.000Z", ...changes };
};
const directory = mkdtempSync(join(tmpdir(), "spawnpoint-commands-"));
afterAll(() => rmSync(directory, { recursive: true }));

describe("what is to be done about a command", () => {
  const fresh = { known: "unknown", owed: 0, now_ms: NOW_MS } as const;
  const expired = { do: "answer", result: { ok: false, detail: "expired" } };
  it.each([
    ["a new one is carried out", {}, {}, { do: "carry_out", kind: "stop" }],
    ["one under way is left to end", { known: "begun" }, {}, { do: "nothing" }],
    ["one that is done is answered again", { known: "done" }, {}, { do: "repeat" }],
    ["even after its time", { known: "done", now_ms: NOW_MS + 1e9 }, {}, { do: "repeat" }],
    ["one past its time is not", { now_ms: NOW_MS + 300_000 }, {}, expired],
    ["nor one whose time makes no sense", {}, { expires_at: "soon" }, expired],
    ["one too many waits to be delivered again", { owed: 16 }, {}, { do: "nothing" }],
    [
      "an unknown one is refused",
      {},
      { kind: "dance" },
      { do: "answer", result: { ok: false, detail: "this agent does not know the command dance" } },
    ],
  ] as const)("%s", (_, view, changes, expected) => {
    expect(judgeCommand(command(1, "stop", changes), { ...fresh, ...view })).toEqual(expected);
  });
});

describe("a restart under way", () => {
  const limits = { stop_timeout_ms: 30_000, apply_deadline_ms: 120_000 };
  const view = { up: "2", state: "starting", reason: null, exits: 0, elapsed_ms: 1000 } as const;
  it.each([
    ["is waited for while the workload stops", { state: "stopping" }, null],
    ["and starts", {}, null],
    ["is done when it runs", { state: "running" }, { ok: true, detail: "The workload was stopped and runs again." }],
    [
      "failed when it crashed",
      { state: "crashed", exits: 1, reason: "exit code 1" },
      { ok: false, detail: "The workload was stopped and does not start again: exit code 1." },
    ],
    ["is not judged by a crash from before", { state: "crashed", reason: "exit code 1" }, null],
    [
      "failed when it gave up",
      { state: "failed", reason: "bad config" },
      { ok: false, detail: "The workload was stopped and does not start again: bad config." },
    ],
    [
      "ended when the permission did",
      { up: null, state: "stopping", reason: "wrong_droplet" },
      { ok: false, detail: "The workload was ended meanwhile: wrong_droplet." },
    ],
    [
      "has an end",
      { elapsed_ms: 150_000 },
      { ok: false, detail: "The workload is not ready 150 s after the restart began." },
    ],
  ] as const)("%s", (_, changes, expected) => {
    expect(judgeRestart({ ...view, ...changes }, limits)).toEqual(expected);
  });
});

describe("results in one status", () => {
  const result = (n: number, output: string) => ({ id: configId(n), ok: true, output });
  it("are no more than four, and never make a frame too big, however they are escaped", () => {
    const small = [1, 2, 3, 4, 5].map((n) => result(n, "x"));
    expect(resultsThatFit(small)).toEqual(small.slice(0, 4));
    const large = [1, 2, 3, 4].map((n) => result(n, "\u0001".repeat(MAX_OUTPUT_CHARS)));
    const fitting = resultsThatFit(large);
    expect(fitting).toHaveLength(3);
    const frame = { type: "status", agent_version: "v".repeat(64), command_results: fitting };
    expect(Buffer.byteLength(JSON.stringify(frame))).toBeLessThan(MAX_FRAME_BYTES - 8000);
  });
});

describe("the last lines of a log", () => {
  const lines = Array.from({ length: 600 }, (_, i) => `line ${i}`);
  const asItIs = (line: string) => line;
  it.each([
    [3, "line 597\nline 598\nline 599"],
    [1, "line 599"],
  ])("are %i when so many are asked for", (asked, expected) => expect(lastLines(lines, asked, asItIs)).toBe(expected));

  it("are 200 unless asked otherwise, 500 at most", () => {
    expect(lastLines(lines, undefined, asItIs).split("\n")).toHaveLength(200);
    expect(lastLines(lines, 10_000, asItIs).split("\n")).toHaveLength(500);
  });

  it("fit an output, whole where they can", () => {
    const long = "y".repeat(10_000);
    expect(lastLines([long, long, long], 3, asItIs)).toBe(`${long}\n${long}`);
    const output = lastLines(["a".repeat(MAX_OUTPUT_CHARS), `😀${"b".repeat(MAX_OUTPUT_CHARS - 1)}`], 2, asItIs);
    expect(output).toHaveLength(MAX_OUTPUT_CHARS);
    expect(output.isWellFormed()).toBe(true);
    expect(CommandResult.safeParse({ id: configId(1), ok: true, output }).success).toBe(true);
  });

  it("hold no secret, not even half of one at the cut", () => {
    const secret = "hunter2hunter2hunter2";
    const line = `${"z".repeat(MAX_OUTPUT_CHARS)}${secret} and sk-abcdefghijkl`;
    const cut = lastLines([`${secret}${"z".repeat(MAX_OUTPUT_CHARS - 5)}`], 1, (text) => redact(text, [secret]));
    expect(lastLines([line], 1, (text) => redact(text, [secret]))).toMatch(/z\[redacted\] and \[redacted\]$/);
    expect(cut).not.toContain("ter2");
  });

  it("come from the file and, before it, the one that it replaced; whole", () => {
    const path = join(directory, "workload.log");
    expect(readTail(path, 100)).toEqual([]);
    writeFileSync(`${path}.1`, "one\ntwo\n");
    writeFileSync(path, "three\nfour\nhalf a li");
    expect(readTail(path, 100)).toEqual(["one", "two", "three", "four"]);
    expect(readTail(path, 19)).toEqual(["four"]);
  });
});

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
