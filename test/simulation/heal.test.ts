import { describe, it } from "vitest";
import { MINUTE, World } from "./world.ts";

async function onlineBot(seed: number) {
  const world = new World(seed);
  const id = world.createBot();
  await world.run(10 * MINUTE, () => world.rests(id, "online"));
  const droplet = world.bot(id).adopted ?? 0;
  return { world, id, droplet };
}

function kinds(world: World, id: string): string[] {
  return world.history(id).map(({ kind }) => kind);
}

describe("healing", () => {
  it("power-cycles a droplet whose agent hangs, and hears it again", async ({ expect }) => {
    const { world, id, droplet } = await onlineBot(1);
    world.agents.freeze(droplet, "until_boot");
    expect(await world.run(4 * MINUTE, () => world.bot(id).status === "unresponsive")).toBe(true);
    expect(await world.run(10 * MINUTE, () => world.rests(id, "online"))).toBe(true);
    expect(world.bot(id).adopted).toBe(droplet);
    expect(world.simulator.requests.filter(({ operation }) => operation === "droplet_action")).toHaveLength(1);
  });

  it("switches on a droplet that another hand switched off", async ({ expect }) => {
    const { world, id, droplet } = await onlineBot(2);
    world.simulator.powerOffByHand(droplet);
    expect(await world.run(15 * MINUTE, () => world.bot(id).status === "unresponsive")).toBe(true);
    expect(await world.run(10 * MINUTE, () => world.rests(id, "online"))).toBe(true);
    expect(world.history(id)).toContainEqual(
      expect.objectContaining({ kind: "power_sent", data: { droplet_id: droplet, action: "power_on" } }),
    );
  });

  it("keeps a droplet that stays silent, as an error that says so, unless its owner allows a new one", async ({
    expect,
  }) => {
    const { world, id, droplet } = await onlineBot(3);
    world.agents.freeze(droplet, "for_good");
    expect(await world.run(30 * MINUTE, () => world.rests(id, "error"))).toBe(true);
    expect(world.bot(id).reason).toBe("heal_failed");
    expect(world.dropletsOf(id)).toHaveLength(1);
    expect(kinds(world, id)).not.toContain("droplet_delete_sent");
  });

  it("replaces it where its owner allows it, and never runs two", async ({ expect }) => {
    const { world, id, droplet } = await onlineBot(4);
    world.patch(id, { policies: { healing: "redeploy" } });
    world.agents.freeze(droplet, "for_good");
    expect(await world.run(60 * MINUTE, () => world.bot(id).generation === 2 && world.rests(id, "online"))).toBe(true);
    expect(world.dropletsOf(id)).toHaveLength(1);
    expect(kinds(world, id).indexOf("power_sent")).toBeLessThan(kinds(world, id).indexOf("replacement_begun"));
  });

  it("makes a new droplet for one that vanished, where its owner allows it", async ({ expect }) => {
    const { world, id, droplet } = await onlineBot(5);
    world.patch(id, { policies: { healing: "redeploy" } });
    world.simulator.vanish(droplet);
    expect(await world.run(60 * MINUTE, () => world.bot(id).generation === 2 && world.rests(id, "online"))).toBe(true);
  });

  it("heals twice a day at most", async ({ expect }) => {
    const { world, id, droplet } = await onlineBot(6);
    for (let outage = 0; outage < 2; outage++) {
      world.agents.freeze(droplet, "until_boot");
      expect(await world.run(20 * MINUTE, () => world.bot(id).status === "unresponsive")).toBe(true);
      expect(await world.run(20 * MINUTE, () => world.rests(id, "online"))).toBe(true);
    }
    world.agents.freeze(droplet, "until_boot");
    await world.run(6 * 60 * MINUTE);
    expect(world.bot(id).status).toBe("unresponsive");
    expect(await world.run(24 * 60 * MINUTE, () => world.rests(id, "online"))).toBe(true);
  });

  it("leaves a silent bot alone where the policy is off", async ({ expect }) => {
    const { world, id, droplet } = await onlineBot(7);
    world.patch(id, { policies: { healing: "off" } });
    world.agents.freeze(droplet, "for_good");
    await world.run(3 * 60 * MINUTE);
    expect(world.bot(id).status).toBe("unresponsive");
    expect(kinds(world, id)).not.toContain("power_sent");
  });

  it("heals nobody and deletes nothing when all fall silent at once", async ({ expect }) => {
    const world = new World(8);
    const ids = Array.from({ length: 30 }, () => world.createBot());
    expect(await world.run(60 * MINUTE, () => ids.every((id) => world.rests(id, "online")))).toBe(true);
    await world.run(2 * MINUTE);
    world.agents.unreachable = true;
    await world.run(30 * MINUTE);
    world.agents.unreachable = false;
    expect(await world.run(10 * MINUTE, () => ids.every((id) => world.rests(id, "online")))).toBe(true);
    expect(ids.filter((id) => kinds(world, id).includes("power_sent"))).toEqual([]);
    expect(world.simulator.counters.deletes_by_droplet.size).toBe(0);
  });
});
