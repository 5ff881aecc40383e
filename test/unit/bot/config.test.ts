import { describe, it } from "vitest";
import {
  type ConfigContent,
  configEtag,
  contentOfCreate,
  last4,
  mergeConfig,
  whyNotPatched,
} from "../../../src/bot/config/content.ts";
import { sealContext } from "../../../src/secrets/sealed.ts";
import { CreateBotRequest } from "../../../src/wire/bot.ts";
import { ConfigPatch } from "../../../src/wire/config.ts";
import { BOT_REQUEST } from "../../fixtures/bot.ts";

function contentOf(changes: Record<string, unknown> = {}): ConfigContent {
  return contentOfCreate(CreateBotRequest.parse({ ...BOT_REQUEST, ...changes }));
}

const KNOBS = {
  volume_confirmation: false,
  volatility_brake: true,
  liquidity_filter: "high",
  correlation_brake: false,
} as const;

describe("the first version of a config", () => {
  it("is the request, nested, without its secret", async ({ expect }) => {
    expect(contentOf()).toEqual({
      trading_config: {
        asset_focus: "majors",
        algorithm: "trend",
        strictness: "low",
        paper_mode: true,
        signal_knobs: null,
      },
      risk_config: { max_position_size_pct: 10, max_daily_loss_pct: 5, max_drawdown_pct: 20, max_trades_per_day: 7 },
      llm_provider: "anthropic",
      llm_model: null,
      llm_base_url: null,
    });
  });

  it("has its assets where it names them", async ({ expect }) => {
    const { trading_config } = contentOf({ asset_focus: "custom", custom_assets: ["SOL", "ETH"] });
    expect(trading_config).toMatchObject({ asset_focus: "custom", custom_assets: ["SOL", "ETH"] });
  });

  const QUANT_LITE = {
    volume_confirmation: true,
    volatility_brake: true,
    liquidity_filter: "medium",
    correlation_brake: true,
  };
  const TABLE: [string, changes: Record<string, unknown>, knobs: object | null][] = [
    ["a beginner", {}, null],
    ["a tweaker", { persona: "tweaker" }, null],
    ["quant_lite", { persona: "quant_lite" }, QUANT_LITE],
    ["quant_lite that says none", { persona: "quant_lite", signal_knobs: null }, null],
    ["quant_lite that says which", { persona: "quant_lite", signal_knobs: KNOBS }, KNOBS],
    ["a beginner that says which", { signal_knobs: KNOBS }, KNOBS],
  ];
  for (const [who, changes, knobs] of TABLE) {
    it(`${who} trades with ${knobs ? "signal knobs" : "no signal knobs"}`, async ({ expect }) => {
      expect(contentOf(changes).trading_config.signal_knobs).toEqual(knobs);
    });
  }
});

describe("a patch", () => {
  const OWN_MODEL = { llm_model: "anthropic/claude-opus-5", llm_base_url: "https://llm.test/v1" };
  const CUSTOM = { asset_focus: "custom", custom_assets: ["SOL"] };
  const TABLE: [string, base: Record<string, unknown>, patch: object, after: object | null][] = [
    [
      "one field",
      {},
      { strictness: "high" },
      { trading_config: { ...contentOf().trading_config, strictness: "high" } },
    ],
    [
      "a risk limit",
      {},
      { max_daily_loss_pct: 0 },
      { risk_config: { ...contentOf().risk_config, max_daily_loss_pct: 0 } },
    ],
    [
      "what a breach leads to",
      {},
      { on_breach: "stop" },
      { risk_config: { ...contentOf().risk_config, on_breach: "stop" } },
    ],
    [
      "what being cut off leads to",
      { offline_policy: { after_s: 600, action: "keep" } },
      { offline_policy: { after_s: 3600, action: "stop" } },
      { risk_config: { ...contentOf().risk_config, offline_policy: { after_s: 3600, action: "stop" } } },
    ],
    [
      "another field beside what being cut off leads to",
      { offline_policy: { after_s: 600, action: "stop" } },
      { on_breach: "stop" },
      {
        risk_config: {
          ...contentOf().risk_config,
          on_breach: "stop",
          offline_policy: { after_s: 600, action: "stop" },
        },
      },
    ],
    [
      "another field beside what a breach leads to",
      { on_breach: "stop" },
      { max_daily_loss_pct: 0 },
      { risk_config: { ...contentOf().risk_config, on_breach: "stop", max_daily_loss_pct: 0 } },
    ],
    [
      "live trading",
      {},
      { paper_mode: false },
      { trading_config: { ...contentOf().trading_config, paper_mode: false } },
    ],
    ["another provider", {}, { llm_provider: "openai" }, { llm_provider: "openai" }],
    ["a model", {}, { llm_model: "anthropic/claude-opus-5" }, { llm_model: "anthropic/claude-opus-5" }],
    ["the default model again", OWN_MODEL, { llm_model: null }, { llm_model: null }],
    ["another field beside a model", OWN_MODEL, { llm_api_key: "sk-0123456789abcdef" }, {}],
    ["the same provider by another name", OWN_MODEL, { llm_provider: "claude" }, { llm_provider: "claude" }],
    [
      "another provider: model and address go",
      OWN_MODEL,
      { llm_provider: "openai" },
      { llm_provider: "openai", llm_model: null, llm_base_url: null },
    ],
    ["knobs", {}, { signal_knobs: KNOBS }, { trading_config: { ...contentOf().trading_config, signal_knobs: KNOBS } }],
    ["no knobs", { signal_knobs: KNOBS }, { signal_knobs: null }, { trading_config: contentOf().trading_config }],
    ["a note alone beside a field", {}, { note: "why", algorithm: "trend" }, {}],
    [
      "turns by itself",
      {},
      { background_turns: true },
      { trading_config: { ...contentOf().trading_config, background_turns: true } },
    ],
    [
      "no turns by itself, said in words",
      { background_turns: true },
      { background_turns: false },
      { trading_config: { ...contentOf().trading_config, background_turns: false } },
    ],
    [
      "turns as they are by default",
      { background_turns: true },
      { background_turns: null },
      { trading_config: contentOf().trading_config },
    ],
    ["a custom focus", {}, CUSTOM, { trading_config: { ...contentOf().trading_config, ...CUSTOM } }],
    [
      "other assets",
      CUSTOM,
      { custom_assets: ["ETH"] },
      { trading_config: { ...contentOf(CUSTOM).trading_config, custom_assets: ["ETH"] } },
    ],
    ["the same focus again", CUSTOM, { asset_focus: "custom" }, { trading_config: contentOf(CUSTOM).trading_config }],
    [
      "another focus: the assets go",
      CUSTOM,
      { asset_focus: "memes" },
      { trading_config: { ...contentOf().trading_config, asset_focus: "memes" } },
    ],
    ["a custom focus without assets", {}, { asset_focus: "custom" }, null],
    ["assets without a custom focus", {}, { custom_assets: ["ETH"] }, null],
    ["assets beside another focus", CUSTOM, { asset_focus: "majors", custom_assets: ["ETH"] }, null],
  ];
  for (const [what, base, patch, after] of TABLE) {
    it(`${what}: ${after ? "changes that and nothing else" : "does not go together"}`, async ({ expect }) => {
      const before = contentOf(base);
      expect(mergeConfig(before, ConfigPatch.parse(patch))).toEqual(after && { ...before, ...after });
    });
  }
});

describe("a patch of the model", () => {
  const OLD = { ...contentOf(), llm_provider: "no-such-provider" };

  it.for<[object, string | null]>([
    [{ strictness: "low" }, null],
    [{ llm_api_key: "sk-0123456789abcdef" }, null],
    [{ llm_provider: "openai" }, null],
    [{ llm_provider: "no-such-provider", llm_base_url: null }, null],
    [{ llm_provider: "other" }, "llm_provider must be one of"],
    [{ llm_model: "openai/gpt-5.5" }, "llm_provider must be one of"],
    [{ llm_model: "no-such-provider/x", llm_base_url: "https://llm.test/v1" }, null],
  ])("is judged only where it is about the model: %o", ([patch, why], { expect }) => {
    const parsed = ConfigPatch.parse(patch);
    const content = mergeConfig(OLD, parsed);
    if (content === null) throw new Error("it does not go together");
    const said = whyNotPatched(content, OLD);
    expect(said === null ? null : said.slice(0, why?.length)).toBe(why);
  });
});

describe("what is shown of a secret", () => {
  const TABLE: [string, string | null][] = [
    ["sk-0123456789abcdef", "cdef"],
    ["0123456789abcdef", "cdef"],
    ["0123456789abcde", null],
    ["abcd", null],
  ];
  for (const [secret, shown] of TABLE) {
    it(`of ${secret.length} characters: ${shown ?? "nothing"}`, async ({ expect }) => {
      expect(last4(secret)).toBe(shown);
    });
  }

  it("is sealed for its bot, version and field, and each of them counts", async ({ expect }) => {
    expect(sealContext("bot-a", 3, "llm_api_key")).toBe("bot-a|3|llm_api_key");
    expect(configEtag("c1")).toBe('"c1"');
  });
});
