import { describe, it } from "vitest";
import { heartbeat } from "../../../src/bot/agent/endpoints.ts";
import { releaseHold } from "../../../src/bot/calls/release-hold.ts";
import { Runtime } from "../../../src/bot/reconcile/decision.ts";
import type { BotShell } from "../../../src/bot/shell/shell.ts";
import type { HeartbeatRequest } from "../../../src/wire/agent.ts";
import type { RiskConfig } from "../../../src/wire/config.ts";
import type { TradingReport } from "../../../src/wire/trading-report.ts";
import { OPERATOR } from "../../fixtures/caller.ts";
import { Life, MINUTE, SECOND } from "./life.ts";
import { stored } from "./stored.ts";

const CALM: TradingReport = { equity: 1000, daily_pnl: 0, drawdown_pct: 0, trades_today: 0 };
const LOSS: TradingReport = { ...CALM, equity: 930, daily_pnl: -70 };
const RISK: RiskConfig = {
  max_position_size_pct: 10,
  max_daily_loss_pct: 5,
  max_drawdown_pct: 20,
  max_trades_per_day: 12,
};

function open(life: Life, risk: Partial<RiskConfig> = {}): BotShell {
  return stored(life, {}, undefined, undefined, { risk_config: { ...RISK, ...risk } });
}

function beat(shell: BotShell, said: Partial<HeartbeatRequest> = {}) {
  const { agent, config } = shell.present().bot;
  const { droplet_id = 0, boot_id = "" } = agent ?? {};
  return heartbeat(
    shell,
    { kind: "agt", token_sha256: "c".repeat(64) },
    {
      agent_version: "1",
      boot_id,
      droplet_id,
      workload: { state: "running", version: null, restarts: 0 },
      applied_config_id: config.applied?.id ?? null,
      load: null,
      mem: null,
      disk: null,
      ...said,
    },
  );
}

function kinds(shell: BotShell): string[] {
  return shell.store.history.events(0, 1000).map(({ kind }) => kind);
}

describe("a heartbeat with a report", () => {
  it("is shown with the time at which the report came, which a repeated one leaves", ({ expect }) => {
    const life = new Life().online().wait(MINUTE);
    const shell = open(life);
    beat(shell, { report: CALM });
    const came = life.now;
    life.wait(10 * MINUTE);
    beat(shell, { report: { ...CALM } });
    expect(shell.present().rt.trading).toMatchObject({ report: CALM, report_error: null, received_at: came });
    beat(shell, { report: { ...CALM, trades_today: 1 } });
    expect(shell.present().rt.trading).toMatchObject({ report: { trades_today: 1 }, received_at: life.now });
  });

  it("is shown with why it cannot be used; no report, no numbers", ({ expect }) => {
    const shell = open(new Life().online());
    beat(shell, { report: CALM });
    beat(shell, { report_error: "report.json is not JSON" });
    expect(shell.present().rt.trading).toMatchObject({ report: null, report_error: "report.json is not JSON" });
    beat(shell);
    expect(shell.present().rt.trading).toBe(null);
  });

  it("writes one row where the report is another one, and none where it is the same", ({ expect }) => {
    const life = new Life().online();
    const shell = open(life);
    const written = () => JSON.stringify(shell.store.load());
    beat(shell, { report: CALM });
    const before = written();
    life.wait(SECOND);
    beat(shell, { report: CALM });
    expect(written()).toBe(before);
    beat(shell, { report: { ...CALM, trades_today: 1 } });
    expect(written()).not.toBe(before);
  });

  it("is kept over a restart of the object, and forgotten where it is damaged", ({ expect }) => {
    const shell = open(new Life().online());
    beat(shell, { report: CALM });
    const { rt } = shell.present();
    expect(Runtime.parse(JSON.parse(JSON.stringify(rt)))).toEqual(rt);
    expect(Runtime.parse({ ...rt, trading: { report: { equity: "all" } } })).toEqual({ ...rt, trading: null });
  });
});

describe("a report that passes a limit", () => {
  it("is told once, and changes nothing else of a bot whose config says so", ({ expect }) => {
    const shell = open(new Life().online());
    expect(beat(shell, { report: LOSS })).toMatchObject({ value: { workload: "run" } });
    beat(shell, { report: { ...LOSS, daily_pnl: -80 } });
    expect(kinds(shell).filter((kind) => kind === "limit_breached")).toHaveLength(1);
    expect(shell.present().bot).toMatchObject({
      breaches: [{ limit: "max_daily_loss_pct", value: 7, max: 5 }],
      holds: [],
    });
  });

  it("stops the workload at once where the config says so, and the bot stays online", ({ expect }) => {
    const shell = open(new Life().online(), { on_breach: "stop" });
    expect(beat(shell, { report: LOSS })).toMatchObject({ value: { workload: "stop" } });
    expect(shell.present().bot).toMatchObject({ status: "online", reason: "held_by_breach" });
    expect(beat(shell, { report: CALM }), "until a person lifts it").toMatchObject({ value: { workload: "stop" } });
    releaseHold(shell, { ...OPERATOR, request_id: "r1" }, "breach", "seen");
    expect(beat(shell, { report: CALM })).toMatchObject({ value: { workload: "run" } });
    expect(beat(shell, { report: LOSS }), "a breach of its own").toMatchObject({ value: { workload: "stop" } });
  });

  it("does not stop the bot again for a breach that a person has let pass", ({ expect }) => {
    const shell = open(new Life().online(), { on_breach: "stop" });
    beat(shell, { report: LOSS });
    releaseHold(shell, { ...OPERATOR, request_id: "r1" }, "breach", "seen");
    expect(beat(shell, { report: { ...LOSS, daily_pnl: -80 } })).toMatchObject({ value: { workload: "run" } });
  });

  it("is judged by the config that runs, not by the desired one", ({ expect }) => {
    const life = new Life().online();
    const shell = open(life, { on_breach: "stop" });
    const { id, version } = life.bot.config.desired;
    const row = shell.store.config(version);
    if (row === null) throw new Error("the first version is stored");
    const next = { id: "c2", version: version + 1 };
    const data = { config: next, paper_mode: true, restored_from: null };
    const risk_config = { ...RISK, max_daily_loss_pct: 50 };
    shell.commit({ events: [{ kind: "config_published", data }], config: { ...row, ...next, risk_config } });
    expect(shell.present().bot.config).toMatchObject({ desired: next, effective: { id } });
    expect(beat(shell, { report: LOSS })).toMatchObject({ value: { workload: "stop" } });
  });

  it("is judged anew once another config runs, though it is the same report", ({ expect }) => {
    const life = new Life().online();
    const shell = open(life);
    beat(shell, { report: LOSS });
    const row = shell.store.config(1);
    if (row === null) throw new Error("the first version is stored");
    const next = { id: "c2", version: 2 };
    const data = { config: next, paper_mode: true, restored_from: null };
    const risk_config: RiskConfig = { ...RISK, on_breach: "stop" };
    shell.commit({ events: [{ kind: "config_published", data }], config: { ...row, ...next, risk_config } });
    expect(beat(shell, { report: LOSS })).toMatchObject({ value: { workload: "run" } });
    shell.commit({ events: [{ kind: "config_applied", data: { config: next } }] });
    expect(beat(shell, { report: LOSS })).toMatchObject({ value: { workload: "stop" } });
  });

  it("is judged by a config that runs though it has not yet been good, and though another one is desired", ({
    expect,
  }) => {
    const shell = open(new Life().online());
    const row = shell.store.config(1);
    if (row === null) throw new Error("the first version is stored");
    for (const version of [2, 3]) {
      const config = { id: `c${version}`, version };
      const risk_config: RiskConfig = { ...RISK, max_daily_loss_pct: version === 2 ? 5 : 50, on_breach: "stop" };
      const data = { config, paper_mode: true, restored_from: null };
      shell.commit({ events: [{ kind: "config_published", data }], config: { ...row, ...config, risk_config } });
      const applied = { config, workload: "stopped" } as const;
      if (version === 2) shell.commit({ events: [{ kind: "config_applied", data: applied }] });
    }
    expect(beat(shell, { report: LOSS })).toMatchObject({ value: { workload: "stop" } });
  });

  it("is judged by nothing while no config runs", ({ expect }) => {
    const life = new Life().made().wait(SECOND).read("active").registered();
    const shell = open(life, { on_breach: "stop" });
    beat(shell, { report: LOSS });
    expect(shell.present().bot).toMatchObject({ breaches: [], holds: [] });
    shell.commit({ events: [{ kind: "config_applied", data: { config: life.bot.config.desired } }] });
    beat(shell, { report: LOSS });
    expect(shell.present().bot).toMatchObject({ holds: [{ owner: "breach" }] });
  });

  it("of a copy of the agent is not heard", ({ expect }) => {
    const shell = open(new Life().online(), { on_breach: "stop" });
    expect(beat(shell, { report: LOSS, droplet_id: 666 })).toMatchObject({ ok: false, code: "wrong_droplet" });
    expect(shell.present()).toMatchObject({ bot: { holds: [] }, rt: { trading: null } });
  });
});
