import { describe, it } from "vitest";
import type { Finished } from "../../../src/bot/reconcile/effects.ts";
import type { ProviderDroplet } from "../../../src/provider/schema.ts";
import { FLEET, Life, MINUTE, SECOND } from "./life.ts";

type Subject = Extract<Finished, { kind: "list" }>["subject"];

/** What a listing that began a second ago teaches. */
function listed(life: Life, subject: Subject, droplets: ProviderDroplet[], how: "name" | "tag" | "list" = "name") {
  const outcome = { kind: "ok", value: { began_at: life.now - SECOND, droplets } } as const;
  return life.learn({ kind: "list", how, subject, outcome }, SECOND);
}

function shown(life: Life, id: number, more: Partial<ProviderDroplet> = {}): ProviderDroplet {
  const { name } = life.facts();
  return { id, name, status: "active", tags: [], ip_address: null, ...more };
}

describe("a look for an unanswered POST", () => {
  const looking = () => new Life().posted().wait(MINUTE).unanswered();
  const POST = { intent_id: "intent-1-g1" };

  it("that finds nothing counts as a look from when it began", async ({ expect }) => {
    const life = looking();
    expect(listed(life, POST, [])).toEqual([
      { kind: "intent_looked", data: { ...POST, how: "name", began_at: life.now - SECOND, found: [] } },
    ]);
  });

  it("that fails counts for nothing", async ({ expect }) => {
    const outcome = { kind: "unknown", detail: "page 2 failed" } as const;
    expect(looking().learn({ kind: "list", how: "name", subject: POST, outcome })).toEqual([]);
  });

  it("that finds the droplet adopts it", async ({ expect }) => {
    const life = looking();
    life.tell(...listed(life, POST, [shown(life, 2001)]));
    expect(life.bot).toMatchObject({
      adopted: 2001,
      intents: [{ state: "adopted" }],
      droplets: [{ id: 2001, seen_by_id: false }],
    });
  });

  it("that shows thousands keeps some in mind, and the others until they are gone", async ({ expect }) => {
    const life = looking();
    const thousands = Array.from({ length: 5_000 }, (_, n) => shown(life, 3_000 + n));
    const events = listed(life, POST, thousands);
    expect(events.length).toBeLessThan(20);
    life.tell(...events);
    expect(life.bot).toMatchObject({ adopted: 3_000 });
    expect(life.bot.droplets).toHaveLength(16);
    expect(listed(life, { droplet_id: 3_001 }, thousands).map(({ kind }) => kind)).toEqual(["droplet_observed"]);
  });

  it("that finds two adopts the lowest number, and keeps the other in mind for removal", async ({ expect }) => {
    const life = looking();
    life.tell(...listed(life, POST, [shown(life, 2002), shown(life, 2001)]));
    expect(life.bot.adopted).toBe(2001);
    expect(life.bot.droplets.map(({ id }) => id)).toEqual([2001, 2002]);
  });

  it("that finds one of another generation does not adopt it, but knows it from now on", async ({ expect }) => {
    const life = looking();
    const old = shown(life, 2003, { name: life.facts({ generation: 7 }).name });
    life.tell(...listed(life, POST, [old], "tag"));
    expect(life.bot).toMatchObject({
      adopted: null,
      intents: [{ state: "open" }],
      droplets: [{ id: 2003, generation: 7 }],
    });
  });

  it("passes over what is somebody else's, by name or by tag", async ({ expect }) => {
    const life = looking();
    const others = [
      shown(life, 1, { name: "web-1" }),
      shown(life, 2, { tags: ["bot-somebody"] }),
      shown(life, 3, { name: `${life.facts().name}x` }),
    ];
    expect(listed(life, POST, others, "list")).toMatchObject([{ kind: "intent_looked", data: { found: [] } }]);
  });
});

describe("a listing after a DELETE", () => {
  const SUBJECT = { droplet_id: 1001 };
  const deleted = () => new Life().online().requested("destroy").wait(MINUTE);

  it("without the droplet is evidence from when it began", async ({ expect }) => {
    const life = deleted();
    for (const how of ["name", "tag"] as const) {
      expect(listed(life, SUBJECT, [], how)).toEqual([
        { kind: "droplet_missing", data: { droplet_id: 1001, how, began_at: life.now - SECOND } },
      ]);
    }
  });

  it("with the droplet undoes what seemed missing", async ({ expect }) => {
    const life = deleted().missing("id").missing("name");
    life.tell(...listed(life, SUBJECT, [shown(life, 1001, { tags: [FLEET.tag] })], "tag"));
    expect(life.droplet.missing).toEqual({ by_id: [], by_name: null, by_tag: null });
  });

  it("finds droplets of ours that nobody knew of", async ({ expect }) => {
    const life = deleted();
    life.tell(...listed(life, SUBJECT, [shown(life, 3001)], "tag"));
    expect(life.bot.droplets.map(({ id }) => id)).toEqual([1001, 3001]);
    expect(life.bot.adopted).toBe(1001);
  });
});
