import { describe, it } from "vitest";
import { claim } from "../../../src/bot/calls/maintenance.ts";
import { type Claim, judgeClaim } from "../../../src/bot/reconcile/claim.ts";
import { dropletName, dropletTags } from "../../../src/naming/fleet.ts";
import type { ProviderDroplet } from "../../../src/provider/schema.ts";
import type { ClaimHistory } from "../../../src/resources/verdict.ts";
import { BOT_ID, FLEET, HOUR, inWords, Life, MINUTE } from "./life.ts";
import { stored } from "./stored.ts";

const NEVER: ClaimHistory = { intended: false, gone_at: null };

function shown(life: Life, changes: Partial<ProviderDroplet> = {}, generation = life.bot.generation): ProviderDroplet {
  const name = dropletName(FLEET, BOT_ID, generation);
  const tags = dropletTags(FLEET, BOT_ID, generation);
  return { id: 9_001, name, tags, status: "active", ip_address: "203.0.113.9", ...changes };
}

function inOneWord({ verdict, found }: Claim): string {
  return found ? `${verdict}, recorded` : verdict;
}

describe("whose a listed droplet is", () => {
  const cases: {
    name: string;
    life?: () => Life;
    droplet?: (life: Life) => ProviderDroplet;
    history?: Partial<ClaimHistory>;
    is: string;
  }[] = [
    { name: "the one that it lives on", droplet: (life) => shown(life, { id: life.droplet.id }), is: "mine" },
    {
      name: "the one that it lives on, its tags still missing",
      droplet: (life) => shown(life, { id: life.droplet.id, tags: [] }),
      is: "mine",
    },
    { name: "a second one with its name and tags", is: "mine_stale, recorded" },
    { name: "one of an older generation", droplet: (life) => shown(life, {}, 7), is: "mine_stale, recorded" },
    {
      name: "one that it removes already",
      life: () => {
        const life = new Life().online();
        return life.tell({ kind: "droplet_found", data: { droplet: life.facts({ id: 9_001 }), via: "name" } });
      },
      is: "mine_stale",
    },
    {
      name: "untagged, with a name that it once asked for",
      droplet: (life) => shown(life, { tags: [] }),
      history: { intended: true },
      is: "mine_stale, recorded",
    },
    {
      name: "untagged, with a name that it never asked for",
      droplet: (life) => shown(life, { tags: ["web"] }),
      is: "unknown_bot",
    },
    { name: "what its unanswered POST may have made", life: () => new Life().posted().unanswered(), is: "mine" },
    {
      name: "whose agent has come before the answer",
      life: () => {
        const life = new Life().posted().unanswered();
        life.tell({ kind: "registration_claimed", data: { intent_id: life.intentId, droplet_id: 9_001 } });
        return life.tell({ kind: "intent_absent", data: { intent_id: life.intentId } });
      },
      is: "mine",
    },
    {
      name: "what a POST that was given up made after all",
      life: () => {
        const life = new Life().posted().unanswered();
        return life.tell({ kind: "intent_absent", data: { intent_id: life.intentId } });
      },
      history: { intended: true },
      is: "mine_stale, recorded",
    },
    { name: "one for a destroyed bot", life: () => new Life().online().destroyed(), is: "mine_stale, recorded" },
    {
      name: "one that was confirmed gone after the listing had begun",
      history: { gone_at: Number.MAX_SAFE_INTEGER },
      is: "mine",
    },
    {
      name: "one that is listed again after it was confirmed gone",
      history: { gone_at: 0 },
      is: "mine_stale, recorded",
    },
    {
      name: "its name with another bot's tag",
      droplet: (life) => shown(life, { tags: [FLEET.tag, "bot-of-somebody-else"] }),
      is: "mine",
    },
    {
      name: "its name with another fleet's tag",
      droplet: (life) => shown(life, { tags: ["spawnpoint-deadbeef"] }),
      is: "mine",
    },
    { name: "another fleet's name", droplet: (life) => shown(life, { name: "sp-deadbeef-x-g1" }), is: "mine" },
  ];
  for (const { name, life: lived = () => new Life().online(), droplet = shown, history = {}, is } of cases) {
    it(`says ${is} of: ${name}`, ({ expect }) => {
      const life = lived();
      expect(inOneWord(judgeClaim(life.bot, droplet(life), () => ({ ...NEVER, ...history }), life.now))).toBe(is);
    });
  }
});

describe("a Bot that is asked", () => {
  const TABLE: [string, kind: string | undefined, verdict: string, noted: number][] = [
    ["about a droplet", "droplet", "mine_stale", 1],
    ["without a kind, as the release before asks", undefined, "mine_stale", 1],
    ["about a kind that it does not know", "volume", "mine", 0],
  ];
  it.for(TABLE)("%s", ([, kind, verdict, noted], { expect }) => {
    const life = new Life().online();
    const shell = stored(life);
    const request = { droplet: shown(life), listed_ms_ago: 0, dry_run: false };
    expect(claim(shell, kind === undefined ? request : { ...request, kind })).toBe(verdict);
    expect(shell.present().bot.droplets.length).toBe(1 + noted);
  });
});

describe("a paused bot with a late droplet", () => {
  it("stays paused when the late one is seen to run", ({ expect }) => {
    const life = new Life().paused();
    const late = life.facts({ id: 9_001, status: "active", ip_address: "203.0.113.9" });
    life.tell({ kind: "droplet_found", data: { droplet: late, via: "sweep" } });
    life.tell({ kind: "droplet_observed", data: { droplet: late, via: "id" } });
    expect(life.bot).toMatchObject({ status: "paused", start_held: false });
  });
});

describe("a destroyed bot with a late droplet", () => {
  it("removes it after a quarantine and stays destroyed", ({ expect }) => {
    const life = new Life().online().destroyed().wait(HOUR);
    const since = life.bot.since;
    expect(life.decide()).toEqual({ settled: true });
    life.tell({ kind: "droplet_found", data: { droplet: life.facts({ id: 9_001, status: "active" }), via: "sweep" } });
    expect(inWords(life.decide(), life.now)).toBe("wait 60000 surplus_quarantine");
    life.wait(MINUTE);
    expect(inWords(life.decide(), life.now)).toBe("do delete_droplet:9001");
    life.tell({ kind: "droplet_delete_sent", data: { droplet_id: 9_001 } });
    expect(life.bot).toMatchObject({ status: "destroyed", since, operation: { state: "succeeded" } });
    life.gone(9_001);
    expect(life.decide()).toEqual({ settled: true });
    expect(life.bot).toMatchObject({ status: "destroyed", since, droplets: [] });
  });
});
