/**
 * What the bot's model reads of its trading and risk config: a marked block in the workspace's AGENTS.md, which stands in
 * every prompt, and a skill that names the file with all of it. Pure.
 */
import type { AgentConfig } from "../../../src/wire/config.ts";

const BEGIN =
  "<!-- spawnpoint:trading-rules begin. Written anew with each config: put your own text outside of it. -->";
const END = "<!-- spawnpoint:trading-rules end -->";
/**
 * However the comment's words change from release to release. Where the end is missing, as far as our own last words, or
 * else the mark alone: what follows may be somebody's.
 */
const BLOCK = new RegExp(
  "<!-- spawnpoint:trading-rules begin\\b(?:(?:(?!spawnpoint:trading-rules begin)[\\s\\S])*?" +
    "(?:<!-- spawnpoint:trading-rules end -->|`SPAWNPOINT_CONFIG_PATH` names\\.(?!\\s*<!-- spawnpoint:trading-rules end))|[^\\n]*)\\n?",
  "g",
);

export const SKILL_NAME = "spawnpoint-trading-rules";

/** @param present the file as it is; null: there is none. @returns it with the rules of this config, all else as it was */
export function withTradingRules(present: string | null, config: AgentConfig): string {
  const block = `${BEGIN}\n${tradingRules(config)}\n${END}\n`;
  if (present === null || present.trim() === "") return block;
  let placed = false;
  const text = present.replace(BLOCK, () => {
    if (placed) return "";
    placed = true;
    return block;
  });
  if (placed) return text;
  return `${present.trimEnd()}\n\n${block}`;
}

/** The rules in Markdown. */
export function tradingRules({ version, trading_config, risk_config }: AgentConfig): string {
  const { asset_focus, custom_assets, algorithm, strictness, paper_mode, signal_knobs } = trading_config;
  const lines = [
    "## Trading rules",
    "",
    `These come from the bot's config, version ${version}. They come before anything else that is said of trading.`,
    "",
    paper_mode
      ? "- Mode: paper trading. Never place a real order; simulate each one and keep the books."
      : "- Mode: live trading. Orders are real and cost real money.",
    `- Assets: ${asset_focus === "custom" ? (custom_assets ?? []).join(", ") : ASSETS[asset_focus]}`,
    `- Algorithm: ${algorithm.replace("_", " ")}`,
    `- Strictness of signals: ${strictness}`,
    ...(signal_knobs === null
      ? []
      : [
          `- Confirm signals by volume: ${yesNo(signal_knobs.volume_confirmation)}`,
          `- Trade less when volatility is high: ${yesNo(signal_knobs.volatility_brake)}`,
          `- Liquidity that an asset must have: ${signal_knobs.liquidity_filter}`,
          `- Avoid positions that move together: ${yesNo(signal_knobs.correlation_brake)}`,
        ]),
    "",
    "### Risk limits",
    "",
    `- Largest position: ${risk_config.max_position_size_pct} % of the equity`,
    `- Largest loss in a day: ${risk_config.max_daily_loss_pct} % of the equity`,
    `- Largest drawdown: ${risk_config.max_drawdown_pct} % of the highest equity`,
    `- Trades in a day: ${risk_config.max_trades_per_day} at most`,
    "",
    "They are also checked from outside, by what the file that `SPAWNPOINT_REPORT_PATH` names says. Write it after each",
    `trade and every few minutes, as the skill \`${SKILL_NAME}\` shows.`,
    "",
    "Before each order check all of them. When one would be passed, do not place the order; when one is passed already,",
    "close nothing in haste, stop trading and say so. The same as JSON: the file that `SPAWNPOINT_CONFIG_PATH` names.",
  ];
  return lines.join("\n");
}

const ASSETS: Readonly<Record<string, string>> = {
  majors: "the major cryptocurrencies (BTC, ETH and others of their size)",
  memes: "meme coins",
};

function yesNo(value: boolean): string {
  return value ? "yes" : "no";
}

const REPORT = [
  "## Report",
  "",
  "Write your books as JSON to the file that `SPAWNPOINT_REPORT_PATH` names: all of it each time, to a file beside it that",
  "you then rename. `open_positions`, `currency` and `as_of` may be left out; no other field is allowed. Never write",
  "numbers that you do not know: no report is better than a wrong one.",
  "",
  "```json",
  "{",
  '  "equity": 10250.5,',
  '  "daily_pnl": -120.25,',
  '  "drawdown_pct": 3.1,',
  '  "trades_today": 4,',
  '  "open_positions": [{ "symbol": "BTC/USDT", "value": 800 }],',
  '  "currency": "USDT",',
  '  "as_of": "2026-11-20T12:00:00Z"',
  "}",
  "```",
  "",
  "- `equity`: value of the whole account now, open positions included",
  "- `daily_pnl`: profit (positive) or loss (negative) since the day began, in the same currency",
  "- `drawdown_pct`: how far `equity` is below its highest value so far, in percent of that value",
  "- `trades_today`: orders filled since the day began",
  "- `open_positions`: the market value of each, negative where it is short",
];

/** The skill's SKILL.md: found by its description also where a prompt leaves AGENTS.md out. */
export function tradingSkill(config: AgentConfig): string {
  return [
    "---",
    `name: ${SKILL_NAME}`,
    "description: The trading mode, assets and risk limits that this bot must keep. Read it before any order or advice on one.",
    "---",
    "",
    tradingRules(config),
    "",
    ...REPORT,
    "",
  ].join("\n");
}
