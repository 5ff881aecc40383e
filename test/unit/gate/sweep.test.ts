import { describe, it } from "vitest";
import { dropletName, dropletTags, fleetOf } from "../../../src/naming/fleet.ts";
import {
  judgeDeletions,
  judgeFinding,
  type Kinship,
  kinshipOf,
  noteFinding,
  type Orphan,
} from "../../../src/provider/gate/sweep.ts";
import type { ProviderDroplet } from "../../../src/provider/schema.ts";
import { dropletKind } from "../../../src/resources/droplet.ts";

const FLEET = fleetOf("00c0ffee");
const OTHER = fleetOf("deadbeef");
const BOT = "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";
const NAME = dropletName(FLEET, BOT, 1);
const TAGS = dropletTags(FLEET, BOT, 1);
const MINUTE = 60_000;
const NOW = 1_800_000_000_000;

function droplet(name: string, tags: string[], id = 1): ProviderDroplet {
  return { id, name, tags, status: "active", ip_address: null };
}

describe("whether a droplet is ours", () => {
  const cases: { what: string; name: string; tags: string[]; is: string }[] = [
    { what: "our name and all tags", name: NAME, tags: TAGS, is: "ours" },
    { what: "our name and the fleet's tag alone", name: NAME, tags: [FLEET.tag], is: "ours" },
    { what: "our name, tags of people beside ours", name: NAME, tags: [...TAGS, "web", "env:prod"], is: "ours" },
    { what: "our name without a tag", name: NAME, tags: [], is: "ours, untagged" },
    { what: "our name with another bot's tag", name: NAME, tags: [FLEET.tag, "bot-x"], is: "contradicted" },
    { what: "our name with another generation's tag", name: NAME, tags: [FLEET.tag, "gen-2"], is: "contradicted" },
    { what: "our name with another fleet's tag", name: NAME, tags: [OTHER.tag], is: "contradicted" },
    { what: "our tag on any other name", name: "web-1", tags: [FLEET.tag], is: "contradicted" },
    { what: "our prefix and nothing like a bot", name: `${FLEET.prefix}-web`, tags: [], is: "foreign" },
    { what: "our name with something behind it", name: `${NAME}-copy`, tags: [], is: "foreign" },
    { what: "our name with something before it", name: `x${NAME}`, tags: [], is: "foreign" },
    { what: "our name in capitals", name: NAME.toUpperCase(), tags: [], is: "foreign" },
    { what: "a generation with leading zeros", name: NAME.replace(/1$/, "01"), tags: [], is: "foreign" },
    { what: "another fleet's name and tags", name: dropletName(OTHER, BOT, 1), tags: [OTHER.tag], is: "foreign" },
  ];
  for (const { what, name, tags, is } of cases) {
    it(`takes ${what} for ${is}`, ({ expect }) => {
      const kin = kinshipOf(dropletKind, FLEET, droplet(name, tags));
      expect(kin.kind === "ours" && !kin.tagged ? "ours, untagged" : kin.kind).toBe(is);
      if (kin.kind === "ours") expect(kin.bot_id).toBe(BOT);
    });
  }
});

describe("what follows from a bot's answer", () => {
  const tagged: Kinship = { kind: "ours", bot_id: BOT, tagged: true };
  const cases: { what: string; state: string | null; finding: ReturnType<typeof judgeFinding> }[] = [
    { what: "its own", state: null, finding: judgeFinding(tagged, "mine", false) },
    { what: "a bot that cannot be asked", state: null, finding: judgeFinding(tagged, null, false) },
    { what: "one that the bot removes", state: "stale", finding: judgeFinding(tagged, "mine_stale", true) },
    { what: "a bot that nobody knows", state: "quarantined", finding: judgeFinding(tagged, "unknown_bot", false) },
    { what: "a bot that only the index knows", state: "found", finding: judgeFinding(tagged, "unknown_bot", true) },
    {
      what: "an untagged one of no bot",
      state: "found",
      finding: judgeFinding({ ...tagged, tagged: false }, "unknown_bot", false),
    },
    {
      what: "one whose name and tags disagree",
      state: "found",
      finding: judgeFinding({ kind: "contradicted", bot_id: BOT }, "unknown_bot", false),
    },
    { what: "a stranger's", state: null, finding: judgeFinding({ kind: "foreign" }, "unknown_bot", false) },
  ];
  for (const { what, state, finding } of cases) {
    it(`records ${what} as ${state ?? "nothing"}`, ({ expect }) => {
      expect(finding?.state ?? null).toBe(state);
    });
  }
});

function orphan(changes: Partial<Orphan> = {}): Orphan {
  return {
    id: 1,
    name: NAME,
    bot_id: BOT,
    state: "quarantined",
    why: "there is no bot of its name",
    since: NOW - 15 * MINUTE,
    listed_at: NOW,
    inventories: 2,
    ...changes,
  };
}

function many(count: number): Orphan[] {
  return Array.from({ length: count }, (_, index) => orphan({ id: index + 1, since: NOW - 20 * MINUTE + index }));
}

describe("what is deleted", () => {
  const cases: { what: string; orphans: Orphan[]; ours?: number; deletes: number[]; held?: boolean }[] = [
    { what: "one that was unclaimed for 15 minutes", orphans: [orphan()], deletes: [1] },
    { what: "not a minute earlier", orphans: [orphan({ since: NOW - 14 * MINUTE })], deletes: [] },
    { what: "not after a single inventory", orphans: [orphan({ inventories: 1 })], deletes: [] },
    { what: "not what this inventory does not show", orphans: [orphan({ listed_at: NOW - 1 })], deletes: [] },
    { what: "not what is only reported", orphans: [orphan({ state: "found" })], deletes: [] },
    { what: "not what its bot removes", orphans: [orphan({ state: "stale" })], deletes: [] },
    {
      what: "again what did not go within ten minutes",
      orphans: [orphan({ state: "deleted", since: NOW - 10 * MINUTE })],
      deletes: [1],
    },
    {
      what: "not again what was deleted just now",
      orphans: [orphan({ state: "deleted", since: NOW - 9 * MINUTE })],
      deletes: [],
    },
    { what: "two at most in a small fleet, oldest first", orphans: many(5), ours: 150, deletes: [1, 2] },
    { what: "one percent at most in a large one", orphans: many(20), ours: 500, deletes: [1, 2, 3, 4, 5] },
    { what: "two of two: a fleet may be that small", orphans: many(2), ours: 2, deletes: [1, 2] },
    { what: "nothing beyond five percent", orphans: many(6), ours: 100, deletes: [], held: true },
    { what: "nothing where all are unclaimed", orphans: many(3), ours: 3, deletes: [], held: true },
  ];
  for (const { what, orphans, ours = 100, deletes, held = false } of cases) {
    it(what, ({ expect }) => {
      const inventory = { began_at: NOW, resources: orphans.map(({ id }) => droplet(NAME, TAGS, Number(id))) };
      const judged = judgeDeletions(dropletKind, orphans, ours, inventory, NOW);
      expect(judged.ids).toEqual(deletes);
      expect(judged.held !== null).toBe(held);
    });
  }

  it("begins its quarantine anew when something else was said meanwhile, and counts each inventory once", ({
    expect,
  }) => {
    const quarantined = { state: "quarantined", why: "there is no bot of its name" } as const;
    const stale = { state: "stale", why: "removed by its bot" } as const;
    const seen = droplet(NAME, TAGS);
    const first = noteFinding(null, seen, BOT, quarantined, NOW);
    expect(first).toMatchObject({ since: NOW, inventories: 1 });
    expect(noteFinding(first, seen, BOT, quarantined, NOW)).toMatchObject({ since: NOW, inventories: 1 });
    const second = noteFinding(first, seen, BOT, quarantined, NOW + 5 * MINUTE);
    expect(second).toMatchObject({ since: NOW, inventories: 2 });
    const interrupted = noteFinding(second, seen, BOT, stale, NOW + 10 * MINUTE);
    const anew = noteFinding(interrupted, seen, BOT, quarantined, NOW + 15 * MINUTE);
    expect(anew).toMatchObject({ since: NOW + 15 * MINUTE, inventories: 1 });
  });
});
