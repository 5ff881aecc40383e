import { describe, it } from "vitest";
import { fleetOf } from "../../../src/naming/fleet.ts";
import { dropletKind } from "../../../src/resources/droplet.ts";
import type { ResourceKind } from "../../../src/resources/kind.ts";
import { judgeOwnership, namedOwner } from "../../../src/resources/ownership.ts";
import { type ClaimHistory, judgeListed, type Standing } from "../../../src/resources/verdict.ts";
import { diskKind } from "./planted.ts";

const FLEET = fleetOf("00c0ffee");
const OTHER = fleetOf("deadbeef");
const BOT = { id: "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d", fleet: FLEET };
const KINDS = [dropletKind, diskKind] as const;
const NOW = 1_000;

function shown(kind: ResourceKind, changes: { name?: string; tags?: string[] } = {}) {
  return { name: kind.name(FLEET, BOT.id, 2), tags: kind.tags(FLEET, BOT.id, 2), ...changes };
}

describe.for(KINDS)("whose a $kind is", (kind) => {
  const other = kind === dropletKind ? diskKind : dropletKind;
  const TABLE: [string, listed: ReturnType<typeof shown>, verdict: string, owner: string | null][] = [
    ["its name and tags", shown(kind), "ours", BOT.id],
    ["its name alone", shown(kind, { tags: [] }), "ours", BOT.id],
    ["its name and people's tags", shown(kind, { tags: ["web"] }), "ours", BOT.id],
    ["another bot's tag", shown(kind, { tags: ["bot-x"] }), "contradicted", BOT.id],
    ["another fleet's tag", shown(kind, { tags: [OTHER.tag] }), "contradicted", BOT.id],
    ["another fleet's name", shown(kind, { name: kind.name(OTHER, BOT.id, 2) }), "foreign", null],
    ["a name with something behind it", shown(kind, { name: `${kind.name(FLEET, BOT.id, 2)}x` }), "foreign", null],
    ["a name with something before it", shown(kind, { name: `x${kind.name(FLEET, BOT.id, 2)}` }), "foreign", null],
    ["the same of another kind", shown(other), "foreign", null],
  ];
  it.for(TABLE)("%s", ([, listed, verdict, owner], { expect }) => {
    expect(judgeOwnership(kind, BOT, listed).verdict).toBe(verdict);
    expect(namedOwner(kind, FLEET, listed.name)).toBe(owner);
  });

  it("says of which generation", ({ expect }) => {
    expect(judgeOwnership(kind, BOT, shown(kind))).toEqual({ verdict: "ours", generation: 2 });
  });
});

describe.for(KINDS)("what a Bot makes of a listed $kind", (kind) => {
  const NOTHING: Standing = { kept: false, known: false, awaited: false };
  const NEVER: ClaimHistory = { intended: false, gone_at: null };
  const UNTAGGED = shown(kind, { tags: [] });
  const TABLE: [string, ReturnType<typeof shown>, Partial<Standing>, Partial<ClaimHistory>, object][] = [
    ["it is in use", shown(kind), { kept: true }, {}, { verdict: "mine", surplus: null }],
    ["it is removed already", shown(kind), { known: true }, {}, { verdict: "mine_stale", surplus: null }],
    ["it is awaited", shown(kind), { awaited: true }, {}, { verdict: "mine", surplus: null }],
    ["it was confirmed gone since", shown(kind), {}, { gone_at: NOW }, { verdict: "mine", surplus: null }],
    ["it was confirmed gone before", shown(kind), {}, { gone_at: NOW - 1 }, { verdict: "mine_stale", surplus: 2 }],
    ["nothing is known of it", shown(kind), {}, {}, { verdict: "mine_stale", surplus: 2 }],
    ["nothing is known, and no tag", UNTAGGED, {}, {}, { verdict: "unknown_bot", surplus: null }],
    ["no tag, but an intent", UNTAGGED, {}, { intended: true }, { verdict: "mine_stale", surplus: 2 }],
    ["its tag is another bot's", shown(kind, { tags: ["bot-x"] }), {}, {}, { verdict: "mine", surplus: null }],
  ];
  it.for(TABLE)("%s", ([, listed, standing, history, judged], { expect }) => {
    const recall = () => ({ ...NEVER, ...history });
    expect(judgeListed(kind, BOT, listed, { ...NOTHING, ...standing }, recall, NOW)).toEqual(judged);
  });
});
