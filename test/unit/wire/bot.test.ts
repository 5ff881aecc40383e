import fc from "fast-check";
import { describe, it } from "vitest";
import { CreateBotRequest, PatchBotRequest, sanitizeName } from "../../../src/wire/bot.ts";
import { BOT_REQUEST } from "../../fixtures/bot.ts";

describe("a bot's name", () => {
  const TABLE: [given: string, kept: string][] = [
    ["Night Owl", "Night Owl"],
    ["  Test@#$ Bot!  ", "Test___ Bot_"],
    ["é".repeat(76), "_".repeat(64)],
    ["a".repeat(200), "a".repeat(64)],
    [`${"a".repeat(63)} b`, "a".repeat(63)],
    ["under_score-and-dash 9", "under_score-and-dash 9"],
    ["🦉", "_"],
    ["a\tb\nc", "a_b_c"],
    ["$(reboot)", "__reboot_"],
    ["ünïcode", "_n_code"],
    ["   ", ""],
    ["", ""],
  ];
  for (const [given, kept] of TABLE) {
    it(`${JSON.stringify(given).slice(0, 40)} is kept as ${JSON.stringify(kept).slice(0, 40)}`, async ({ expect }) => {
      expect(sanitizeName(given)).toBe(kept);
    });
  }

  it("holds nothing but letters, digits, spaces, _ and -, at most 64 of them, and stays as it is", async ({
    expect,
  }) => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (name) => {
        const kept = sanitizeName(name);
        expect(kept).toMatch(/^[A-Za-z0-9 _-]{0,64}$/);
        expect(sanitizeName(kept)).toBe(kept);
      }),
    );
  });
});

describe("a request for a bot", () => {
  it("is taken as it stands", async ({ expect }) => {
    expect(CreateBotRequest.parse(BOT_REQUEST)).toEqual(BOT_REQUEST);
  });

  it("keeps a name that is fit to keep", async ({ expect }) => {
    expect(CreateBotRequest.parse({ ...BOT_REQUEST, name: " R2#D2 " }).name).toBe("R2_D2");
  });

  for (const field of Object.keys(BOT_REQUEST)) {
    it(`names ${field} where it is missing`, async ({ expect }) => {
      const { [field]: _, ...rest } = BOT_REQUEST as Record<string, unknown>;
      expect(faults(rest)).toEqual([field]);
    });
  }

  const REFUSED: [changes: Record<string, unknown>, field: string][] = [
    [{ account_id: "1" }, "account_id"],
    [{ name: "" }, "name"],
    [{ name: "   " }, "name"],
    [{ name: "x".repeat(257) }, "name"],
    [{ persona: "QuantLite" }, "persona"],
    [{ asset_focus: "Majors" }, "asset_focus"],
    [{ algorithm: "hodl" }, "algorithm"],
    [{ strictness: "extreme" }, "strictness"],
    [{ paper_mode: "true" }, "paper_mode"],
    [{ asset_focus: "custom" }, "custom_assets"],
    [{ custom_assets: ["SOL"] }, "custom_assets"],
    [{ unheard_of: 1 }, ""],
  ];
  for (const [changes, field] of REFUSED) {
    it(`refuses ${JSON.stringify(changes).slice(0, 50)}`, async ({ expect }) => {
      expect(faults({ ...BOT_REQUEST, ...changes })).toEqual([field]);
    });
  }
});

describe("a change of a bot", () => {
  const TABLE: [patch: object, taken: boolean][] = [
    [{ name: "Day Owl" }, true],
    [{ persona: "tweaker" }, true],
    [{ policies: { healing: "off" } }, true],
    [{ policies: { start: null } }, true],
    [{}, false],
    [{ name: " " }, false],
    [{ policies: { healing: "always" } }, false],
    [{ policies: { heal: "off" } }, false],
    [{ status: "online" }, false],
  ];
  for (const [patch, taken] of TABLE) {
    it(`${JSON.stringify(patch)} is ${taken ? "taken" : "refused"}`, async ({ expect }) => {
      expect(PatchBotRequest.safeParse(patch).success).toBe(taken);
    });
  }
});

function faults(request: object): string[] {
  const { error } = CreateBotRequest.safeParse(request);
  return error?.issues.map(({ path }) => path.join(".")) ?? [];
}
