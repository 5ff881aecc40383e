import { describe, it } from "vitest";
import { MINUTE, World } from "./world.ts";

/** A bot in virtual time, and what a destroy by force answers. */
function forced(world: World, id: string) {
  const answer = world.forceDestroy(id);
  if (!answer.ok) throw new Error(answer.detail);
  return answer.value;
}

describe("a destroy by force", () => {
  it("ends at once, names the droplet, and removes it afterwards", async ({ expect }) => {
    const world = new World(1);
    const id = world.createBot();
    await world.run(10 * MINUTE, () => world.rests(id, "online"));
    const droplet = world.bot(id).adopted;
    const { operation, left } = forced(world, id);
    expect(operation).toMatchObject({ kind: "destroy", state: "succeeded" });
    expect(left).toEqual({ droplet_ids: [droplet], open_intents: [] });
    expect(world.bot(id)).toMatchObject({ status: "destroyed", reason: "droplet_not_confirmed_gone", agent: null });
    expect(await world.run(10 * MINUTE, () => world.bot(id).reason === "droplet_confirmed_gone")).toBe(true);
    expect(world.dropletsOf(id)).toEqual([]);
    world.checkAnytime();
  });

  it("takes over a destroy that does not get on, as the same operation, and may be repeated", async ({ expect }) => {
    const world = new World(2);
    const id = world.createBot();
    await world.run(10 * MINUTE, () => world.rests(id, "online"));
    world.simulator.script.add({ on: "delete_droplet", fault: "pending_event" });
    const asked = world.act(id, "destroy");
    await world.run(20 * MINUTE);
    expect(world.bot(id).destroyed_at).toBe(null);
    const first = forced(world, id);
    expect(asked).toMatchObject({ ok: true, value: { id: first.operation.id } });
    expect(forced(world, id)).toMatchObject({ operation: { id: first.operation.id }, left: first.left });
  });

  it("names the POST whose droplet may still come, which the sweep then finds", async ({ expect }) => {
    const world = new World(3);
    world.simulator.script.add({ on: "create_droplet", fault: "late_effect", times: 1, delay_ms: 20 * MINUTE });
    const id = world.createBot();
    await world.run(MINUTE);
    expect(forced(world, id).left.open_intents).toHaveLength(1);
    expect(await world.run(30 * MINUTE, () => world.dropletsOf(id).length === 1)).toBe(true);
    expect(await world.run(30 * MINUTE, () => world.dropletsOf(id).length === 0)).toBe(true);
    expect(world.rests(id, "destroyed")).toBe(true);
    world.checkAnytime();
  });
});
