import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "vitest";
import { openIntent } from "../../src/bot/model/state.ts";
import { lastHeardAt } from "../../src/bot/reconcile/decision.ts";
import { openVault, parseKeyring } from "../../src/secrets/vault.ts";
import { heldIn, parseObject, type StoredObject } from "../fixtures/objects.ts";
import { testSecrets } from "../worker/settings.ts";
import { AgentCommands } from "./agent-commands.ts";
import type { Host } from "./host.ts";
import { comeToRest } from "./rest.ts";
import { MINUTE, START, World } from "./world.ts";

const OBJECTS = join(import.meta.dirname, "../fixtures/objects");
const vault = openVault(parseKeyring(testSecrets.ENCRYPTION_KEYS), (count) => new Uint8Array(count).fill(1));

/** What the agent has carried out, and the object has heard of. */
function done({ shell }: Host): AgentCommands {
  const commands = new AgentCommands();
  for (const { id, result } of shell.store.commands()) if (result !== null) commands.done.set(id, result.ok);
  return commands;
}

/** The object with its cloud in a world of its own, its droplets' agents as they were. */
function restore(name: string): { world: World; id: string; stored: StoredObject } {
  const stored = parseObject(readFileSync(join(OBJECTS, `${name}.sql`), "utf8"), START);
  const { bot, statements, cloud } = stored;
  const { id, agent } = bot;
  const world = new World(1, {}, { held: heldIn(cloud), vault });
  const host = world.restoreBot(id, statements);
  const intent = openIntent(bot);
  for (const droplet of cloud.droplets) {
    if (droplet.id === agent?.droplet_id)
      world.agents.place(droplet, id, {
        credential_hash: agent.credential_sha256,
        registered: true,
        commands: done(host),
      });
    else if (intent && droplet.name === intent.droplet_name)
      world.agents.place(droplet, id, { token_hash: intent.token_hash });
  }
  host.awake();
  return { world, id, stored };
}

/** Another hour passes, with nothing asked. */
const LATER = 60 * MINUTE;

describe("an object that an earlier release has left behind", () => {
  const names = readdirSync(OBJECTS)
    .filter((file) => file.endsWith(".sql"))
    .map((file) => file.slice(0, -".sql".length));

  it.for(names)("reads as it was, and comes to rest: %s", async (name, { expect }) => {
    const { world, id, stored } = restore(name);
    expect(world.bot(id)).toMatchObject(stored.state);
    world.checkHistory(id);
    await comeToRest(world, [id]);
    world.close();
  });

  it("was online: its agent goes on with its credential, on its droplet, and takes a new config", async ({
    expect,
  }) => {
    const { world, id, stored } = restore("adopted");
    const { adopted, config } = stored.bot;
    const heard = () => (lastHeardAt(world.host(id).shell.present().rt) ?? 0) > START;
    expect(await world.run(10 * MINUTE, heard)).toBe(true);
    await world.publish(id, { strictness: "low" });
    const next = config.desired.version + 1;
    expect(await world.run(10 * MINUTE, () => world.bot(id).config.applied?.version === next)).toBe(true);
    await comeToRest(world, [id]);
    expect(world.bot(id)).toMatchObject({ status: "online", adopted, generation: stored.bot.generation });
    expect(world.simulator.counters.creates).toBe(0);
    world.close();
  });

  it.for([
    ["paused", (world: World, id: string) => world.act(id, "resume")],
    ["suspended", (world: World, id: string) => world.unsuspend(id)],
  ] as const)("was %s: stays off, until somebody brings it back", async ([name, bringBack], { expect }) => {
    const { world, id, stored } = restore(name);
    await world.run(LATER);
    expect(world.bot(id).status).toBe(name);
    expect(world.dropletsOf(id)).toMatchObject([{ id: stored.bot.adopted, powered: false }]);
    expect(bringBack(world, id).ok).toBe(true);
    expect(await world.run(10 * MINUTE, () => world.rests(id, "online"))).toBe(true);
    await comeToRest(world, [id]);
    expect(world.dropletsOf(id)).toMatchObject([{ id: stored.bot.adopted, powered: true }]);
    world.close();
  });

  it("was destroyed: it is settled, and refuses whatever is asked", async ({ expect }) => {
    const { world, id } = restore("destroyed");
    await comeToRest(world, [id]);
    expect(world.act(id, "redeploy").ok).toBe(false);
    expect(world.host(id).alarmAt).toBe(null);
    expect(world.simulator.counters).toMatchObject({ creates: 0 });
    world.close();
  });

  it("had a droplet of its first generation left: that goes, and the second one stays", async ({ expect }) => {
    const { world, id, stored } = restore("two-generations");
    expect(stored.bot.droplets.map(({ generation }) => generation).sort()).toEqual([1, 2]);
    await comeToRest(world, [id]);
    expect(world.bot(id)).toMatchObject({ status: "online", droplets: [{ id: stored.bot.adopted, generation: 2 }] });
    expect(world.dropletsOf(id)).toMatchObject([{ id: stored.bot.adopted, powered: true }]);
    world.close();
  });

  it("was about to make room for its second droplet: the first is confirmed gone before", async ({ expect }) => {
    const { world, id, stored } = restore("redeploying");
    expect(stored.bot).toMatchObject({ generation: 1, droplets: [{ delete_sent_at: expect.any(Number) }] });
    await comeToRest(world, [id]);
    expect(world.bot(id)).toMatchObject({ status: "online", generation: 2, droplets: [{ generation: 2 }] });
    world.close();
  });

  it.for([
    ["pending-with-a-droplet", "finds it and adopts it", 0],
    ["pending-without-a-droplet", "confirms that there is none, and asks again", 1],
  ] as const)("had asked for a droplet (%s): %s", async ([name, , creates], { expect }) => {
    const { world, id, stored } = restore(name);
    expect(openIntent(stored.bot)).toMatchObject({ ended_at: null });
    await comeToRest(world, [id]);
    expect(world.bot(id)).toMatchObject({ status: "online", droplets: [{ id: world.bot(id).adopted }] });
    expect(world.simulator.counters.creates).toBe(creates);
    world.close();
  });
});
