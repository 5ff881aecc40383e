import { describe, expect, it } from "vitest";
import { Simulator } from "../../../simulator/model/simulator.ts";
import { Cloud, randomFrom } from "./cloud.ts";

/** Collects what the process layer would hear. */
function listen(cloud: Cloud): string[] {
  const heard: string[] = [];
  cloud.sim.onTransition(({ kind, droplet }) => heard.push(`${kind} ${droplet.name}`));
  return heard;
}

describe("what the process layer hears", () => {
  it("is each change of a machine, once, in order", async () => {
    const cloud = new Cloud();
    const heard = listen(cloud);
    const id = await cloud.active();
    for (const type of ["reboot", "power_cycle", "shutdown", "power_on", "power_off"]) {
      expect((await cloud.act(id, type)).status).toBe(201);
      cloud.wait(60_000);
    }
    await cloud.delete(id);
    cloud.wait(60_000);
    cloud.sim.advance();
    expect(heard.map((each) => each.replace(" bot-1", ""))).toEqual([
      "created",
      "active",
      "rebooted",
      "power_cycled",
      "shutting_down",
      "off",
      "on",
      "off",
      "deleting",
      "deleted",
    ]);
  });

  it("comes at the time it is simulated for, with the user-data, however late the clock is looked at", async () => {
    const cloud = new Cloud({ knobs: { create_ms: 30_000 } });
    const times: number[] = [];
    cloud.sim.onTransition((each) => {
      if (each.kind === "active") times.push(each.at);
      expect(each.droplet.user_data).toBe("#!/bin/sh");
    });
    const began = cloud.now;
    await cloud.create({ user_data: "#!/bin/sh" });
    cloud.wait(3_600_000);
    cloud.sim.advance();
    expect(times).toEqual([began + 30_000]);
  });

  it("is one `off` when the machine halts before its shutdown is through", async () => {
    const cloud = new Cloud();
    const id = await cloud.active();
    const heard = listen(cloud);
    await cloud.act(id, "shutdown");
    cloud.sim.powerOffByHand(id);
    cloud.wait(60_000);
    expect(await cloud.status(id)).toBe("off");
    expect(heard).toEqual(["shutting_down bot-1", "off bot-1"]);
  });
});

describe("what a test may cause", () => {
  it("a stranger's droplet, a clone, a droplet that vanishes, another hand on the switch", async () => {
    const cloud = new Cloud();
    const stranger = cloud.sim.addForeignDroplet({ name: "stranger", tags: ["theirs"] });
    expect(stranger).toMatchObject({ status: "active", powered: true, foreign: true, listed: true, tagged: true });
    const id = await cloud.active({ user_data: "#!/bin/sh" });
    const clone = cloud.sim.cloneDroplet(id);
    expect(clone).toMatchObject({ name: "bot-1", tags: ["fleet"], user_data: "#!/bin/sh", status: "active" });
    expect(clone.id).not.toBe(id);
    expect(clone.public_ipv4).not.toBe(cloud.sim.droplet(id)?.public_ipv4);
    cloud.sim.vanish(clone.id);
    expect(await cloud.status(clone.id)).toBe(404);
    cloud.sim.powerOffByHand(id);
    cloud.wait(10_000);
    expect(await cloud.status(id)).toBe("off");
    cloud.sim.powerOnByHand(id);
    cloud.wait(10_000);
    expect(await cloud.status(id)).toBe("active");
    expect(() => cloud.sim.vanish(1)).toThrow("droplet 1 does not exist");
  });

  it("another status, other tags, another name, a hole in the lists", async () => {
    const cloud = new Cloud();
    const id = await cloud.active();
    cloud.sim.setTags(id, ["other"]);
    cloud.sim.rename(id, "renamed");
    cloud.sim.setStatus(id, "archive");
    expect(await cloud.names("?tag_name=other")).toEqual(["renamed"]);
    expect(await cloud.status(id)).toBe("archive");
    cloud.sim.hideFromLists(id, 5_000);
    expect(await cloud.names()).toEqual([]);
    cloud.wait(5_000);
    expect(await cloud.names()).toEqual(["renamed"]);
  });

  it("the end of a create, one way or the other, once", async () => {
    const cloud = new Cloud();
    const good = (await cloud.create()).body.droplet.id;
    const bad = (await cloud.create()).body.droplet.id;
    cloud.sim.finishCreate(good);
    cloud.sim.failCreate(bad);
    expect([await cloud.status(good), await cloud.status(bad)]).toEqual(["active", 404]);
    const heard = listen(cloud);
    cloud.wait(60_000);
    cloud.sim.advance();
    expect(heard).toEqual([]);
    expect(() => cloud.sim.finishCreate(good)).toThrow("is not being created");
  });
});

describe("a snapshot", () => {
  it("is JSON without the token, and what was planned still happens after it", async () => {
    const cloud = new Cloud({ token: "dop_v1_simulator" });
    cloud.sim.script.add({ on: "create_droplet", fault: "late_effect", delay_ms: 20_000, nth: 2 });
    const first = (await cloud.create()).body;
    await expect(cloud.create({ name: "late" })).rejects.toThrow();
    const text = JSON.stringify(cloud.sim.snapshot());
    expect(text).not.toContain("dop_v1");

    const options = { now: () => cloud.now, random: randomFrom(1) };
    const restored = Simulator.restore(JSON.parse(text), options);
    cloud.wait(25_000);
    expect(restored.droplets().map((each) => each.name)).toEqual(["bot-1", "late"]);
    cloud.wait(60_000);
    expect(restored.droplets().map((each) => each.status)).toEqual(["active", "active"]);
    expect(restored.droplets()[0]?.id).toBe(first.droplet.id);
    expect(restored.counters.requests).toBe(2);
    expect(cloud.sim.droplets().map((each) => each.name)).toEqual(["bot-1", "late"]);
  });

  it("shares nothing with the cloud it was taken from", async () => {
    const cloud = new Cloud();
    const id = await cloud.active();
    const state = cloud.sim.snapshot();
    cloud.sim.vanish(id);
    expect(state.droplets).toHaveLength(1);
    const restored = Simulator.restore(state, { now: () => cloud.now, random: randomFrom(1) });
    restored.rename(id, "other");
    expect(state.droplets[0]?.name).toBe("bot-1");
  });

  it("remembers which requests count against the limits, and how often a droplet was deleted", async () => {
    const cloud = new Cloud();
    const id = await cloud.active();
    await cloud.delete(id);
    const restored = Simulator.restore(cloud.sim.snapshot(), { now: () => cloud.now, random: randomFrom(1) });
    const answer = await restored.fetch("https://api.digitalocean.com/v2/account", {
      headers: { authorization: "Bearer dop_v1_simulator" },
    });
    expect(answer.headers.get("ratelimit-remaining")).toBe("4997");
    expect(restored.counters.deletes_by_droplet.get(id)).toBe(1);
  });
});

describe("a virtual clock", () => {
  it("can jump from one thing that happens to the next", async () => {
    const cloud = new Cloud({ knobs: { create_ms: (random) => 10_000 + random() * 20_000 } });
    await cloud.create();
    const due = cloud.sim.nextDue();
    expect(due).toBeGreaterThan(cloud.now);
    cloud.now = due ?? 0;
    expect(cloud.sim.droplets()[0]?.status).toBe("active");
    expect(cloud.sim.nextDue()).toBeNull();
  });

  it("gives the same answers for the same seed", async () => {
    const run = async () => {
      const cloud = new Cloud({ knobs: { create_ms: (random) => random() * 60_000, tags_missing_forever: 0.5 } });
      cloud.sim.script.add({ on: "any", fault: "status_5xx_after", probability: 0.3 });
      const seen: unknown[] = [];
      for (let index = 0; index < 30; index += 1) {
        const { status, text } =
          index % 3 === 0 ? await cloud.create() : await cloud.get("/v2/droplets?tag_name=fleet");
        seen.push(status, text);
        cloud.wait(3_000);
      }
      return seen;
    };
    expect(await run()).toEqual(await run());
  });
});
