/** How soon a loss is seen, and what is never taken for one. */
import { describe, it } from "vitest";
import { MINUTE, World } from "./world.ts";

const SECOND = 1000;
const WORLDS = 40;

type Transport = "channel" | "http";

/** A bot that has been online for a moment or for minutes: what is stored of it may be fresh or old. */
async function steady(seed: number, transport: Transport) {
  const world = new World(seed);
  world.agents.channels = transport === "channel" ? 1 : 0;
  const id = world.createBot();
  await world.run(10 * MINUTE, () => world.rests(id, "online"));
  await world.run(Math.floor(world.random() * 6 * MINUTE));
  return { world, id, droplet: world.bot(id).adopted ?? 0 };
}

function silences(world: World, id: string): number {
  return world.history(id).filter(({ kind }) => kind === "agent_silent").length;
}

describe.for<Transport>(["channel", "http"])("over %s", (transport) => {
  it.for([
    ["two lost beats", (world: World) => loseBeats(world, 59 * SECOND)],
    ["an outage of ours of 45 s", (world: World) => loseBeats(world, 45 * SECOND)],
    ["a reset of every object", async (world: World) => world.deploy()],
    [
      "three resets in a row",
      async (world: World) => {
        for (let nth = 0; nth < 3; nth++) {
          world.deploy();
          await world.run(40 * SECOND);
        }
      },
    ],
    [
      "the end of all WebSockets",
      async (world: World) => {
        world.agents.channels = 0;
        for (const host of world.hosts.values())
          for (const socket of host.sockets.open("agent")) host.disconnect(socket);
      },
    ],
    [
      "an outage with a reset at its end",
      async (world: World) => {
        await loseBeats(world, 45 * SECOND);
        world.deploy();
      },
    ],
  ] as const)("nobody is called unresponsive after %s", async ([, happens], { expect }) => {
    for (let seed = 1; seed <= WORLDS; seed++) {
      const { world, id } = await steady(seed, transport);
      await happens(world);
      await world.run(10 * MINUTE);
      expect(silences(world, id), `seed ${seed}`).toBe(0);
      world.checkAnytime();
    }
  });
});

async function loseBeats(world: World, forMs: number): Promise<void> {
  world.agents.unreachable = true;
  await world.run(forMs);
  world.agents.unreachable = false;
}

describe("an agent that could not be heard for three minutes", () => {
  it.for<Transport>(["channel", "http"])("comes back by itself, over %s", async (transport, { expect }) => {
    const { world, id, droplet } = await steady(1, transport);
    world.patch(id, { policies: { healing: "off" } });
    await loseBeats(world, 3 * MINUTE);
    expect(world.bot(id).status).toBe("unresponsive");
    expect(await world.run(2 * MINUTE, () => world.rests(id, "online"))).toBe(true);
    expect(world.bot(id).adopted).toBe(droplet);
  });
});

describe("a true loss is seen", () => {
  it.for([
    ["of an agent whose channel was closed", "channel", true, 50],
    ["of one whose channel stays half open", "channel", false, 95],
    ["of one that spoke over HTTP", "http", false, 155],
  ] as const)("%s, in time", async ([, transport, clean, within_s], { expect }) => {
    let slowest_ms = 0;
    for (let seed = 1; seed <= WORLDS; seed++) {
      const { world, id, droplet } = await steady(seed, transport);
      world.agents.freeze(droplet, "for_good");
      if (clean) for (const socket of world.host(id).sockets.open("agent")) world.host(id).disconnect(socket);
      const lost = world.now;
      expect(await world.run(10 * MINUTE, () => silences(world, id) > 0)).toBe(true);
      slowest_ms = Math.max(slowest_ms, world.now - lost);
    }
    console.log(`over ${transport}, ${clean ? "closed" : "silent"}: seen after ${slowest_ms / SECOND} s at most`);
    expect(slowest_ms).toBeLessThanOrEqual(within_s * SECOND);
  });
});
