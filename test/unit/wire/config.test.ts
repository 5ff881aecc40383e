import { describe, it } from "vitest";
import { ConfigPatch, RollbackRequest } from "../../../src/wire/config.ts";
import * as enums from "../../../src/wire/enums.ts";

describe("a field of a config", () => {
  const TABLE: [field: string, taken: unknown[], refused: unknown[]][] = [
    ["asset_focus", ["majors", "memes", "custom"], ["Majors", "", null]],
    [
      "custom_assets",
      [["SOL"], ["SOL", "1INCH"]],
      [[], ["sol"], ["SOL", "SOL"], ["S".repeat(21)], [""], "SOL", Array.from({ length: 101 }, (_, n) => `A${n}`)],
    ],
    ["algorithm", ["trend", "mean_reversion", "breakout"], ["MeanReversion"]],
    ["strictness", ["low", "medium", "high"], ["max"]],
    ["paper_mode", [true, false], ["yes", 1]],
    [
      "signal_knobs",
      [null, { volume_confirmation: true, volatility_brake: false, liquidity_filter: "low", correlation_brake: true }],
      [
        {},
        { volume_confirmation: true, volatility_brake: false, liquidity_filter: "Medium", correlation_brake: true },
        {
          volume_confirmation: true,
          volatility_brake: false,
          liquidity_filter: "low",
          correlation_brake: true,
          extra: 1,
        },
      ],
    ],
    ["max_position_size_pct", [0, 12.5, 100], [-0.1, 100.1, "10", Number.NaN]],
    ["max_daily_loss_pct", [0, 100], [-10, 150]],
    ["max_drawdown_pct", [0, 100], [101]],
    ["max_trades_per_day", [0, 7, 2_147_483_647], [-5, 1.5, 2_147_483_648]],
    ["llm_provider", ["anthropic", "openai-2", "a"], ["", "1ai", "open ai", "x".repeat(101), "../x"]],
    ["llm_api_key", ["k", "sk-AbC_1.2~", "x".repeat(4096)], ["", "a b", "a\nb", "clé", "x".repeat(4097)]],
  ];
  for (const [field, taken, refused] of TABLE) {
    it(`${field} takes what it should`, async ({ expect }) => {
      for (const value of taken) {
        expect(ConfigPatch.safeParse({ [field]: value }).error?.issues, JSON.stringify(value)).toBe(undefined);
      }
    });

    it(`${field} refuses what it should, by its name`, async ({ expect }) => {
      for (const value of refused) {
        const { error } = ConfigPatch.safeParse({ [field]: value });
        expect(error?.issues[0]?.path[0], JSON.stringify(value)?.slice(0, 60)).toBe(field);
      }
    });
  }
});

describe("a patch of a config", () => {
  it("takes any subset, with a note", async ({ expect }) => {
    expect(ConfigPatch.parse({ paper_mode: false, note: "going live" })).toEqual({
      paper_mode: false,
      note: "going live",
    });
  });

  it("changes at least one field: a note alone changes none", async ({ expect }) => {
    expect(ConfigPatch.safeParse({}).success).toBe(false);
    expect(ConfigPatch.safeParse({ note: "nothing" }).success).toBe(false);
  });

  it("knows every field that it is given", async ({ expect }) => {
    expect(ConfigPatch.safeParse({ paper_mode: true, papermode: true }).success).toBe(false);
  });

  it("never repeats a secret that it refuses", async ({ expect }) => {
    const { error } = ConfigPatch.safeParse({ llm_api_key: "sk-very secret" });
    expect(JSON.stringify(error?.issues)).not.toContain("very");
  });
});

describe("a rollback", () => {
  it("names a version", async ({ expect }) => {
    expect(RollbackRequest.safeParse({ to_version: 1 }).success).toBe(true);
    for (const to_version of [0, -1, 1.5, "1", null])
      expect(RollbackRequest.safeParse({ to_version }).success).toBe(false);
  });
});

describe("the words of the wire", () => {
  const LISTS = Object.entries<unknown>(enums).filter((entry): entry is [string, string[]] => Array.isArray(entry[1]));

  for (const [name, words] of LISTS) {
    it(`${name} are spelt in snake_case, each once`, async ({ expect }) => {
      for (const word of words) expect(word).toMatch(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
      expect(new Set(words).size).toBe(words.length);
    });
  }

  it("are those of the contract", async ({ expect }) => {
    expect(enums.BOT_STATUSES).toEqual([
      "pending",
      "provisioning",
      "online",
      "unresponsive",
      "paused",
      "suspended",
      "error",
      "destroyed",
    ]);
    expect(enums.BOT_ACTIONS).toEqual(["pause", "resume", "redeploy", "destroy"]);
    expect(enums.PERSONAS).toEqual(["beginner", "tweaker", "quant_lite"]);
    expect(enums.MAX_BOTS).toEqual({ free: 0, basic: 2, pro: 4 });
  });
});
