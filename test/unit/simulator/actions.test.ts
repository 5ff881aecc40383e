import { describe, expect, it } from "vitest";
import { Cloud } from "./cloud.ts";

const PENDING = { status: 422, body: { message: "Droplet already has a pending event." } };

describe("power actions", () => {
  it.each([
    ["power_off", "active", "off"],
    ["shutdown", "active", "off"],
    ["power_on", "off", "active"],
    ["reboot", "active", "active"],
    ["power_cycle", "active", "active"],
  ])("%s takes a droplet that is %s to %s", async (type, from, to) => {
    const cloud = Cloud.instant({ knobs: { power_ms: 5_000, shutdown_ms: 9_000 } });
    const id = await cloud.active();
    if (from === "off") cloud.sim.powerOffByHand(id);
    const { status, body } = await cloud.act(id, type);
    expect(status).toBe(201);
    expect(body.action).toMatchObject({ type, status: "in-progress", completed_at: null });
    expect(await cloud.status(id)).toBe(from);
    cloud.wait(9_000);
    for (const path of [`/v2/actions/${body.action.id}`, `/v2/droplets/${id}/actions/${body.action.id}`]) {
      expect((await cloud.get(path)).body.action.status).toBe("completed");
    }
    expect(await cloud.status(id)).toBe(to);
  });

  it("completes before the status shows it", async () => {
    const cloud = Cloud.instant({ knobs: { power_ms: 5_000, status_lag_ms: 3_000 } });
    const id = await cloud.active();
    const { body } = await cloud.act(id, "power_off");
    cloud.wait(5_000);
    expect((await cloud.get(`/v2/actions/${body.action.id}`)).body.action.status).toBe("completed");
    expect(await cloud.status(id)).toBe("active");
    expect(cloud.sim.droplet(id)?.powered).toBe(false);
    cloud.wait(3_000);
    expect(await cloud.status(id)).toBe("off");
  });

  it("shutdown completes without effect when the guest ignores it; power_off does not ask", async () => {
    const cloud = Cloud.instant({ knobs: { guest_ignores_acpi: true } });
    const id = await cloud.active();
    const { body } = await cloud.act(id, "shutdown");
    expect((await cloud.get(`/v2/actions/${body.action.id}`)).body.action.status).toBe("completed");
    expect(await cloud.status(id)).toBe("active");
    await cloud.act(id, "power_off");
    expect(await cloud.status(id)).toBe("off");
  });

  it("answers the requests for what is already so as reported", async () => {
    const cloud = Cloud.instant();
    const id = await cloud.active();
    expect(await cloud.act(id, "power_on")).toMatchObject({
      status: 422,
      body: { message: "Droplet is already powered on" },
    });
    cloud.sim.knobs.power_on_active = "accept";
    expect((await cloud.act(id, "power_on")).status).toBe(201);
    await cloud.act(id, "power_off");
    expect(await cloud.act(id, "power_off")).toMatchObject({
      status: 422,
      body: { message: "Droplet is already powered off" },
    });
    expect(await cloud.act(id, "shutdown")).toMatchObject({ status: 201, body: { action: { status: "completed" } } });
  });

  it.each(["reboot", "power_cycle"])("%s of a machine that is off ends errored", async (type) => {
    const cloud = Cloud.instant();
    const id = await cloud.active();
    cloud.sim.powerOffByHand(id);
    const { body } = await cloud.act(id, type);
    expect((await cloud.get(`/v2/actions/${body.action.id}`)).body.action.status).toBe("errored");
    expect(await cloud.status(id)).toBe("off");
  });

  it("refuses types that it does not know, and droplets that are not there", async () => {
    const cloud = Cloud.instant();
    const id = await cloud.active();
    expect((await cloud.act(id, "self_destruct")).status).toBe(422);
    expect((await cloud.call("POST", `/v2/droplets/${id}/actions`, "")).status).toBe(400);
    expect((await cloud.act(1, "power_on")).status).toBe(404);
  });

  it("lists the actions of a droplet, and remembers an action after the droplet is gone", async () => {
    const cloud = Cloud.instant();
    const id = await cloud.active();
    const { body } = await cloud.act(id, "power_off");
    const list = await cloud.get(`/v2/droplets/${id}/actions?per_page=1`);
    expect(list.body.meta.total).toBe(2);
    expect(list.body.actions.map((each) => each.type)).toEqual(["create"]);
    cloud.sim.vanish(id);
    expect((await cloud.get(`/v2/actions/${body.action.id}`)).status).toBe(200);
    expect((await cloud.get(`/v2/droplets/${id}/actions/${body.action.id}`)).status).toBe(404);
  });
});

describe("the event queue of a droplet", () => {
  it("takes one event at a time: create, action and delete stand in each other's way", async () => {
    const cloud = Cloud.instant({
      knobs: { create_ms: 30_000, event_tail_ms: 2_000, power_ms: 5_000, delete_ms: 9_000 },
    });
    const id = (await cloud.create()).body.droplet.id;
    expect(await cloud.act(id, "power_off")).toMatchObject(PENDING);
    expect(await cloud.delete(id)).toMatchObject(PENDING);
    cloud.wait(30_000);
    expect(await cloud.status(id)).toBe("active");
    expect(await cloud.act(id, "power_off")).toMatchObject(PENDING);
    cloud.wait(2_000);
    expect((await cloud.act(id, "power_off")).status).toBe(201);
    expect(await cloud.act(id, "power_on")).toMatchObject(PENDING);
    expect(await cloud.delete(id)).toMatchObject(PENDING);
    cloud.wait(5_000);
    expect((await cloud.delete(id)).status).toBe(204);
    expect(await cloud.act(id, "power_on")).toMatchObject(PENDING);
  });

  it.each([
    [false, false],
    [true, true],
  ])("shows locked %s only where the knob says so", async (knob, locked) => {
    const cloud = new Cloud({ knobs: { locked_while_pending: knob } });
    const { droplet } = (await cloud.create()).body;
    expect((await cloud.get(`/v2/droplets/${droplet.id}`)).body.droplet.locked).toBe(locked);
  });
});

describe("deleting a droplet", () => {
  it("answers 204 and goes on showing the droplet until it is gone", async () => {
    const cloud = new Cloud({ knobs: { delete_ms: 20_000, deleting_status: "archive" } });
    const id = await cloud.active();
    const reply = await cloud.delete(id);
    expect(reply).toMatchObject({ status: 204, text: "" });
    expect(await cloud.status(id)).toBe("archive");
    expect(await cloud.names()).toEqual(["bot-1"]);
    cloud.wait(20_000);
    expect(await cloud.status(id)).toBe(404);
    expect(await cloud.names()).toEqual([]);
    expect((await cloud.delete(id)).status).toBe(404);
  });

  it("counts every delete command that was taken", async () => {
    const cloud = new Cloud();
    const id = await cloud.active();
    await cloud.delete(id);
    expect((await cloud.delete(id)).status).toBe(204);
    expect(cloud.sim.counters.deletes_by_droplet.get(id)).toBe(2);
    cloud.sim.knobs.repeated_delete = "pending_event";
    expect(await cloud.delete(id)).toMatchObject(PENDING);
    expect(cloud.sim.counters.deletes_by_droplet.get(id)).toBe(2);
  });

  it.each([
    ["pending_event", 422, true],
    ["accept", 204, false],
    ["ineffective", 204, true],
  ] as const)("while it is created, in the mode %s", async (delete_while_new, status, remains) => {
    const cloud = new Cloud({ knobs: { delete_while_new } });
    const id = (await cloud.create()).body.droplet.id;
    expect((await cloud.delete(id)).status).toBe(status);
    cloud.wait(120_000);
    expect(cloud.sim.droplet(id) !== undefined).toBe(remains);
  });

  it("by tag takes all that carry the tag, and is counted", async () => {
    const cloud = Cloud.instant();
    const id = await cloud.active();
    const stranger = cloud.sim.addForeignDroplet({ name: "stranger", tags: ["other"] });
    expect((await cloud.call("DELETE", "/v2/droplets?tag_name=fleet")).status).toBe(204);
    expect(cloud.sim.droplet(id)).toBeUndefined();
    expect(cloud.sim.droplet(stranger.id)).toBeDefined();
    expect(cloud.sim.counters.deletes_by_tag).toBe(1);
  });
});
