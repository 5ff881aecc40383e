import { describe, expect, it } from "vitest";
import { Cloud } from "./cloud.ts";

async function spend(cloud: Cloud, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await cloud.get("/v2/account");
}

describe("the rate limits", () => {
  it("tell on every answer what is left of the hour, and when the oldest request expires", async () => {
    const cloud = new Cloud();
    await spend(cloud, 3);
    cloud.wait(60_000);
    const { headers } = await cloud.get("/v2/droplets/1");
    expect(headers.get("ratelimit-limit")).toBe("5000");
    expect(headers.get("ratelimit-remaining")).toBe("4996");
    expect(Number(headers.get("ratelimit-reset"))).toBe((cloud.now - 60_000) / 1000 + 3600);
    expect(headers.get("content-type")).toContain("application/json");
    expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("refuse the 251st request of a minute with retry-after and nothing remaining", async () => {
    const cloud = new Cloud();
    await spend(cloud, 100);
    cloud.wait(30_000);
    await spend(cloud, 150);
    const { status, body, headers } = await cloud.get("/v2/account");
    expect(status).toBe(429);
    expect(body).toMatchObject({ id: "too_many_requests", message: "API rate limit exceeded." });
    expect(headers.get("retry-after")).toBe("30");
    expect(headers.get("ratelimit-remaining")).toBe("0");
    cloud.wait(30_000);
    expect((await cloud.get("/v2/account")).status).toBe(200);
    expect(cloud.sim.counters).toMatchObject({ rate_limited: 1, max_per_minute: 250 });
  });

  it("refuse what exceeds the hour without retry-after, and do not count what they refuse", async () => {
    const cloud = new Cloud({ knobs: { per_hour: 10 } });
    await spend(cloud, 10);
    const refused = await cloud.get("/v2/account");
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBeNull();
    await spend(cloud, 20);
    cloud.wait(3_600_000);
    expect((await cloud.get("/v2/account")).status).toBe(200);
  });

  it("make nothing when they refuse a create", async () => {
    const cloud = new Cloud({ knobs: { per_minute: 0 } });
    expect((await cloud.create()).status).toBe(429);
    expect(cloud.sim.droplets()).toEqual([]);
  });
});

describe("the token", () => {
  it("is asked for on every path", async () => {
    const cloud = new Cloud({ token: "dop_v1_right" });
    for (const token of ["dop_v1_wrong", ""]) {
      expect(await cloud.call("GET", "/v2/account", undefined, token)).toMatchObject({
        status: 401,
        body: { id: "unauthorized", message: "Unable to authenticate you." },
      });
    }
    expect((await cloud.call("GET", "/v2/account", undefined, "dop_v1_right")).status).toBe(200);
    cloud.sim.token = "dop_v1_next";
    expect((await cloud.call("GET", "/v2/account", undefined, "dop_v1_right")).status).toBe(401);
  });

  it("is nowhere in the log, nor is user-data or an unknown query parameter", async () => {
    const cloud = new Cloud();
    await cloud.create({ user_data: "#!/bin/sh # TOPSECRET" });
    await cloud.get("/v2/droplets?name=bot-1&secret=TOPSECRET");
    const log = JSON.stringify(cloud.sim.requests);
    expect(log).toContain("/v2/droplets?name=bot-1");
    expect(log).not.toContain("TOPSECRET");
    expect(log).not.toContain("dop_v1");
  });

  it("and the log are bounded", async () => {
    const cloud = new Cloud({ knobs: { requests_kept: 20 } });
    await spend(cloud, 100);
    expect(cloud.sim.requests.length).toBeLessThanOrEqual(25);
  });
});

describe("the ways to call", () => {
  const authorization = "Bearer dop_v1_simulator";

  it("are those of fetch: text, URL or Request, and headers in any form", async () => {
    const { sim } = new Cloud();
    const url = "https://api.digitalocean.com/v2/account";
    const answers = [
      await sim.fetch(url, { headers: { Authorization: authorization } }),
      await sim.fetch(new URL(url), { headers: new Headers({ authorization }) }),
      await sim.fetch(url, { headers: [["authorization", authorization]] }),
      await sim.fetch(new Request(url, { headers: { authorization } })),
    ];
    expect(answers.map((each) => each.status)).toEqual([200, 200, 200, 200]);
  });

  it("read a body from a Request or from bytes", async () => {
    const { sim } = new Cloud();
    const body = JSON.stringify({ name: "a", region: "nyc3", size: "s-1vcpu-2gb", image: 129_211_873 });
    const init = { method: "POST", headers: { authorization } };
    const url = "https://api.digitalocean.com/v2/droplets";
    expect((await sim.fetch(new Request(url, { ...init, body }))).status).toBe(202);
    expect((await sim.fetch(url, { ...init, body: new TextEncoder().encode(body) })).status).toBe(202);
  });

  it("fail with the signal's reason when it has aborted before, and do nothing", async () => {
    const { sim } = new Cloud();
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(sim.fetch("https://api.digitalocean.com/v2/account", { signal })).rejects.toThrow("too late");
    expect(sim.requests).toEqual([]);
  });
});
