/** A credential that is replaced while everything may be lost: nobody is locked out, and nobody falls silent over it. */
import { describe, it } from "vitest";
import { comeToRest } from "./rest.ts";
import { MINUTE, World } from "./world.ts";

/** Online, over its channel or without one. */
async function online(seed: number, channels: number) {
  const world = new World(seed);
  world.agents.channels = channels;
  const id = world.createBot();
  await world.run(20 * MINUTE, () => world.rests(id, "online"));
  await world.run(5 * MINUTE);
  const machine = world.agents.machines.get(world.bot(id).adopted ?? 0);
  if (machine === undefined) throw new Error("no machine");
  return { world, id, machine };
}

describe("an agent that is to take a new credential", () => {
  for (const [over, channels] of [
    ["its channel", 1],
    ["HTTP", 0],
  ] as const) {
    it(`takes it over ${over}, and is heard all the while`, async ({ expect }) => {
      const { world, id, machine } = await online(1, channels);
      const [past, before] = [world.history(id).length, machine.credential_hash];
      world.command(id, "rotate_credential");
      await world.run(10 * MINUTE);
      const kinds = world.history(id).map(({ kind }) => kind);
      expect(kinds.slice(past)).toEqual(["command_requested", "credential_rotated", "command_ended"]);
      expect(machine.credential_hash).not.toBe(before);
      expect(world.bot(id)).toMatchObject({
        status: "online",
        flags: [],
        agent: { credential_sha256: machine.credential_hash },
        revoked_credentials: [before],
      });
      await comeToRest(world, [id]);
    });

    it(`is not locked out over ${over} whatever is lost, however often it is told`, async ({ expect }) => {
      const { world, id, machine } = await online(2, channels);
      world.agents.rotation_loss = 0.6;
      for (let times = 0; times < 20; times++) {
        world.command(id, "rotate_credential");
        await world.run(Math.floor(world.random() * 3 * MINUTE));
        // Its process dies with two credentials on its disk.
        if (times % 3 === 0) world.agents.restart(machine.droplet_id);
        world.checkAnytime();
      }
      expect(world.agents.rotations).toBeGreaterThan(8);
      await comeToRest(world, [id]);
      expect(world.bot(id)).toMatchObject({ status: "online", flags: [] });
    });
  }

  it("leaves a copy of it with nothing: neither credential is believed on another droplet", async ({ expect }) => {
    const { world, id, machine } = await online(3, 0);
    world.agents.rotation_loss = 1;
    world.command(id, "rotate_credential");
    await world.run(2 * MINUTE);
    expect(machine.rotation.next).not.toBe(null);
    const copy = world.simulator.addForeignDroplet({ name: "a-copy", tags: [] });
    world.agents.copy(machine.droplet_id, copy.id);
    world.agents.rotation_loss = 0;
    await world.run(10 * MINUTE);
    expect(world.bot(id)).toMatchObject({ status: "online", flags: ["wrong_droplet", "revoked_credential_used"] });
    expect(world.bot(id).agent?.credential_sha256).toBe(machine.credential_hash);
    world.checkAnytime();
  });
});
