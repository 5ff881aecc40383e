import { afterAll, beforeAll, describe, it } from "vitest";
import { signalGroup } from "../../scripts/dev/child.ts";
import { System } from "./system.ts";

let system: System;

beforeAll(async () => {
  system = await System.start();
});
afterAll(async () => {
  await system?.remove();
});

describe("recovering by itself", () => {
  it("finishes a bootstrap that a power cut interrupted, on the same droplet", async ({ expect }) => {
    const { id } = await system.newBot();
    await system.until("the bootstrap has begun", async () =>
      (await system.events(id)).some(({ kind }) => kind === "stage_reported"),
    );
    const [droplet] = await system.dropletsOf(id);
    await system.cloud("POST", `/_sim/droplets/${droplet?.id}/power_cycle`);
    await system.rests(id, "online");
    const [after, ...others] = await system.dropletsOf(id);
    expect(others).toEqual([]);
    expect(after).toMatchObject({ id: droplet?.id, machine: { boots: 2 } });
  });

  it("makes exactly one droplet where the Worker is killed in the middle of provisioning", async ({ expect }) => {
    const { id } = await system.newBot();
    const { worker_pid } = await system.readDev();
    signalGroup(worker_pid, "SIGKILL");
    await system.until("another Worker has taken over", async () => (await system.readDev()).worker_pid !== worker_pid);
    await system.rests(id, "online");
    expect(await system.dropletsOf(id)).toHaveLength(1);
  });

  it("brings bots, droplets and their processes back after a restart on the same state", async ({ expect }) => {
    const { id } = await system.newBot();
    const before = await system.rests(id, "online");
    const [droplet] = await system.dropletsOf(id);
    expect(await system.stop()).toBe(0);
    await system.boot();
    await system.until("its agent is heard again", async () => {
      const { last_heartbeat_at, status } = await system.bot(id);
      return status === "online" && String(last_heartbeat_at) > String(before.last_heartbeat_at);
    });
    expect(await system.dropletsOf(id)).toMatchObject([
      { id: droplet?.id, machine: { state: "running", user_data_ran: true } },
    ]);
  });
});
