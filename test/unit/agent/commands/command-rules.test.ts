import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  judgeCommand,
  judgeRestart,
  judgeStop,
  lastLines,
  resultsThatFit,
} from "../../../../bootstrap/agent/commands/command-rules.ts";
import { readTail } from "../../../../bootstrap/agent/workload/log-tail.ts";
import { CommandResult, MAX_OUTPUT_CHARS } from "../../../../src/wire/agent.ts";
import { MAX_FRAME_BYTES } from "../../../../src/wire/channel.ts";
import { redactText as redact } from "../../../../src/wire/redact.ts";
import { command, NOW_MS } from "../fixtures/commands.ts";
import { configId } from "../fixtures/control-plane.ts";

const directory = mkdtempSync(join(tmpdir(), "spawnpoint-commands-"));
afterAll(() => rmSync(directory, { recursive: true }));

describe("what is to be done about a command", () => {
  const fresh = { known: "unknown", owed: 0, now_ms: NOW_MS } as const;
  const expired = { do: "answer", result: { ok: false, detail: "The command expired before it could run." } };
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
      { do: "answer", result: { ok: false, detail: "This agent version does not support the command dance." } },
    ],
  ] as const)("%s", (_, view, changes, expected) => {
    expect(judgeCommand(command(1, "stop", changes), { ...fresh, ...view })).toEqual(expected);
  });
});

describe("a restart under way", () => {
  const limits = { wind_down_ms: 30_000, apply_deadline_ms: 120_000 };
  const view = { up: "2", state: "starting", reason: null, exits: 0, elapsed_ms: 1000 } as const;
  it.each([
    ["is waited for while the workload stops", { state: "stopping" }, null],
    ["and starts", {}, null],
    ["is done when it runs", { state: "running" }, { ok: true, detail: "The workload has restarted." }],
    [
      "failed when it crashed",
      { state: "crashed", exits: 1, reason: "exit code 1" },
      { ok: false, detail: "The workload was stopped but does not start again: exit code 1." },
    ],
    ["is not judged by a crash from before", { state: "crashed", reason: "exit code 1" }, null],
    [
      "failed when it gave up",
      { state: "failed", reason: "bad config" },
      { ok: false, detail: "The workload was stopped but does not start again: bad config." },
    ],
    [
      "ended when the permission did",
      { up: null, state: "stopping", reason: "wrong_droplet" },
      { ok: false, detail: "The workload was stopped during the restart: wrong_droplet." },
    ],
    [
      "has an end",
      { elapsed_ms: 150_000 },
      { ok: false, detail: "The workload was not ready within 150 s of the restart." },
    ],
  ] as const)("%s", (_, changes, expected) => {
    expect(judgeRestart({ ...view, ...changes }, limits)).toEqual(expected);
  });
});

describe("a stop under way", () => {
  const view = { up: null, state: "stopping", stopped_here: true, ended: false, elapsed_ms: 1000 } as const;
  const stopped = { ok: true, detail: "The workload has stopped." };
  it.each([
    ["is waited for while the workload winds down", {}, null],
    ["and before it has begun to", { up: "2", state: "running" }, null],
    ["and while a start is on its way", { up: "2", state: "stopped" }, null],
    ["is done when nothing runs", { state: "stopped" }, stopped],
    ["is done where nothing could run", { state: "failed" }, stopped],
    [
      "is undone by a start",
      { up: "2", state: "running", stopped_here: false },
      { ok: false, detail: "The workload was started again before it had stopped." },
    ],
    ["is still done where a start comes during it", { up: "2", stopped_here: false }, null],
    [
      "was done before a start that came later",
      { up: "2", state: "starting", stopped_here: false, ended: true },
      { ok: true, detail: "The workload has stopped, and was started again." },
    ],
    ["has an end", { elapsed_ms: 60_000 }, { ok: false, detail: "The workload has not stopped within 60 s." }],
  ] as const)("%s", (_, changes, expected) => {
    expect(judgeStop({ ...view, ...changes }, { wind_down_ms: 30_000 })).toEqual(expected);
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
