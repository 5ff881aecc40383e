import { describe, it } from "vitest";
import { dropletName, dropletTags } from "../../src/naming/fleet.ts";
import { uuid } from "./host.ts";
import { MINUTE, World } from "./world.ts";

const NOBODY = "99999999-0000-4000-8000-000000000009";

describe("the sweep", () => {
  it("removes a droplet that came long after its POST was given up, within 30 minutes", async ({ expect }) => {
    const world = new World(1);
    world.simulator.script.add({ on: "create_droplet", fault: "late_effect", times: 1, delay_ms: 20 * MINUTE });
    const id = world.createBot();
    expect(await world.run(15 * MINUTE, () => world.rests(id, "online"))).toBe(true);
    const kept = world.bot(id).adopted;
    expect(await world.run(30 * MINUTE, () => world.dropletsOf(id).length === 2)).toBe(true);
    const came = world.now;
    expect(await world.run(30 * MINUTE, () => world.dropletsOf(id).length === 1)).toBe(true);
    console.log(`late droplet removed after ${Math.round((world.now - came) / MINUTE)} min`);
    expect(world.dropletsOf(id).map((droplet) => droplet.id)).toEqual([kept]);
    expect(world.rests(id, "online")).toBe(true);
    world.checkAnytime();
  });

  it("removes what comes for a bot that is destroyed already, which stays destroyed", async ({ expect }) => {
    const world = new World(2);
    world.simulator.script.add({ on: "create_droplet", fault: "late_effect", times: 1, delay_ms: 25 * MINUTE });
    const id = world.createBot();
    await world.run(1 * MINUTE);
    world.act(id, "destroy");
    expect(await world.run(15 * MINUTE, () => world.rests(id, "destroyed"))).toBe(true);
    expect(await world.run(30 * MINUTE, () => world.dropletsOf(id).length === 1)).toBe(true);
    expect(await world.run(30 * MINUTE, () => world.dropletsOf(id).length === 0)).toBe(true);
    await world.run(10 * MINUTE);
    expect(world.rests(id, "destroyed")).toBe(true);
    expect(world.host(id).alarmAt).toBe(null);
    expect(world.gate.orphans().orphans).toEqual([]);
    world.checkAnytime();
  });

  it("quarantines what belongs to no bot, and deletes it after 15 minutes", async ({ expect }) => {
    const world = new World(3);
    const id = world.createBot();
    await world.run(10 * MINUTE, () => world.rests(id, "online"));
    const { fleet } = world.bot(id);
    const orphan = world.simulator.addForeignDroplet({
      name: dropletName(fleet, NOBODY, 1),
      tags: dropletTags(fleet, NOBODY, 1),
    });
    expect(
      await world.run(6 * MINUTE, () => world.gate.orphans().orphans.some(({ state }) => state === "quarantined")),
    ).toBe(true);
    await world.run(13 * MINUTE);
    expect(world.simulator.droplet(orphan.id)).toBeDefined();
    expect(await world.run(10 * MINUTE, () => world.simulator.droplet(orphan.id) === undefined)).toBe(true);
    expect(world.gate.orphans().orphans).toMatchObject([{ droplet_id: orphan.id, state: "deleted" }]);
    expect(world.rests(id, "online")).toBe(true);
  });

  it("leaves other fleets, near names and untagged strangers alone", async ({ expect }) => {
    const world = new World(4);
    const id = world.createBot();
    await world.run(10 * MINUTE, () => world.rests(id, "online"));
    const { fleet } = world.bot(id);
    const other = { prefix: "sp-deadbeef", tag: "spawnpoint-deadbeef" };
    const strangers = [
      { name: dropletName(other, NOBODY, 1), tags: dropletTags(other, NOBODY, 1) },
      { name: `${fleet.prefix}-web`, tags: [fleet.tag] },
      { name: dropletName(fleet, NOBODY, 1), tags: [] },
      { name: dropletName(fleet, NOBODY, 2), tags: [fleet.tag, "bot-of-somebody-else"] },
      { name: `${dropletName(fleet, NOBODY, 3)}-copy`, tags: dropletTags(fleet, NOBODY, 3) },
    ].map((droplet) => world.simulator.addForeignDroplet(droplet).id);
    await world.run(120 * MINUTE);
    expect(strangers.filter((stranger) => world.simulator.droplet(stranger) === undefined)).toEqual([]);
    const { orphans } = world.gate.orphans();
    expect(orphans.map(({ state }) => state)).toEqual(["found", "found", "found", "found"]);
  });

  it("deletes nothing when very many are unclaimed at once", async ({ expect }) => {
    const world = new World(5);
    const id = world.createBot();
    await world.run(10 * MINUTE, () => world.rests(id, "online"));
    const { fleet } = world.bot(id);
    for (let n = 0; n < 3; n++) {
      const nobody = uuid(world.random);
      world.simulator.addForeignDroplet({ name: dropletName(fleet, nobody, 1), tags: dropletTags(fleet, nobody, 1) });
    }
    await world.run(120 * MINUTE);
    expect(world.simulator.droplets()).toHaveLength(4);
    expect(world.gate.orphans().last?.held).toBe("3 of 4 droplets are unclaimed");
  });
});
