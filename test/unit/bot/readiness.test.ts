/** Becoming online: only with a workload that has been ready since its start, and within a deadline. */
import { describe, it } from "vitest";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import { stepOf } from "../../../src/bot/model/status.ts";
import { abortedRuns, countCrashes, crashNews } from "../../../src/bot/reconcile/crashes.ts";
import { Runtime, type Telemetry } from "../../../src/bot/reconcile/decision.ts";
import { Life, MINUTE, SECOND, START } from "./life.ts";

const starting = { kind: "agent_heard", data: { via: "http", starting: true } } as const;
const running = { kind: "agent_heard", data: { via: "http" } } as const;
const ready = { kind: "workload_ready", data: {} } as const;
const booted = { kind: "agent_booted", data: { boot_id: "b2", expected: true, starting: true } } as const;
const notReady = { kind: "workload_not_ready", data: { detail: "d" } } as const;
const stop = { kind: "command_requested", data: { command_id: "c1", kind: "stop" } } as const;

const resumed = () => new Life().paused().requested("resume").called("get_droplet 1001").read("active");

describe("a bot whose agent is heard again", () => {
  const TABLE: [situation: string, life: () => Life, status: string, phase: string | null][] = [
    ["resumed, its workload starts", () => resumed().tell(starting), "provisioning", "starting"],
    ["resumed, its workload has got ready", () => resumed().tell(starting, ready), "online", "accepted"],
    ["resumed, its workload is ready already", () => resumed().tell(running), "online", "accepted"],
    ["was silent, its workload starts", () => new Life().online().silent().tell(starting), "provisioning", "starting"],
    ["was silent, its workload runs", () => new Life().online().silent().tell(running), "online", null],
    [
      "was silent, and is ordered stopped",
      () => new Life().online().tell(stop).silent().tell(starting),
      "online",
      null,
    ],
    ["heals, its workload starts", () => healing().tell(starting), "provisioning", "starting"],
    ["resumed, and told what was owed since before", () => owing(resumed().tell(starting)), "provisioning", "starting"],
    [
      "created, and booted anew before it was served",
      () => owing(registered().tell(booted)),
      "provisioning",
      "starting",
    ],
    ["given up, and ready after all", () => silent().tell(starting, notReady, ready), "online", null],
    ["given up", () => silent().tell(starting, notReady), "error", null],
    [
      "given up, silent and heard again as it runs",
      () => silent().tell(starting, notReady).silent().tell(running),
      "online",
      null,
    ],
    [
      "given up, silent and heard again as it starts",
      () => silent().tell(starting, notReady).silent().tell(starting),
      "error",
      null,
    ],
  ];
  for (const [situation, life, status, phase] of TABLE) {
    it(`${situation}: ${status}, phase ${phase}`, ({ expect }) => {
      const { bot } = life();
      expect([bot.status, stepOf(bot)]).toEqual([status, phase]);
    });
  }

  it("is online and stays so, whatever its workload does", ({ expect }) => {
    const life = new Life().online();
    life.tell({
      kind: "config_applied",
      data: { config: life.bot.config.desired, workload: "stopped", starting: true },
    });
    expect(life.bot).toMatchObject({ status: "online", starting_since: life.now });
  });
});

describe("the deadline for a workload's readiness", () => {
  it("at rest: the bot is given up, and its droplet is left alone", ({ expect }) => {
    const life = silent().tell(starting);
    const since = life.now;
    for (let beat = 0; beat < 20; beat++) life.wait(29 * SECOND).beat();
    expect(life.decide()).toEqual({ wait: since + defaultPolicy.ready_deadline_ms, for: "workload_ready" });
    life.wait(since + defaultPolicy.ready_deadline_ms - life.now).beat();
    expect(life.decide()).toMatchObject({ record: { kind: "workload_not_ready" } });
    expect(life.tell(notReady).decide()).toMatchObject({ for: "heartbeat" });
  });

  it("in a resume: that fails with its reason", ({ expect }) => {
    const life = resumed()
      .tell(starting)
      .wait(10 * MINUTE - 1)
      .beat();
    expect(life.decide()).toMatchObject({ for: "workload_ready" });
    expect(life.wait(1).beat().decide()).toMatchObject({
      record: { kind: "operation_failed", data: { code: "workload_not_ready" } },
    });
  });

  it("in a resume whose agent falls silent: that is judged as of any bot", ({ expect }) => {
    const life = resumed()
      .tell(starting)
      .beat()
      .wait(5 * MINUTE);
    expect(life.decide()).toMatchObject({ record: { kind: "operation_succeeded" } });
  });
});

describe("crashes", () => {
  const said = (at: number, workload: Partial<Telemetry["workload"]>): Telemetry => ({
    at,
    agent_version: "1",
    workload: { state: "crashed", version: null, restarts: 0, ...workload },
    load: null,
    mem: null,
    disk: null,
  });
  const rt = (more: Partial<Runtime>) => ({ ...Runtime.parse({}), ...more });
  const burst = { first_at: START, last_at: START, count: 2, reason: "a" };
  const now = START + MINUTE;
  const TABLE: [
    situation: string,
    before: Partial<Runtime>,
    workload: Partial<Telemetry["workload"]>,
    after: object | null,
  ][] = [
    ["nothing is known of before", {}, { crashes: 7 }, null],
    ["none", { telemetry: said(START, { crashes: 1 }) }, { crashes: 1 }, null],
    [
      "the first",
      { telemetry: said(START, {}) },
      { crashes: 1 },
      { first_at: now, last_at: now, count: 1, reason: "b" },
    ],
    [
      "of an agent that counts restarts",
      { telemetry: said(START, {}) },
      { restarts: 2 },
      { first_at: now, last_at: now, count: 2, reason: "b" },
    ],
    [
      "more of a burst",
      { telemetry: said(START, { crashes: 2 }), crashes: burst },
      { crashes: 5 },
      { first_at: START, last_at: now, count: 5, reason: "b" },
    ],
    [
      "after the agent's restart",
      { telemetry: said(START, { crashes: 9 }), crashes: burst },
      { crashes: 1 },
      { first_at: START, last_at: now, count: 3, reason: "b" },
    ],
    [
      "a burst long over",
      { telemetry: said(START, { crashes: 2 }), crashes: { ...burst, last_at: START - 29 * MINUTE } },
      { crashes: 3 },
      { first_at: now, last_at: now, count: 1, reason: "b" },
    ],
  ];
  for (const [situation, before, workload, after] of TABLE) {
    it(`are counted: ${situation}`, ({ expect }) => {
      expect(countCrashes(rt(before), said(now, workload), "b", defaultPolicy)).toEqual(after);
    });
  }

  it.for<[string, number | undefined | null, number | undefined, number | null]>([
    ["nothing is known of before", null, 2, null],
    ["an agent that says nothing of them", undefined, undefined, null],
    ["the first", undefined, 2, 2],
    ["another", 2, 3, 1],
    ["the same", 2, 2, null],
    ["after the agent's restart", 2, 1, 1],
  ])("leave interrupted runs that are told when they are aborted: %s", ([, before, now_said, count], { expect }) => {
    const told = (aborted_runs: number | undefined) => said(START, aborted_runs === undefined ? {} : { aborted_runs });
    const news = abortedRuns(before === null ? null : told(before), told(now_said));
    expect(news).toEqual(count === null ? null : { kind: "runs_aborted", data: { count } });
  });

  it("are told at the first, and then as one entry every half hour at most", ({ expect }) => {
    const life = new Life().online();
    let entries = 0;
    for (let crash = 0; crash < 240; crash++) {
      life.wait(30 * SECOND).beat();
      const telemetry = said(life.now, { crashes: crash });
      life.rt = { ...life.rt, crashes: countCrashes(life.rt, telemetry, "exit code 1", defaultPolicy), telemetry };
      const news = crashNews(life.bot, life.rt.crashes, life.now, defaultPolicy);
      if (news) entries++;
      if (news) life.tell(news);
    }
    expect(entries).toBe(4);
    expect(life.bot.status).toBe("online");
    expect(life.decide()).toMatchObject({ for: "crash_report" });
    life.wait(31 * MINUTE).beat();
    expect(life.decide()).toMatchObject({ record: { kind: "workload_crashed", data: { count: 239 } } });
  });
});

function registered(): Life {
  return new Life().made().read("active").registered();
}

function owing(life: Life): Life {
  return life.tell({ kind: "config_applied", data: { config: life.bot.config.desired, workload: "running" } });
}

function silent(): Life {
  return new Life().online().silent();
}

function healing(): Life {
  return silent().requested("heal");
}
