import { describe, it } from "vitest";
import { MINUTE, World } from "./world.ts";

const HOUR = 60 * MINUTE;
const FLEET = Number(process.env.FLEET ?? 300);
/** From the POST until the droplet is active with an address. */
const CREATE_MS = 32_000;

describe(`a fleet of ${FLEET} bots`, () => {
  it("is made at once, as fast as DigitalOcean allows and without one 429, while people are served", async ({
    expect,
  }) => {
    const world = new World(1, { requests_kept: 200_000 });
    world.agents.beat_ms = 90_000;
    const first = world.createBot();
    await world.run(20 * MINUTE, () => world.rests(first, "online"));
    const begun = world.now;
    const before = world.simulator.requests.length;
    const ids = Array.from({ length: FLEET }, () => world.createBot());
    const waits: number[] = [];
    let online = 0;
    const allOnline = () => {
      while (online < ids.length && world.rests(ids[online] ?? "", "online")) online++;
      return online === ids.length;
    };
    while (!(await world.run(10 * MINUTE, allOnline))) {
      // A person pauses and resumes a bot while all others are being made.
      for (const action of ["pause", "resume"] as const) {
        world.act(first, action);
        const heard = () => world.bot(first).operation.power !== null;
        // What its workload takes to stop is not the budget's doing.
        await world.run(5 * MINUTE, () => heard() || world.bot(first).operation.wound_down || action === "resume");
        const asked = world.now;
        expect(await world.run(5 * MINUTE, heard)).toBe(true);
        waits.push(world.now - asked);
        await world.run(10 * MINUTE, () => world.rests(first, action === "pause" ? "paused" : "online"));
      }
      expect(world.now - begun, "it does not take for ever").toBeLessThan(24 * HOUR);
    }
    const took = world.now - begun;
    const requests = world.simulator.requests.length - before;
    const bound = Math.max((FLEET * CREATE_MS) / 10, (requests / 4_750) * HOUR);
    const slowest = waits.sort((a, b) => a - b)[Math.ceil(waits.length * 0.99) - 1] ?? 0;
    console.log(
      `${FLEET} bots online in ${(took / HOUR).toFixed(2)} h (bound ${(bound / HOUR).toFixed(2)} h), ` +
        `${(requests / FLEET).toFixed(2)} requests a bot, people waited ${slowest / 1000} s at most (p99)`,
    );
    world.checkAnytime();
    expect(world.simulator.requests.filter(({ status }) => status === 429)).toEqual([]);
    // The last create is followed by its droplet's boot.
    expect(took).toBeLessThanOrEqual(1.1 * bound + 5 * MINUTE);
    expect(slowest).toBeLessThanOrEqual(30_000);
    expect(world.simulator.droplets()).toHaveLength(FLEET + 1);

    world.agents.unreachable = true;
    await world.run(30 * MINUTE);
    world.agents.unreachable = false;
    await world.run(15 * MINUTE);
    const touched = [first, ...ids].filter((id) =>
      world
        .history(id)
        .some(({ kind, data }) => kind === "operation_requested" && "kind" in data && data.kind === "heal"),
    );
    const acted = world.simulator.requests.filter(
      ({ operation }) => operation === "droplet_action" || operation === "delete_droplet",
    );
    console.log(
      `30 min of silence of all: ${touched.length} asked to be healed, ${acted.length - 2 * (waits.length / 2)} actions`,
    );
    expect(world.simulator.counters.deletes_by_droplet.size).toBe(0);
    expect(acted.filter(({ at }) => at > begun + took)).toEqual([]);
    expect([first, ...ids].every((id) => world.rests(id, "online"))).toBe(true);
  });
});
