/** Process death at every await of what keeps the fleet: the sweep, and the rebuild of the index. */
import { describe, it } from "vitest";
import { dropletName, dropletTags } from "../../src/naming/fleet.ts";
import { tally } from "../depth.ts";
import { dieAtEach } from "./victims.ts";
import { MINUTE, World } from "./world.ts";

const NOBODY = "99999999-0000-4000-8000-000000000009";

/** @returns how often `who` has awaited something so far */
function killAt(world: World, who: string, victim: number): () => number {
  let awaits = 0;
  world.pause = async (paused) => {
    if (paused === who && awaits++ === victim) world.kill(who);
  };
  return () => awaits;
}

/** Two bots online, a late droplet of one of them, a droplet of no bot, and strangers. */
async function messyFleet(seed: number) {
  const world = new World(seed);
  world.simulator.script.add({ on: "create_droplet", fault: "late_effect", times: 1, delay_ms: 20 * MINUTE });
  const ids = [world.createBot(), world.createBot()];
  await world.run(19 * MINUTE);
  const [first = ""] = ids;
  const { fleet } = world.bot(first);
  const orphan = world.simulator.addForeignDroplet({
    name: dropletName(fleet, NOBODY, 1),
    tags: dropletTags(fleet, NOBODY, 1),
  });
  const strangers = [
    { name: "web-1", tags: ["web"] },
    { name: `${dropletName(fleet, NOBODY, 2)}-copy`, tags: dropletTags(fleet, NOBODY, 2) },
  ].map((droplet) => world.simulator.addForeignDroplet(droplet).id);
  const wanted = () => [...ids.map((id) => world.bot(id).adopted), ...strangers].sort();
  const present = () => world.simulator.droplets().map(({ id }) => id);
  return { world, ids, orphan, wanted, present };
}

describe("process death at every await", () => {
  it("of the sweep: what is nobody's goes all the same, and nothing else does", async (test) => {
    const { expect } = test;
    const { deaths, awaits, said } = await dieAtEach(async (victim) => {
      const { world, ids, wanted, present } = await messyFleet(2000 + victim);
      const count = killAt(world, "gate", victim);
      const clean = () => JSON.stringify(present().sort()) === JSON.stringify(wanted());
      const swept = await world.run(90 * MINUTE, clean);
      expect(swept, `killed at await ${victim}: ${present()} instead of ${wanted()}`).toBe(true);
      world.pause = async () => undefined;
      await world.run(20 * MINUTE);
      expect(present().sort()).toEqual(wanted());
      expect(ids.every((id) => world.rests(id, "online"))).toBe(true);
      world.checkAnytime();
      return count() > victim;
    });
    console.log(`the sweep: ${said}`);
    tally(test, { deaths });
    expect(awaits).toBeGreaterThan(20);
  });

  it("of a rebuild of the index: in the end it shows every bot as it is", async (test) => {
    const { expect } = test;
    const { deaths, awaits, said } = await dieAtEach(async (victim) => {
      const world = new World(3000 + victim);
      const early = [world.createBot(), world.createBot()];
      await world.run(MINUTE);
      world.index.save();
      const ids = [...early, world.createBot()];
      await world.run(20 * MINUTE, () => ids.every((id) => world.rests(id, "online")));
      world.act(ids[0] ?? "", "destroy");
      await world.run(20 * MINUTE, () => world.rests(ids[0] ?? "", "destroyed"));
      await world.run(MINUTE);
      // From a database of an hour ago, which does not even know the third bot.
      expect(world.index.restoreBackup()).toBe(true);
      const count = killAt(world, "worker", victim);
      await world.rebuildIndex();
      for (const id of ids)
        expect(world.index.get(id), `killed at await ${victim}`).toMatchObject({
          status: world.bot(id).status,
          revision: world.bot(id).revision,
        });
      return count() > victim;
    });
    console.log(`the rebuild of the index: ${said}`);
    tally(test, { deaths });
    expect(awaits).toBeGreaterThan(10);
  });
});
