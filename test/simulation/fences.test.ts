import { describe, it } from "vitest";
import { MINUTE, World } from "./world.ts";

/** Runs `meanwhile` once, at the first await of this name at which `when` holds. */
function at(world: World, where: string, meanwhile: (id: string) => void, when: (id: string) => boolean = () => true) {
  let done = false;
  world.pause = async (id, reached) => {
    if (done || reached !== where || !when(id)) return;
    done = true;
    meanwhile(id);
  };
}

async function onlineBot(seed: number) {
  const world = new World(seed);
  const id = world.createBot();
  await world.run(10 * MINUTE, () => world.rests(id, "online"));
  return { world, id };
}

describe("what happens while a permit is awaited", () => {
  it("counts: a destroyed bot's droplet is not asked for", async ({ expect }) => {
    const world = new World(1);
    // By then the gate knows whose token it is: the first permit is granted.
    await world.run(MINUTE);
    at(world, "after permit", (id) => world.act(id, "destroy"));
    const id = world.createBot();
    expect(await world.run(10 * MINUTE, () => world.rests(id, "destroyed"))).toBe(true);
    expect(world.simulator.counters.creates).toBe(0);
    world.checkAnytime();
  });

  it("counts: a heal does not power-cycle a droplet that a person has asked to pause", async ({ expect }) => {
    const { world, id } = await onlineBot(2);
    const droplet = world.bot(id).adopted ?? 0;
    world.agents.freeze(droplet, "for_good");
    at(
      world,
      "after permit",
      () => world.act(id, "pause"),
      // It has looked at the droplet: what comes next is the power cycle.
      () => {
        const { bot, rt } = world.host(id).shell.present();
        return bot.operation.kind === "heal" && (rt.done[`get_droplet:${droplet}`] ?? 0) > bot.operation.started_at;
      },
    );
    expect(await world.run(30 * MINUTE, () => world.rests(id, "paused"))).toBe(true);
    expect(world.history(id)).toContainEqual(expect.objectContaining({ kind: "operation_cancelled" }));
    expect(world.history(id)).not.toContainEqual(
      expect.objectContaining({ data: expect.objectContaining({ action: "power_cycle" }) }),
    );
  });
});

describe("what happens while a call is under way", () => {
  it("is kept: an agent that was heard meanwhile stays heard", async ({ expect }) => {
    const { world, id } = await onlineBot(3);
    const { shell } = world.host(id);
    at(world, "after getDroplet", () => shell.note({ ...shell.present().rt, last_seen_at: world.now + 7 }));
    const heard = world.now;
    world.act(id, "pause");
    await world.run(5_000);
    expect(shell.present().rt.last_seen_at).toBeGreaterThanOrEqual(heard + 7);
  });

  it("does not undo what the call teaches: the droplet of a pre-empted create is known by its 202", async ({
    expect,
  }) => {
    const world = new World(4);
    at(world, "before createDroplet", (id) => world.act(id, "destroy"));
    const id = world.createBot();
    expect(await world.run(30 * MINUTE, () => world.rests(id, "destroyed"))).toBe(true);
    expect(world.history(id)).toContainEqual(
      expect.objectContaining({ kind: "intent_adopted", data: expect.objectContaining({ via: "post" }) }),
    );
    expect(world.dropletsOf(id)).toEqual([]);
  });
});

describe("a process that dies right after a call", () => {
  it("knows of its DELETE, and sends no second one", async ({ expect }) => {
    const { world, id } = await onlineBot(5);
    at(world, "after deleteDroplet", () => world.host(id).die());
    world.act(id, "destroy");
    expect(await world.run(30 * MINUTE, () => world.rests(id, "destroyed"))).toBe(true);
    expect(world.simulator.requests.filter(({ operation }) => operation === "delete_droplet")).toHaveLength(1);
  });

  it("knows of its power action, and waits for it instead of repeating it", async ({ expect }) => {
    const { world, id } = await onlineBot(6);
    at(world, "after dropletAction", () => world.host(id).die());
    world.act(id, "pause");
    expect(await world.run(30 * MINUTE, () => world.rests(id, "paused"))).toBe(true);
    expect(world.simulator.requests.filter(({ operation }) => operation === "droplet_action")).toHaveLength(1);
  });
});

describe("a credential that is revoked", () => {
  it("takes its channel with it, before the droplet goes", async ({ expect }) => {
    const world = new World(7);
    world.agents.channels = 1;
    const id = world.createBot();
    const { sockets } = world.host(id);
    const channels = () => sockets.open("agent").length;
    expect(await world.run(10 * MINUTE, () => world.rests(id, "online") && channels() === 1)).toBe(true);
    const left: number[] = [];
    at(world, "before deleteDroplet", () => left.push(channels()));
    world.act(id, "redeploy");
    expect(await world.run(10 * MINUTE, () => world.bot(id).generation === 2)).toBe(true);
    expect(left).toEqual([0]);
  });
});
