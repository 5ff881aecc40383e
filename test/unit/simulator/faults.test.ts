import { describe, expect, it } from "vitest";
import type { FaultRule } from "../../../simulator/model/faults.ts";
import { BASE, Cloud } from "./cloud.ts";

/** A cloud whose next create goes wrong. */
function cloudWith(rule: Omit<FaultRule, "on">): Cloud {
  const cloud = new Cloud();
  cloud.sim.script.add({ on: "create_droplet", times: 1, ...rule });
  return cloud;
}

describe("a create whose answer never arrives", () => {
  it.each([
    ["before_effect", "TypeError", 0],
    ["after_effect", "TypeError", 1],
    ["timeout_before", "TimeoutError", 0],
    ["timeout_after", "TimeoutError", 1],
    ["late_effect", "TimeoutError", 0],
  ] as const)("%s: fails with %s and leaves %i droplets", async (fault, name, droplets) => {
    const cloud = cloudWith({ fault });
    await expect(cloud.create()).rejects.toMatchObject({ name });
    expect(cloud.sim.droplets()).toHaveLength(droplets);
    expect(cloud.sim.requests[0]).toMatchObject({ operation: "create_droplet", status: null, fault });
    expect((await cloud.create()).status).toBe(202);
  });

  it("takes effect later, at its own time, when the fault says so", async () => {
    const cloud = cloudWith({ fault: "late_effect", delay_ms: 55_000 });
    await expect(cloud.create()).rejects.toThrow();
    expect(cloud.sim.nextDue()).toBe(cloud.now + 55_000);
    cloud.wait(100_000);
    const [droplet] = cloud.sim.droplets();
    expect(droplet).toMatchObject({ name: "bot-1", status: "active", created_at: cloud.now - 45_000 });
  });

  it("waits for the caller's own time-out where a real clock runs", async () => {
    const cloud = new Cloud({ hang_until_abort: true });
    cloud.sim.script.add({ on: "any", fault: "timeout_after" });
    const patience = new AbortController();
    const headers = { authorization: "Bearer dop_v1_simulator" };
    const call = cloud.sim.fetch(`${BASE}/v2/account`, { headers, signal: patience.signal });
    setTimeout(() => patience.abort(new Error("out of patience")), 5);
    await expect(call).rejects.toThrow("out of patience");
  });
});

describe("a create whose answer is of no use", () => {
  it.each([
    [{ fault: "status_5xx_before" }, 500, "json", 0],
    [{ fault: "status_5xx_after", status: 503 }, 503, "json", 1],
    [{ fault: "html_502_before" }, 502, "html", 0],
    [{ fault: "html_502_after", status: 520 }, 520, "html", 1],
  ] as const)("%o", async (rule, status, type, droplets) => {
    const cloud = cloudWith(rule);
    const reply = await cloud.create();
    expect(reply.status).toBe(status);
    expect(reply.headers.get("content-type")).toContain(type);
    expect(reply.headers.has("ratelimit-limit")).toBe(type === "json");
    expect(cloud.sim.droplets()).toHaveLength(droplets);
  });

  it.each([
    ["truncated", /^\{"droplet".*[^}\n]$/],
    ["empty_object", /^\{\}$/],
    ["missing_fields", /^\{"droplet":\{"status":"new"\},"links":\{\}\}$/],
    ["empty_body", /^$/],
  ] as const)("202 with a body that is %s", async (shape, text) => {
    const cloud = cloudWith({ fault: "unparsable_202", shape });
    const reply = await cloud.create();
    expect(reply.status).toBe(202);
    expect(reply.text).toMatch(text);
    expect(cloud.sim.droplets()).toHaveLength(1);
  });
});

describe("a refusal out of the blue", () => {
  it.each([
    [{ fault: "unauthorized" }, 401, "Unable to authenticate you."],
    [{ fault: "forbidden" }, 403, "You are not authorized to perform this operation"],
    [{ fault: "quota" }, 422, "creating this/these droplet(s) will exceed your droplet limit"],
    [{ fault: "capacity" }, 422, "The size you selected is temporarily unavailable"],
    [{ fault: "try_again" }, 422, "please try again"],
    [{ fault: "rate_limited" }, 429, "API rate limit exceeded."],
  ] as const)("%o", async (rule, status, message) => {
    const cloud = cloudWith(rule);
    const reply = await cloud.create();
    expect(reply.status).toBe(status);
    expect(reply.body.message).toContain(message);
    expect(cloud.sim.droplets()).toEqual([]);
  });

  it("names other regions where there is no capacity", async () => {
    const { body } = await cloudWith({ fault: "capacity" }).create();
    expect(body.error_attributes.available_regions).toContain("ams3");
  });

  it.each([
    ["rate_limited", "12", "0", "future"],
    ["rate_limited_hourly", null, "0", "future"],
    ["rate_limited_stale_reset", null, "0", "past"],
    ["rate_limited_bare", null, null, null],
  ] as const)("%s: what the headers of a 429 say", async (fault, retry_after, remaining, reset) => {
    const cloud = cloudWith({ fault, retry_after_s: 12 });
    const { headers } = await cloud.create();
    expect(headers.get("retry-after")).toBe(retry_after);
    expect(headers.get("ratelimit-remaining")).toBe(remaining);
    const resets_at = headers.get("ratelimit-reset");
    if (reset === null) expect(resets_at).toBeNull();
    else expect(Number(resets_at) * 1000 > cloud.now ? "future" : "past").toBe(reset);
  });

  it("has a pending event for a delete or an action", async () => {
    const cloud = new Cloud();
    const id = await cloud.active();
    cloud.sim.script.add({ on: ["delete_droplet", "droplet_action"], fault: "pending_event", times: 2 });
    for (const reply of [await cloud.delete(id), await cloud.act(id, "power_off")]) {
      expect(reply).toMatchObject({ status: 422, body: { message: "Droplet already has a pending event." } });
    }
    expect((await cloud.delete(id)).status).toBe(204);
  });
});

describe("what goes wrong in the world", () => {
  it.each(["completed", "errored"] as const)("an action is accepted, has no effect and ends %s", async (ends) => {
    const cloud = new Cloud();
    const id = await cloud.active();
    cloud.sim.script.add({ on: "droplet_action", fault: "lost_action", ends });
    const { status, body } = await cloud.act(id, "power_off");
    expect(status).toBe(201);
    cloud.wait(60_000);
    expect((await cloud.get(`/v2/actions/${body.action.id}`)).body.action.status).toBe(ends);
    expect(await cloud.status(id)).toBe("active");
  });

  it("a delete is accepted and forgotten", async () => {
    const cloud = new Cloud();
    const id = await cloud.active();
    cloud.sim.script.add({ on: "delete_droplet", fault: "lost_action", times: 1 });
    expect((await cloud.delete(id)).status).toBe(204);
    cloud.wait(600_000);
    expect(await cloud.status(id)).toBe("active");
  });

  it("a create ends errored and the droplet vanishes", async () => {
    const cloud = cloudWith({ fault: "create_errored" });
    const { body } = await cloud.create();
    cloud.wait(30_000);
    expect(await cloud.status(body.droplet.id)).toBe(404);
    expect((await cloud.get(`/v2/actions/${body.links.actions[0]?.id}`)).body.action.status).toBe("errored");
  });

  it("a droplet stays new, for ever or for a while, and can be deleted all the same", async () => {
    const cloud = cloudWith({ fault: "stuck_new" });
    const stuck = (await cloud.create()).body.droplet.id;
    cloud.sim.script.add({ on: "create_droplet", fault: "stuck_new", duration_ms: 900_000 });
    const slow = (await cloud.create()).body.droplet.id;
    cloud.wait(899_999);
    expect([await cloud.status(stuck), await cloud.status(slow)]).toEqual(["new", "new"]);
    cloud.wait(1);
    expect([await cloud.status(stuck), await cloud.status(slow)]).toEqual(["new", "active"]);
    expect((await cloud.delete(stuck)).status).toBe(204);
  });

  it("a droplet never gets its tags, or no address for a while", async () => {
    const cloud = cloudWith({ fault: "tags_never" });
    await cloud.create();
    cloud.sim.script.add({ on: "create_droplet", fault: "no_address", duration_ms: 300_000 });
    const id = (await cloud.create()).body.droplet.id;
    cloud.wait(299_999);
    const { droplet } = (await cloud.get(`/v2/droplets/${id}`)).body;
    expect(droplet).toMatchObject({ status: "active", tags: ["fleet"], networks: { v4: [] } });
    expect(await cloud.names("?tag_name=fleet")).toHaveLength(1);
    cloud.wait(1);
    expect((await cloud.get(`/v2/droplets/${id}`)).body.droplet.networks.v4).toHaveLength(2);
  });

  it("a list leaves a droplet out for a while, a read by id does not", async () => {
    const cloud = new Cloud();
    const id = await cloud.active();
    await cloud.active({ name: "bot-2" });
    cloud.sim.script.add({ on: "list_droplets", fault: "list_omits", droplet: "bot-1", duration_ms: 30_000, times: 1 });
    expect(await cloud.names()).toEqual(["bot-2"]);
    expect(await cloud.names("?name=bot-1")).toEqual([]);
    expect(await cloud.status(id)).toBe("active");
    cloud.wait(30_000);
    expect(await cloud.names()).toEqual(["bot-1", "bot-2"]);
  });

  it("a list shows a row twice, and a later page fails", async () => {
    const cloud = new Cloud();
    for (const name of ["a", "b", "c"]) cloud.sim.addForeignDroplet({ name });
    const fault = cloud.sim.script.add({ on: "list_droplets", fault: "list_duplicate_row" });
    expect(await cloud.names()).toEqual(["a", "b", "c", "a"]);
    expect(await cloud.names("?per_page=2&page=2")).toEqual(["b", "c"]);
    fault.remove();
    cloud.sim.script.add({ on: "list_droplets", fault: "page_fails" });
    expect(await cloud.names("?per_page=2")).toEqual(["a", "b"]);
    expect((await cloud.get("/v2/droplets?per_page=2&page=2")).status).toBe(500);
  });
});

describe("the script", () => {
  it("counts calls: the nth, a number of times, some of them, or all until it is cleared", async () => {
    const statuses = async (rule: Omit<FaultRule, "on" | "fault">) => {
      const cloud = new Cloud();
      cloud.sim.script.add({ on: "get_account", fault: "forbidden", ...rule });
      const seen: number[] = [];
      for (let index = 0; index < 5; index += 1) seen.push((await cloud.get("/v2/account")).status);
      return seen;
    };
    expect(await statuses({ nth: 2 })).toEqual([200, 403, 200, 200, 200]);
    expect(await statuses({ nth: 2, times: 3 })).toEqual([200, 403, 403, 403, 200]);
    expect(await statuses({ times: 2 })).toEqual([403, 403, 200, 200, 200]);
    expect(await statuses({})).toEqual([403, 403, 403, 403, 403]);
    expect(await statuses({ probability: 0 })).toEqual([200, 200, 200, 200, 200]);
    expect(new Set(await statuses({ probability: 0.5 }))).toEqual(new Set([200, 403]));
  });

  it("looks at the call, and tells how often it struck", async () => {
    const cloud = new Cloud();
    const fault = cloud.sim.script.add({ on: "any", fault: "forbidden", when: (call) => call.body.includes("bot-2") });
    expect((await cloud.create()).status).toBe(202);
    expect((await cloud.create({ name: "bot-2" })).status).toBe(403);
    expect(fault).toMatchObject({ seen: 1, hits: 1 });
    cloud.sim.script.clear();
    expect((await cloud.create({ name: "bot-2" })).status).toBe(202);
  });

  it("refuses a fault that can never happen", () => {
    const { script } = new Cloud().sim;
    expect(() => script.add({ on: "get_account", fault: "quota" })).toThrow("quota cannot happen to get_account");
  });
});
