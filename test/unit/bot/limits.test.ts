import { describe, it } from "vitest";
import { judgeReport, measure } from "../../../src/bot/model/limits.ts";
import type { RiskConfig } from "../../../src/wire/config.ts";
import type { TradingReport } from "../../../src/wire/trading-report.ts";
import { Life } from "./life.ts";

const CALM: TradingReport = { equity: 1000, daily_pnl: 0, drawdown_pct: 0, trades_today: 0 };
const RISK: RiskConfig = {
  max_position_size_pct: 10,
  max_daily_loss_pct: 5,
  max_drawdown_pct: 20,
  max_trades_per_day: 12,
};

describe("what a report says of a limit", () => {
  const TABLE: [what: string, report: Partial<TradingReport>, said: object][] = [
    ["nothing lost, no positions listed", {}, { max_daily_loss_pct: 0, max_position_size_pct: null }],
    ["a gain is no loss", { daily_pnl: 300 }, { max_daily_loss_pct: 0 }],
    ["a loss counts from where the day began", { equity: 950, daily_pnl: -50 }, { max_daily_loss_pct: 5 }],
    ["a loss in full", { equity: 0, daily_pnl: -50 }, { max_daily_loss_pct: 100 }],
    ["a loss of what was never there", { equity: -50, daily_pnl: -50 }, { max_daily_loss_pct: 1_000_000 }],
    ["to two decimals", { equity: 900, daily_pnl: -1 }, { max_daily_loss_pct: 0.11 }],
    [
      "the drawdown and the trades as they are",
      { drawdown_pct: 3.5, trades_today: 4 },
      { max_drawdown_pct: 3.5, max_trades_per_day: 4 },
    ],
    ["no position", { open_positions: [] }, { max_position_size_pct: 0 }],
    [
      "the largest position, long or short",
      {
        open_positions: [
          { symbol: "BTC", value: 100 },
          { symbol: "ETH", value: -250 },
        ],
      },
      { max_position_size_pct: 25 },
    ],
    [
      "a position on nothing",
      { equity: 0, open_positions: [{ symbol: "BTC", value: 1 }] },
      { max_position_size_pct: 1_000_000 },
    ],
  ];
  it.for(TABLE)("%s", ([, report, said], { expect }) => {
    expect(measure({ ...CALM, ...report })).toMatchObject(said);
  });
});

describe("a report that is held against a config", () => {
  const loss = (percent: number): TradingReport => ({ ...CALM, equity: 1000 - 10 * percent, daily_pnl: -10 * percent });
  const breached = (value = 7) =>
    new Life()
      .online()
      .tell({ kind: "limit_breached", data: { limit: "max_daily_loss_pct", value, max: 5, version: 1 } });
  const stop: Partial<RiskConfig> = { on_breach: "stop" };

  const TABLE: [what: string, life: () => Life, report: TradingReport, risk: Partial<RiskConfig>, events: string[]][] =
    [
      ["within every limit", () => new Life().online(), CALM, {}, []],
      ["exactly at a limit", () => new Life().online(), loss(5), {}, []],
      ["beyond a limit", () => new Life().online(), loss(5.01), {}, ["limit_breached"]],
      [
        "beyond a limit, of a bot that stops for it",
        () => new Life().online(),
        loss(6),
        stop,
        ["limit_breached", "hold_placed"],
      ],
      [
        "beyond two of them",
        () => new Life().online(),
        { ...loss(6), trades_today: 13 },
        stop,
        ["limit_breached", "limit_breached", "hold_placed"],
      ],
      ["still beyond it", () => breached(), loss(9), {}, []],
      ["a little below it", () => breached(), loss(4.9), {}, []],
      ["well below it", () => breached(), loss(4.5), {}, ["limit_kept_again"]],
      ["below another limit", () => breached(), loss(7.9), { max_daily_loss_pct: 8 }, ["limit_kept_again"]],
      ["still beyond it, the config stops for it by now", () => breached(), loss(9), stop, ["hold_placed"]],
      ["still beyond it, held", () => new Life().online().held(), loss(9), stop, []],
      ["still beyond it, the hold lifted", () => new Life().online().held().released(), loss(9), stop, []],
      [
        "beyond another one, the hold lifted",
        () => new Life().online().held().released(),
        { ...loss(9), drawdown_pct: 21 },
        stop,
        ["limit_breached", "hold_placed"],
      ],
      [
        "beyond another one, held",
        () => new Life().online().held(),
        { ...loss(9), drawdown_pct: 21 },
        stop,
        ["limit_breached"],
      ],
      ["a limit of nothing, kept", () => new Life().online(), CALM, { max_trades_per_day: 0 }, []],
      [
        "a limit of nothing, passed",
        () => new Life().online(),
        { ...CALM, trades_today: 1 },
        { max_trades_per_day: 0 },
        ["limit_breached"],
      ],
    ];
  it.for(TABLE)("%s", ([, life, report, risk, events], { expect }) => {
    const config = { version: 1, risk_config: { ...RISK, ...risk } };
    expect(judgeReport(life().bot, report, config).map(({ kind }) => kind)).toEqual(events);
  });

  it("says a breach once, however often it is said again, and comes to rest", ({ expect }) => {
    const life = new Life().online();
    const config = { version: 1, risk_config: { ...RISK, ...stop } };
    for (let time = 0; time < 3; time++) life.tell(...judgeReport(life.bot, loss(6), config));
    expect(life.history.filter(({ kind }) => kind === "limit_breached" || kind === "hold_placed")).toHaveLength(2);
    life.released();
    expect(judgeReport(life.bot, loss(6), config)).toEqual([]);
    life.tell(...judgeReport(life.bot, CALM, config));
    expect(judgeReport(life.bot, loss(6), config).map(({ kind }) => kind)).toEqual(["limit_breached", "hold_placed"]);
  });

  it("keeps what it cannot tell any more: a position's limit where no position is listed", ({ expect }) => {
    const data = { limit: "max_position_size_pct", value: 30, max: 10, version: 1 } as const;
    const life = new Life().online().tell({ kind: "limit_breached", data });
    expect(judgeReport(life.bot, CALM, { version: 1, risk_config: RISK })).toEqual([]);
  });
});
