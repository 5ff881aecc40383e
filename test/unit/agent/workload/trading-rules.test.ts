import { describe, expect, it } from "vitest";
import { tradingRules, tradingSkill, withTradingRules } from "../../../../bootstrap/agent/workload/trading-rules.ts";
import { AgentConfig } from "../../../../src/wire/config.ts";
import { agentConfig } from "../fixtures/control-plane.ts";

const CONFIG = AgentConfig.parse(agentConfig("0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d", 7, "sk-very-secret-key"));

function changed(trading: Partial<AgentConfig["trading_config"]>, risk: Partial<AgentConfig["risk_config"]> = {}) {
  return {
    ...CONFIG,
    version: 8,
    trading_config: { ...CONFIG.trading_config, ...trading },
    risk_config: { ...CONFIG.risk_config, ...risk },
  };
}

describe("the trading rules", () => {
  it("say the mode, the assets and every limit, and no secret", () => {
    const rules = tradingRules(CONFIG);
    for (const said of ["version 7", "paper trading", "BTC", "trend", "5 % of the equity", "10 %", "3 at most"]) {
      expect(rules).toContain(said);
    }
    expect(rules).not.toContain("sk-very-secret-key");
    expect(tradingRules(changed({ paper_mode: false }))).toContain("live trading");
    expect(tradingRules(changed({ asset_focus: "custom", custom_assets: ["SOL", "ETH"] }))).toContain("SOL, ETH");
  });

  it("say the signal knobs where there are any", () => {
    const knobs = { volume_confirmation: true, volatility_brake: false, correlation_brake: true } as const;
    const rules = tradingRules(changed({ signal_knobs: { ...knobs, liquidity_filter: "high" } }));
    expect(rules).toContain("volume: yes");
    expect(rules).toContain("volatility is high: no");
    expect(tradingRules(CONFIG)).not.toContain("volume");
  });

  it("are a skill as well, found by its name and description", () => {
    expect(tradingSkill(CONFIG)).toMatch(/^---\nname: spawnpoint-trading-rules\ndescription: .+\n---\n/);
    expect(tradingSkill(CONFIG)).toContain("10 %");
  });
});

describe("AGENTS.md", () => {
  const NEXT = changed({}, { max_drawdown_pct: 33 });
  const BLOCK = withTradingRules(null, CONFIG);
  const END = "<!-- spawnpoint:trading-rules end -->\n";
  const OTHER = withTradingRules(null, NEXT);

  it.each<[string, string | null, string]>([
    ["that is not there", null, OTHER],
    ["that is empty", " \n", OTHER],
    ["of somebody else", "# Mine\n\ntext", `# Mine\n\ntext\n\n${OTHER}`],
    ["with the rules of before", `# Mine\n\n${BLOCK}\nafter\n`, `# Mine\n\n${OTHER}\nafter\n`],
    ["with the rules twice", `${BLOCK}between\n${BLOCK}`, `${OTHER}between\n`],
    ["whose block has lost its end", `${BLOCK.replace(END, "")}after\n`, `${OTHER}after\n`],
    [
      "of which only the mark is left",
      `# Mine\n${BLOCK.slice(0, BLOCK.indexOf("\n"))}\nmine\n`,
      `# Mine\n${OTHER}mine\n`,
    ],
  ])("%s has the rules of now once, and all else as it was", (_what, present, expected) => {
    expect(withTradingRules(present, NEXT)).toBe(expected);
    expect(withTradingRules(expected, NEXT), "twice is the same").toBe(expected);
  });

  it("takes nothing in a config for a pattern", () => {
    expect(withTradingRules(BLOCK, { ...NEXT, version: 9 })).toContain("version 9");
  });
});
