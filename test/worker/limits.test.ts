/** The brakes, with the numbers of a production. */
import { afterEach, beforeEach, describe, it } from "vitest";
import { onlineBot } from "./agent.ts";
import { botRequest, endOfTest, newBot, request, simulateCloud } from "./cloud.ts";
import { newPerson } from "./people.ts";
import { operatorToken } from "./settings.ts";
import { workerWith } from "./with-settings.ts";

let account: string;
beforeEach(async () => {
  account = (await newPerson()).user_id;
});
afterEach(endOfTest);

async function newKey(scopes: string[]): Promise<string> {
  const body = { name: "k", scopes, account_id: account };
  return (await request("POST", "/operator/api-keys", { body })).json.token;
}

describe("the brake", () => {
  it("lets a key ask a hundred times a minute, and says how often it may ask on", async ({ expect }) => {
    const ask = workerWith({ REQUESTS_PER_MINUTE: "100" });
    const token = await newKey(["bots:read"]);
    const first = await ask("GET", "/bots", { token });
    expect(first.headers.get("ratelimit-policy")).toBe('"default";q=100;w=60');
    expect(first.headers.get("ratelimit")).toMatch(/^"default";r=99;t=\d+$/);
    const others = [];
    for (let count = 0; count < 104; count++) others.push(await ask("GET", "/bots", { token }));
    const statuses = others.map(({ status }) => status);
    // The platform's own brake counts in fixed minutes and may have begun another one.
    expect(statuses.slice(0, 98)).not.toContain(401);
    expect(statuses.at(-1)).toBe(429);
    const refused = others.at(-1);
    expect(refused?.json).toMatchObject({ code: "too_many_requests", status: 429 });
    expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(refused?.headers.get("ratelimit")).toMatch(/^"default";r=0;t=\d+$/);
    expect((await ask("GET", "/bots", { token: await newKey(["bots:read"]) })).status).toBe(200);
  });

  it("lets the operator ask sixty times as often", async ({ expect }) => {
    const ask = workerWith({ REQUESTS_PER_MINUTE: "1" });
    const statuses = [];
    for (let count = 0; count < 70; count++) {
      statuses.push((await ask("GET", "/operator/gate", { token: operatorToken })).status);
    }
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
  });

  it("holds for agents too, and asks no other service", async ({ expect }) => {
    const { agent, bot } = await onlineBot(simulateCloud());
    const ask = workerWith({ REQUESTS_PER_MINUTE: "5" });
    const statuses = [];
    for (let count = 0; count < 7; count++) {
      statuses.push((await ask("GET", `/bot/${bot.id}/agent`, { token: agent.credential })).status);
    }
    expect(statuses.at(-1)).toBe(429);
    expect(statuses[0]).toBe(200);
  });

  it("holds for strangers by their address", async ({ expect }) => {
    const ask = workerWith({ REQUESTS_PER_MINUTE: "3" });
    const from = async (address: string) => (await ask("GET", "/health", { address })).status;
    const statuses = [];
    for (let count = 0; count < 5; count++) statuses.push(await from("192.0.2.1"));
    expect([statuses[0], statuses.at(-1), await from("192.0.2.2")]).toEqual([200, 429, 200]);
  });

  it("lets one address try ten sign-ins or sign-ups a minute", async ({ expect }) => {
    const ask = workerWith({});
    const address = "203.0.113.7";
    const statuses = [];
    for (let count = 0; count < 12; count++) {
      const body = { email: `${crypto.randomUUID()}@people.test`, password: "guess after guess" };
      statuses.push((await ask("POST", "/auth/sign-in", { body, address })).status);
    }
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(2);
    const body = { email: "ada@people.test", password: "guess after guess", name: "Ada" };
    expect((await ask("POST", "/auth/sign-up", { body, address })).status).toBe(429);
    expect((await ask("POST", "/auth/sign-in", { body: { ...body, name: undefined } })).status).toBe(401);
  });
});

describe("an account", () => {
  it("makes a bounded number of bots an hour, destroyed ones included, however many ask at once", async ({
    expect,
  }) => {
    simulateCloud();
    await request("PATCH", `/accounts/${account}`, { body: { tier: "pro" } });
    const ask = workerWith({ CREATES_PER_HOUR: "3" });
    const create = () => ask("POST", "/bots", { token: operatorToken, body: botRequest(account) });
    const answers = await Promise.all(Array.from({ length: 8 }, create));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    const refused = answers.filter(({ status }) => status !== 201);
    for (const { status, json, headers } of refused) {
      expect([status, json.code, headers.get("retry-after")]).toEqual([429, "too_many_creates", "600"]);
    }
    await newBot();
  });
});
