import { describe, test } from "vitest";
import { start, TOKEN, userData } from "./machines.ts";

describe("the control endpoints", () => {
  test("want the token, and say so in JSON", async ({ expect }) => {
    const cloud = await start({ machines: false });
    for (const headers of [{}, { authorization: "Bearer wrong" }, { authorization: TOKEN }]) {
      const answer = await fetch(`${cloud.url}/_sim/droplets`, { headers });
      expect([answer.status, await answer.json()]).toEqual([401, { error: "unknown token" }]);
    }
  });

  test("answer by their own address only", async ({ expect }) => {
    const cloud = await start({ machines: false });
    const { get } = await import("node:http");
    const status = await new Promise((resolve) => {
      get(
        `${cloud.url}/_sim/droplets`,
        { headers: { host: "evil.example", authorization: `Bearer ${TOKEN}` } },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        },
      );
    });
    expect(status).toBe(421);
  });

  test.for([
    ["POST", "/_sim/faults", "not json", 400],
    ["POST", "/_sim/faults", {}, 422],
    ["POST", "/_sim/faults", [], 422],
    ["POST", "/_sim/faults", { on: "create_droplet", fault: "no such fault" }, 422],
    ["POST", "/_sim/faults", { on: "get_account", fault: "create_errored" }, 422],
    ["POST", "/_sim/faults", { on: "any", fault: "before_effect", typo: 1 }, 422],
    ["POST", "/_sim/faults", { on: "any", fault: "before_effect", probability: 2 }, 422],
    ["POST", "/_sim/foreign", { tags: ["x"] }, 422],
    ["POST", "/_sim/foreign", { name: "x", region: "moon1" }, 422],
    ["POST", "/_sim/droplets/1/vanish", undefined, 404],
    ["POST", "/_sim/droplets/1/dance", undefined, 404],
    ["POST", "/_sim/droplets/x/vanish", undefined, 404],
    ["GET", "/_sim/droplets/1/vanish", undefined, 405],
    ["GET", "/_sim/nothing", undefined, 404],
    ["POST", "/_sim/faults", "x".repeat(1024 * 1024 + 1), 413],
  ] as const)("%s %s %j is answered %i", async ([method, path, body, status], { expect }) => {
    const cloud = await start({ machines: false });
    const answer = await cloud.call(method, path, body);
    expect(answer).toMatchObject({ status, body: { error: expect.any(String) } });
  });

  test("a refused list of faults changes nothing", async ({ expect }) => {
    const cloud = await start({ machines: false });
    const good = { on: "get_account", fault: "status_5xx_before", status: 500 };
    expect((await cloud.call("POST", "/_sim/faults", [good, { on: "get_account", fault: "stuck_new" }])).status).toBe(
      422,
    );
    expect((await cloud.call("GET", "/v2/account")).status).toBe(200);
    expect(await cloud.call("POST", "/_sim/faults", good)).toEqual({ status: 201, body: { added: 1 } });
    expect((await cloud.call("GET", "/v2/account")).status).toBe(500);
    expect((await cloud.call("DELETE", "/_sim/faults")).status).toBe(200);
    expect((await cloud.call("GET", "/v2/account")).status).toBe(200);
  });

  test("a broken connection breaks the caller's", async ({ expect }) => {
    const cloud = await start({ machines: false });
    await cloud.call("POST", "/_sim/faults", { on: "create_droplet", fault: "after_effect", nth: 1 });
    await expect(cloud.create(userData("true"))).rejects.toThrow("fetch failed");
    const { body } = await cloud.call("GET", "/_sim/droplets");
    expect(body.droplets).toMatchObject([{ name: "bot-g1", machine: null }]);
  });

  test("show strangers, requests and counters", async ({ expect }) => {
    const cloud = await start({ machines: false });
    const { status, body } = await cloud.call("POST", "/_sim/foreign", { name: "stranger", tags: ["theirs"] });
    expect([status, body.droplet.name]).toEqual([201, "stranger"]);
    await cloud.call("GET", "/v2/droplets");
    await cloud.call("DELETE", `/v2/droplets/${body.droplet.id}`);
    const { requests } = (await cloud.call("GET", "/_sim/requests")).body;
    expect(requests.map((each: { operation: string }) => each.operation)).toEqual(["list_droplets", "delete_droplet"]);
    const counters = (await cloud.call("GET", "/_sim/counters")).body;
    expect(counters).toMatchObject({ requests: 2, deletes_by_droplet: { [body.droplet.id]: 1 } });
  });

  test("a machine that does not run cannot be frozen", async ({ expect }) => {
    const cloud = await start();
    const id = await cloud.create(userData("true"));
    await cloud.booted(id);
    expect((await cloud.happen(id, "thaw")).status).toBe(409);
    await cloud.act(id, "power_off");
    for (const event of ["freeze", "power_cycle"]) expect((await cloud.happen(id, event)).status).toBe(409);
  });

  test("a machine's init answers nobody without its key", async ({ expect }) => {
    const cloud = await start();
    const id = await cloud.create(userData("true"));
    await cloud.booted(id);
    const answer = await fetch(`${cloud.url}/_machine/${id}/init/${"0".repeat(32)}`, {
      method: "POST",
      body: "poweroff\0",
    });
    expect(answer.status).toBe(404);
    expect(await cloud.droplet(id)).toMatchObject({ status: "active" });
  });
});
