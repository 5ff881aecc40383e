import { describe, it } from "vitest";
import { MINUTE, World } from "./world.ts";

describe("a bot in virtual time", () => {
  it("goes from accepted to online, paused, online, redeployed and destroyed, with the droplets that each needs", async ({
    expect,
  }) => {
    const world = new World(1);
    const stranger = world.simulator.addForeignDroplet({ name: "somebody-elses", tags: ["web"] });
    const id = world.createBot();
    expect(world.bot(id).status).toBe("pending");

    expect(await world.run(10 * MINUTE, () => world.rests(id, "online"))).toBe(true);
    expect(world.dropletsOf(id)).toHaveLength(1);
    expect(world.bot(id).operation).toMatchObject({ kind: "create", state: "succeeded" });

    expect(world.act(id, "pause").ok).toBe(true);
    expect(await world.run(5 * MINUTE, () => world.rests(id, "paused"))).toBe(true);
    expect(world.dropletsOf(id)).toMatchObject([{ status: "off", powered: false }]);

    expect(world.act(id, "resume").ok).toBe(true);
    expect(await world.run(5 * MINUTE, () => world.rests(id, "online"))).toBe(true);

    const [before] = world.dropletsOf(id);
    expect(world.act(id, "redeploy").ok).toBe(true);
    expect(world.bot(id).status).toBe("provisioning");
    expect(await world.run(10 * MINUTE, () => world.rests(id, "online"))).toBe(true);
    expect(world.bot(id).generation).toBe(2);
    const [after, ...others] = world.dropletsOf(id);
    expect(others).toEqual([]);
    expect(after?.id).not.toBe(before?.id);

    expect(world.act(id, "destroy").ok).toBe(true);
    expect(await world.run(10 * MINUTE, () => world.rests(id, "destroyed"))).toBe(true);
    await world.run(1 * MINUTE);
    expect(world.simulator.droplets().map(({ id }) => id)).toEqual([stranger.id]);
    expect(world.host(id).alarmAt).toBe(null);
    expect(world.index.get(id)?.status).toBe("destroyed");
    world.checkAnytime();
  });
});
