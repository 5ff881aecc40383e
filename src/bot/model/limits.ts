/** Which limits of a config a trading report passes. Pure. */
import type { RiskConfig } from "../../wire/config.ts";
import { LIMITS, type Limit, type TradingReport } from "../../wire/trading-report.ts";
import type { EventBody } from "./events.ts";
import { holdOf } from "./holds.ts";
import type { BotState, Breach } from "./state.ts";

/** A passed limit counts as kept again at this share of it, so that a number that wavers around it is one breach. */
const KEPT_AGAIN = 0.9;
/** In place of a share of nothing: more than any limit. */
const ENDLESS_PCT = 1_000_000;

/** What the report says of each limit; null: nothing. */
export function measure({ equity, daily_pnl, ...report }: TradingReport): Record<Limit, number | null> {
  const sizes = report.open_positions?.map(({ value }) => shareOf(Math.abs(value), equity));
  return {
    max_daily_loss_pct: shareOf(Math.max(0, -daily_pnl), equity - daily_pnl),
    max_drawdown_pct: report.drawdown_pct,
    max_trades_per_day: report.trades_today,
    max_position_size_pct: sizes === undefined ? null : Math.max(0, ...sizes),
  };
}

/** In percent, to two decimals. */
function shareOf(part: number, whole: number): number {
  if (part === 0) return 0;
  const share = whole > 0 ? (part / whole) * 100 : ENDLESS_PCT;
  return Math.min(ENDLESS_PCT, Math.round(share * 100) / 100);
}

/** The config that the report is judged by. */
export interface Applied {
  version: number;
  risk_config: RiskConfig;
}

/**
 * What the report brings that is new: a limit that is passed now, one that is kept again, and the hold of a bot whose config
 * says so. Each breach brings one event, and stops the bot once.
 */
export function judgeReport(bot: BotState, report: TradingReport, { version, risk_config }: Applied): EventBody[] {
  const measured = measure(report);
  const events: EventBody[] = [];
  const passed: Limit[] = [];
  for (const limit of LIMITS) {
    const [value, max] = [measured[limit], risk_config[limit]];
    const breach = bot.breaches.find((known) => known.limit === limit);
    const is = value === null ? breach !== undefined : isPassed(value, max, breach);
    if (is && !breach?.stopped) passed.push(limit);
    if (is && breach === undefined && value !== null) {
      events.push({ kind: "limit_breached", data: { limit, value, max, version } });
    }
    if (!is && breach !== undefined) events.push({ kind: "limit_kept_again", data: { limit, value, max } });
  }
  if (risk_config.on_breach === "stop" && passed.length > 0 && holdOf(bot, "breach") === null) {
    events.push({ kind: "hold_placed", data: { owner: "breach", reason: passed.join(", ") } });
  }
  return events;
}

function isPassed(value: number, max: number, breach: Breach | undefined): boolean {
  // Under another limit it is judged anew.
  return breach === undefined || breach.max !== max ? value > max : value > max * KEPT_AGAIN;
}
