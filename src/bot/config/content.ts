/** The content of a config version: from a flat request, or a patch merged onto the version before. Pure. */
import type { CreateBotRequest } from "../../wire/bot.ts";
import type { ConfigPatch, RiskConfig, TradingConfig } from "../../wire/config.ts";
import type { Persona } from "../../wire/enums.ts";
import { type ModelChoice, providerId, whyNotModel } from "../../wire/models.ts";

export interface ConfigContent extends ModelChoice {
  trading_config: TradingConfig;
  risk_config: RiskConfig;
}

/** What the persona `quant_lite` trades with where nothing else is said. */
const QUANT_LITE_KNOBS: TradingConfig["signal_knobs"] = {
  volume_confirmation: true,
  volatility_brake: true,
  liquidity_filter: "medium",
  correlation_brake: true,
};

export function contentOfCreate(request: CreateBotRequest): ConfigContent {
  const { asset_focus, custom_assets, algorithm, strictness, paper_mode } = request;
  return {
    trading_config: {
      asset_focus,
      ...(custom_assets ? { custom_assets } : {}),
      algorithm,
      strictness,
      paper_mode,
      signal_knobs: request.signal_knobs !== undefined ? request.signal_knobs : defaultKnobs(request.persona),
      ...backgroundTurns(request.background_turns),
    },
    risk_config: {
      max_position_size_pct: request.max_position_size_pct,
      max_daily_loss_pct: request.max_daily_loss_pct,
      max_drawdown_pct: request.max_drawdown_pct,
      max_trades_per_day: request.max_trades_per_day,
      ...chosen(request),
    },
    llm_provider: request.llm_provider,
    llm_model: request.llm_model ?? null,
    llm_base_url: request.llm_base_url ?? null,
  };
}

/** null says what its absence says in versions from before there was a choice. */
function backgroundTurns(wanted: boolean | null | undefined): Pick<TradingConfig, "background_turns"> {
  return wanted === undefined || wanted === null ? {} : { background_turns: wanted };
}

interface Choices {
  on_breach?: RiskConfig["on_breach"] | undefined;
  offline_policy?: RiskConfig["offline_policy"] | undefined;
}

/** What need not be said, where it was. */
function chosen({ on_breach, offline_policy }: Choices): Pick<RiskConfig, keyof Choices> {
  return { ...(on_breach ? { on_breach } : {}), ...(offline_policy ? { offline_policy } : {}) };
}

function defaultKnobs(persona: Persona): TradingConfig["signal_knobs"] {
  return persona === "quant_lite" ? QUANT_LITE_KNOBS : null;
}

/** The patch on top of what is; null where a custom focus and its list of assets would not go together. */
export function mergeConfig(base: ConfigContent, patch: ConfigPatch): ConfigContent | null {
  const asset_focus = patch.asset_focus ?? base.trading_config.asset_focus;
  const custom = asset_focus === "custom";
  if (!custom && patch.custom_assets) return null;
  const custom_assets = custom ? (patch.custom_assets ?? base.trading_config.custom_assets) : undefined;
  if (custom && !custom_assets) return null;
  const { trading_config: trading, risk_config: risk } = base;
  return {
    trading_config: {
      asset_focus,
      ...(custom_assets ? { custom_assets } : {}),
      algorithm: patch.algorithm ?? trading.algorithm,
      strictness: patch.strictness ?? trading.strictness,
      paper_mode: patch.paper_mode ?? trading.paper_mode,
      signal_knobs: patch.signal_knobs !== undefined ? patch.signal_knobs : trading.signal_knobs,
      ...backgroundTurns(patch.background_turns === undefined ? trading.background_turns : patch.background_turns),
    },
    risk_config: {
      max_position_size_pct: patch.max_position_size_pct ?? risk.max_position_size_pct,
      max_daily_loss_pct: patch.max_daily_loss_pct ?? risk.max_daily_loss_pct,
      max_drawdown_pct: patch.max_drawdown_pct ?? risk.max_drawdown_pct,
      max_trades_per_day: patch.max_trades_per_day ?? risk.max_trades_per_day,
      ...chosen({
        on_breach: patch.on_breach ?? risk.on_breach,
        offline_policy: patch.offline_policy ?? risk.offline_policy,
      }),
    },
    ...mergeModel(base, patch),
  };
}

/** Another provider has other models, and another address. */
function mergeModel(base: ModelChoice, patch: ConfigPatch): ModelChoice {
  const llm_provider = patch.llm_provider ?? base.llm_provider;
  const kept =
    providerId(llm_provider) === providerId(base.llm_provider) ? base : { llm_model: null, llm_base_url: null };
  return {
    llm_provider,
    llm_model: patch.llm_model === undefined ? kept.llm_model : patch.llm_model,
    llm_base_url: patch.llm_base_url === undefined ? kept.llm_base_url : patch.llm_base_url,
  };
}

/** Judged only where the patch changes it: what was published before the rule stays patchable. */
export function whyNotPatched(content: ModelChoice, base: ModelChoice): string | null {
  const fields = ["llm_provider", "llm_model", "llm_base_url"] as const;
  const about = fields.some((field) => content[field] !== base[field]);
  const wrong = about ? whyNotModel(content) : null;
  return wrong && `${wrong.field} ${wrong.why}.`;
}

/** The last four characters, of a secret long enough that they give nothing away. */
export function last4(secret: string): string | null {
  return secret.length >= 16 ? secret.slice(-4) : null;
}

export function configEtag(configId: string): string {
  return `"${configId}"`;
}
