import { describe, it } from "vitest";
import { MINUTE, World } from "./world.ts";

describe("what the index could not take", () => {
  it("is there soon after it is back, though the bot has nothing new to say", async ({ expect }) => {
    const world = new World(1);
    world.index.down = true;
    const id = world.createBot();
    expect(await world.run(10 * MINUTE, () => world.rests(id, "online"))).toBe(true);
    const { revision } = world.bot(id);
    await world.run(MINUTE);
    world.index.down = false;
    // Before the hourly audit finds the difference.
    const delivered = () => world.index.get(id)?.revision === revision;
    expect(delivered()).toBe(false);
    expect(await world.run(5 * MINUTE, delivered)).toBe(true);
    expect(world.bot(id).revision).toBe(revision);
    world.checkAnytime();
  });
});
