/**
 * What a bot's workload says of its trading, and what it is told to keep: the two files by which a droplet's strategy and
 * its agent speak. Bounds are never changed: a Worker of the release before refuses a heartbeat that passes its own.
 */
import * as z from "zod";
import { RiskConfig, TradingConfig } from "./config.ts";
import { Uuid } from "./primitives.ts";
import { quote } from "./redact.ts";

/** As many positions as a report may list. */
const MAX_POSITIONS = 50;
const MAX_SYMBOL_CHARS = 32;
/** More than any account holds, in whatever currency. */
const MAX_AMOUNT = 1e15;

const Amount = z.number().min(-MAX_AMOUNT).max(MAX_AMOUNT);

const positionFields = {
  symbol: z
    .string()
    .regex(/^[A-Za-z0-9._:/-]{1,32}$/, "must be 1 to 32 letters, digits, ., _, :, / or -")
    .transform((text) => quote(text, MAX_SYMBOL_CHARS))
    .meta({ example: "BTC/USDT" }),
  value: Amount.meta({ description: "Market value in the account's currency. Negative: a short position." }),
};

const reportFields = {
  equity: Amount.meta({ description: "Value of the whole account now, open positions included" }),
  daily_pnl: Amount.meta({
    description:
      "Profit (positive) or loss (negative) since the trading day began, realized or not, in the currency of `equity`",
  }),
  drawdown_pct: z.number().min(0).max(1000).meta({
    description: "How far `equity` is below its highest value so far, in percent of that value. 0: at its highest.",
  }),
  trades_today: z.int().min(0).max(1_000_000_000).meta({ description: "Orders filled since the trading day began" }),
  currency: z
    .string()
    .regex(/^[A-Z0-9]{1,10}$/, "must be 1 to 10 upper-case letters or digits")
    .optional()
    .meta({ description: "Currency of all amounts. Shown, not converted.", example: "USDT" }),
  as_of: z.iso
    .datetime({ offset: true })
    .max(40)
    .optional()
    .meta({ description: "When the numbers were true, RFC 3339", example: "2026-11-20T12:00:00Z" }),
};

export const TradingReport = z
  .object({
    ...reportFields,
    open_positions: z
      .array(z.object(positionFields))
      .max(MAX_POSITIONS)
      .optional()
      .meta({ description: "All open positions. Absent: position sizes are not checked." }),
  })
  .meta({ id: "TradingReport", description: "What the workload reported of its trading" });
export type TradingReport = z.infer<typeof TradingReport>;

/** As it is shown: a symbol that looked like a secret is none any more. */
export const TradingReportView = z.object({
  ...reportFields,
  open_positions: z.array(z.object({ ...positionFields, symbol: z.string() })).optional(),
});

/** `report.json`: a field that nobody knows is a misspelt one, and would leave a limit unchecked. */
export const ReportFile = z.strictObject({
  ...reportFields,
  open_positions: z
    .array(z.strictObject(positionFields))
    .max(MAX_POSITIONS)
    .optional()
    .meta(TradingReport.shape.open_positions.meta() ?? {}),
});

/** The limits of a config that a report is held against. */
export const LIMITS = [
  "max_daily_loss_pct",
  "max_drawdown_pct",
  "max_trades_per_day",
  "max_position_size_pct",
] as const satisfies readonly (keyof RiskConfig)[];
export type Limit = (typeof LIMITS)[number];

/** The largest `report.json` that is read, bytes. */
export const MAX_REPORT_BYTES = 64 * 1024;

/** `spawnpoint.json`, the file that `SPAWNPOINT_CONFIG_PATH` names. Later releases may add fields. */
export const RulesFile = z.object({
  config_id: Uuid,
  version: z.int().positive().meta({ description: "Number of the config version" }),
  llm_provider: z.string(),
  trading_config: TradingConfig,
  risk_config: RiskConfig,
  report_path: z.string().meta({
    description: "Where the workload may write `report.json`. The variable `SPAWNPOINT_REPORT_PATH` says the same.",
  }),
});
export type RulesFile = z.infer<typeof RulesFile>;
