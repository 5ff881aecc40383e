import fc from "fast-check";
import { describe, it } from "vitest";
import { botTag, dropletName, dropletTags } from "../../../src/naming/fleet.ts";
import { dropletKind } from "../../../src/resources/droplet.ts";
import { judgeOwnership } from "../../../src/resources/ownership.ts";
import { BOT_ID, FLEET } from "../bot/life.ts";

/** Shares its first eight digits with BOT_ID. */
const SIBLING = `${BOT_ID.slice(0, 8)}-1111-4111-8111-111111111111`;
const OTHER_FLEET = { prefix: "sp-deadbeef", tag: "spawnpoint-deadbeef" };
const BOT = { id: BOT_ID, fleet: FLEET };
const NAME = dropletName(FLEET, BOT_ID, 3);
const TAGS = dropletTags(FLEET, BOT_ID, 3);

function judge(name: string, tags: string[], bot = BOT) {
  return judgeOwnership(dropletKind, bot, { name, tags });
}

describe("whose a droplet is", () => {
  const TABLE: [string, name: string, tags: string[], verdict: string][] = [
    ["our name and tags", NAME, TAGS, "ours"],
    ["our name, no tags yet", NAME, [], "ours"],
    ["our name, some tags missing", NAME, ["gen-3"], "ours"],
    ["our name, and tags of other people's making", NAME, [...TAGS, "web", "env:prod"], "ours"],
    ["our name, another generation's tag", NAME, [FLEET.tag, botTag(BOT_ID), "gen-4"], "contradicted"],
    ["our name, another bot's tag", NAME, [botTag(SIBLING)], "contradicted"],
    ["our name, another fleet's tag", NAME, [OTHER_FLEET.tag], "contradicted"],
    ["our name, our tags and another bot's", NAME, [...TAGS, botTag(SIBLING)], "contradicted"],
    ["a bot that shares our first eight digits", dropletName(FLEET, SIBLING, 3), [], "foreign"],
    ["that bot under our tags", dropletName(FLEET, SIBLING, 3), TAGS, "foreign"],
    ["our bot in another fleet", dropletName(OTHER_FLEET, BOT_ID, 3), TAGS, "foreign"],
    ["our name as a beginning", `${NAME}0x`, TAGS, "foreign"],
    ["our name as an end", `x${NAME}`, TAGS, "foreign"],
    ["our name in capitals", NAME.toUpperCase(), TAGS, "foreign"],
    ["our name without a generation", NAME.replace("-g3", ""), TAGS, "foreign"],
    ["our name with a padded generation", NAME.replace("-g3", "-g03"), TAGS, "foreign"],
    ["generation zero", NAME.replace("-g3", "-g0"), [], "foreign"],
    ["our prefix alone", FLEET.prefix, TAGS, "foreign"],
    ["no name", "", TAGS, "foreign"],
  ];
  for (const [what, name, tags, verdict] of TABLE) {
    it(`${what}: ${verdict}`, async ({ expect }) => {
      expect(judge(name, tags).verdict).toBe(verdict);
    });
  }

  it("another generation of our name is ours, as that generation", async ({ expect }) => {
    expect(judge(dropletName(FLEET, BOT_ID, 30), [])).toEqual({ verdict: "ours", generation: 30 });
  });

  const generation = fc.integer({ min: 1, max: 999_999_999 });

  it("what we name is ours, in at most 63 characters, until the generation has eight digits", async ({ expect }) => {
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: 1, max: 99_999_999 }), (id, g) => {
        expect(judge(dropletName(FLEET, id, g), dropletTags(FLEET, id, g), { id, fleet: FLEET })).toEqual({
          verdict: "ours",
          generation: g,
        });
        expect(dropletName(FLEET, id, g).length).toBeLessThanOrEqual(63);
      }),
    );
  });

  it("what another bot is named is never ours, whatever its tags", async ({ expect }) => {
    const digit = fc.constantFrom(..."0123456789abcdef");
    const near = fc
      .tuple(fc.nat(35), digit)
      .map(([at, char]) => (BOT_ID[at] === "-" ? SIBLING : BOT_ID.slice(0, at) + char + BOT_ID.slice(at + 1)));
    const other = fc.oneof(fc.uuid(), near).filter((id) => id !== BOT_ID);
    fc.assert(
      fc.property(other, generation, fc.subarray(TAGS), (id, g, tags) => {
        expect(judge(dropletName(FLEET, id, g), tags).verdict).toBe("foreign");
      }),
    );
  });

  it("only the whole name is ours", async ({ expect }) => {
    fc.assert(
      fc.property(fc.string({ maxLength: 4 }), fc.string({ maxLength: 4 }), (before, after) => {
        fc.pre(before + after !== "" && !/^[0-9]*$/.test(after));
        expect(judge(before + NAME + after, TAGS).verdict).toBe("foreign");
      }),
    );
  });
});
