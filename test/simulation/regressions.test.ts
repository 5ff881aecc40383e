/** What random schedules have found, told as it happens. */
import { describe, it } from "vitest";
import { runSchedule } from "./schedules.ts";
import { MINUTE, World } from "./world.ts";

describe("what random schedules have found", () => {
  it("a gate whose clock is behind the bots': they wait as long as it says, instead of asking again at once", async ({
    expect,
  }) => {
    const skews = [0, -5 * MINUTE];
    const world = new World(1, {}, { skew: () => skews.shift() ?? 5 * MINUTE });
    const asked = new Map<number, number>();
    world.pause = async (_who, where) => {
      if (where === "before permit") asked.set(world.now, (asked.get(world.now) ?? 0) + 1);
    };
    // More than may be created at a time.
    const ids = Array.from({ length: 12 }, () => world.createBot());
    expect(await world.run(30 * MINUTE, () => ids.every((id) => world.rests(id, "online")))).toBe(true);
    expect(Math.max(...asked.values())).toBeLessThanOrEqual(2 * ids.length);
  });

  it("a droplet that was switched off by hand and then deleted while it was being switched on: another is made", async ({
    expect,
  }) => {
    const world = new World(2);
    const id = world.createBot();
    await world.run(10 * MINUTE, () => world.simulator.droplets().some(({ status }) => status === "active"));
    const droplet = world.dropletsOf(id)[0]?.id ?? 0;
    world.agents.freeze(droplet, "for_good");
    await world.run(10 * MINUTE, () => world.history(id).some(({ kind }) => kind === "droplet_observed"));
    world.simulator.powerOffByHand(droplet);
    world.pause = async (_who, where) => {
      if (where === "before dropletAction" && world.simulator.droplet(droplet)) world.simulator.vanish(droplet);
    };
    expect(await world.run(60 * MINUTE, () => world.rests(id, "online"))).toBe(true);
    expect(world.bot(id).generation).toBe(2);
    const actions = world.simulator.requests.filter(({ operation }) => operation === "droplet_action");
    expect(actions.length).toBeLessThanOrEqual(3);
    world.checkAnytime();
  });

  it("a rotation that expired, was carried out all the same, and whose work was granted to the next one", async () => {
    await runSchedule(7_006_950);
  });

  it("an acknowledgement that was owed since before a boot: it says nothing of the workload that starts now", async () => {
    await runSchedule(700_975);
  });

  it("a call that fails once its process is dead: nobody hears of it", async () => {
    await runSchedule(700_193);
  });

  it("a pause between an acknowledgement and the first heartbeat: the workload runs, and has its time to stop", async () => {
    await runSchedule(811_171);
  });

  it("a redeploy that is cancelled while the workload stops: the bot is not online before it is ready again", async () => {
    await runSchedule(811_234);
  });

  it("a droplet switched off by hand while it is switched on: the bot is not online by what it said before", async () => {
    await runSchedule(245);
    await runSchedule(2_688);
  });
});
