import { describe, it } from "vitest";
import { requestCommand } from "../../../src/bot/calls/commands.ts";
import { act } from "../../../src/bot/calls/management.ts";
import type { BotShell } from "../../../src/bot/shell/shell.ts";
import { OPERATOR } from "../../fixtures/caller.ts";
import { Life } from "./life.ts";
import { stored } from "./stored.ts";

const caller = () => ({ ...OPERATOR, request_id: crypto.randomUUID() });
const ask = {
  redeploy: (shell: BotShell) => act(shell, caller(), "redeploy"),
  restart: (shell: BotShell) => requestCommand(shell, caller(), { kind: "restart" }),
  pause: (shell: BotShell) => act(shell, caller(), "pause"),
  logs: (shell: BotShell) => requestCommand(shell, caller(), { kind: "collect_logs" }),
};

describe("a restart or a redeploy", () => {
  /** First, then after so many seconds; what comes of the second. */
  const TABLE: [first: keyof typeof ask, second: keyof typeof ask, after_s: number, refused: number | null][] = [
    ["restart", "restart", 1, 59],
    ["restart", "restart", 59.5, 1],
    ["restart", "restart", 60, null],
    ["restart", "redeploy", 10, 50],
    ["redeploy", "restart", 10, 50],
    ["restart", "pause", 1, null],
    ["restart", "logs", 1, null],
    ["logs", "restart", 1, null],
  ];
  it.for(TABLE)("%s, then %s after %d s", ([first, second, after_s, refused], { expect }) => {
    const life = new Life().online();
    const started = life.now;
    let now = started;
    const shell = stored(life, { now: () => now });
    expect(ask[first](shell)).toMatchObject({ ok: true });
    now = started + after_s * 1000;
    const { revision } = shell.present().bot;
    const answer = ask[second](shell);
    if (refused === null) return expect(answer).toMatchObject({ ok: true });
    expect(answer).toMatchObject({ ok: false, code: "restarted_lately", retry_after_s: refused });
    expect(shell.present().bot.revision).toBe(revision);
  });

  it("that is asked for again while it runs is the same one", ({ expect }) => {
    const shell = stored(new Life().online());
    const first = ask.redeploy(shell);
    expect(ask.redeploy(shell)).toMatchObject({ ok: true, value: { id: first.ok && first.value.id } });
  });
});
