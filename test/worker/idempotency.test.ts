import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { onlineBot } from "./agent.ts";
import { act, botRequest, endOfTest, newAccount, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

function withKey(key: string = crypto.randomUUID()) {
  return { "idempotency-key": key };
}

function count(table: string, column: string, value: string) {
  return env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE ${column} = ?`).bind(value).first("n");
}

describe("POST /accounts with an Idempotency-Key", () => {
  it("replays the first answer, makes one account of twins and refuses another body", async ({ expect }) => {
    const headers = withKey();
    const body = { external_id: crypto.randomUUID(), tier: "basic" };
    const twins = await Promise.all(Array.from({ length: 8 }, () => request("POST", "/accounts", { body, headers })));
    expect(new Set(twins.map(({ status, json }) => `${status} ${json.id}`)).size).toBe(1);
    expect(twins.filter(({ headers: got }) => got.get("idempotency-replayed") === "true")).toHaveLength(7);
    expect(await count("accounts", "external_id", body.external_id)).toBe(1);

    const reordered = JSON.stringify({ tier: body.tier, external_id: body.external_id });
    const again = await request("POST", "/accounts", { body: reordered, headers });
    expect([again.status, again.json.id, again.headers.get("idempotency-replayed")]).toEqual([
      201,
      twins[0]?.json.id,
      "true",
    ]);
    expect(again.headers.get("location")).toBe(`/accounts/${again.json.id}`);

    const other = { ...body, external_id: crypto.randomUUID() };
    const refused = await request("POST", "/accounts", { body: other, headers });
    expectProblem(expect, refused, { status: 422, code: "idempotency_key_reused" });
    expect(await count("accounts", "external_id", other.external_id)).toBe(0);
  });

  it("does not remember a request that was refused", async ({ expect }) => {
    const taken = { external_id: crypto.randomUUID(), tier: "basic" };
    await request("POST", "/accounts", { body: taken });
    const headers = withKey();
    const refused = await request("POST", "/accounts", { body: taken, headers });
    expectProblem(expect, refused, { status: 409, code: "external_id_taken" });
    const other = await request("POST", "/accounts", { body: { ...taken, external_id: crypto.randomUUID() }, headers });
    expect(other.status).toBe(201);
  });
});

describe("POST /bots with an Idempotency-Key", () => {
  it("makes one bot and one droplet of simultaneous twins and of a later repetition", async ({ expect }) => {
    const cloud = simulateCloud();
    const account = await newAccount();
    const headers = withKey();
    const body = botRequest(account);
    const twins = await Promise.all(Array.from({ length: 8 }, () => request("POST", "/bots", { body, headers })));
    expect(new Set(twins.map(({ status, json }) => `${status} ${json.id}`)).size).toBe(1);
    expect(twins.filter(({ headers: got }) => got.get("idempotency-replayed") === "true")).toHaveLength(7);
    const { id } = twins[0]?.json ?? {};

    await untilBot(id, { phase: "waiting_for_agent" });
    const later = await request("POST", "/bots", { body, headers });
    expect([later.status, later.json.id, later.headers.get("location")]).toEqual([201, id, `/bots/${id}`]);
    expect(later.json.status, "shown as it is now").toBe("provisioning");
    expect([await count("bots", "account_id", account), cloud.droplets().length]).toEqual([1, 1]);

    const refused = await request("POST", "/bots", { body: { ...body, name: "Another" }, headers });
    expectProblem(expect, refused, { status: 422, code: "idempotency_key_reused" });
    expect(await count("bots", "account_id", account)).toBe(1);
  });

  it("does not spend the last place of an account twice, and repeats are not over the quota", async ({ expect }) => {
    simulateCloud();
    const account = await newAccount("basic");
    await newBot({ account_id: account });
    const headers = withKey();
    const first = await request("POST", "/bots", { body: botRequest(account), headers });
    const second = await request("POST", "/bots", { body: botRequest(account), headers });
    expect([first.status, second.status, second.json.id]).toEqual([201, 201, first.json.id]);
  });

  it("without a key makes two bots of two equal requests", async ({ expect }) => {
    simulateCloud();
    const account_id = await newAccount();
    const [one, two] = [await newBot({ account_id }), await newBot({ account_id })];
    expect(one.id).not.toBe(two.id);
  });

  it("keeps the same key apart on different routes", async ({ expect }) => {
    simulateCloud();
    const headers = withKey();
    const account = await request("POST", "/accounts", {
      body: { external_id: crypto.randomUUID(), tier: "pro" },
      headers,
    });
    const bot = await request("POST", "/bots", { body: botRequest(account.json.id), headers });
    expect([account.status, bot.status, bot.headers.get("idempotency-replayed")]).toEqual([201, 201, null]);
  });
});

describe("what is done to a bot with an Idempotency-Key", () => {
  it("replays an action with its operation, even when the bot has long moved on", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    const headers = withKey();
    const twins = await Promise.all(Array.from({ length: 8 }, () => act(bot.id, "pause", headers)));
    expect(new Set(twins.map(({ status, json }) => `${status} ${json.operation.id}`)).size).toBe(1);
    expect(twins.filter(({ headers: got }) => got.get("idempotency-replayed") === "true")).toHaveLength(7);

    await untilBot(bot.id, { status: "paused" });
    await act(bot.id, "redeploy");
    await untilBot(bot.id, { generation: 2, phase: "waiting_for_agent" });
    const late = await act(bot.id, "pause", headers);
    expect(late.status).toBe(202);
    expect(late.json.operation).toMatchObject({ id: twins[0]?.json.operation.id, kind: "pause", state: "succeeded" });
    expect((await request("GET", `/bots/${bot.id}`)).json.operation.kind).toBe("redeploy");
    expectProblem(expect, await act(bot.id, "destroy", headers), { status: 422, code: "idempotency_key_reused" });
    expect((await request("GET", `/bots/${bot.id}`)).json.operation.kind).toBe("redeploy");
  });

  it("keeps one bot's key apart from another's", async ({ expect }) => {
    const cloud = simulateCloud();
    const [one, two] = [await onlineBot(cloud), await onlineBot(cloud)];
    const headers = withKey();
    await act(one.bot.id, "pause", headers);
    const other = await act(two.bot.id, "pause", headers);
    expect([other.status, other.headers.get("idempotency-replayed")]).toEqual([202, null]);
    await untilBot(two.bot.id, { status: "paused" });
  });

  it("publishes one version of a repeated rollback", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    await request("PATCH", `/bots/${bot.id}/config`, { body: { strictness: "low" } });
    await untilBot(bot.id, { phase: "waiting_for_agent" });
    const headers = withKey();
    const rollback = (to_version: number) =>
      request("POST", `/bots/${bot.id}/config/rollback`, { body: { to_version }, headers });
    const twins = await Promise.all([rollback(1), rollback(1), rollback(1), rollback(1)]);
    expect(new Set(twins.map(({ status, json }) => `${status} ${json.id}`)).size, JSON.stringify(twins)).toBe(1);
    const again = await rollback(1);
    expect([again.status, again.json.version, again.headers.get("idempotency-replayed")]).toEqual([200, 3, "true"]);
    expectProblem(expect, await rollback(2), { status: 422, code: "idempotency_key_reused" });
    expect((await request("GET", `/bots/${bot.id}`)).json.desired_config_version).toBe(3);
  });

  it("replays a cancel", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    cloud.script.add({ on: "get_droplet", fault: "before_effect" });
    const { operation } = (await act(bot.id, "pause")).json;
    const headers = withKey();
    const cancel = () => request("POST", `/bots/${bot.id}/operations/${operation.id}/cancel`, { headers });
    const [first, second] = [await cancel(), await cancel()];
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(second.json.operation).toMatchObject({ id: operation.id, state: "cancelled" });
    expect(second.headers.get("idempotency-replayed")).toBe("true");
  });
});
