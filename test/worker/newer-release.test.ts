/** A bot that a newer release has changed before it was rolled back, on the real object and over the real API. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, it, vi } from "vitest";
import { BotListItem, BotView, EventView, Operation } from "../../src/wire/bot.ts";
import { onlineBot, type TestAgent } from "./agent.ts";
import { act, dropletsOf, endOfTest, eventually, request, simulateCloud, untilBot } from "./cloud.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

/** As a newer release would have stored it: JSON paths of the state, with their values. */
async function rewrite(botId: string, changes: Record<string, string>): Promise<void> {
  const stub = env.BOT.getByName(botId);
  const sets = Object.entries(changes).flat();
  const marks = sets.map(() => "?").join(", ");
  await runInDurableObject(stub, (_bot, { storage }) => {
    storage.sql.exec(`UPDATE document SET value = json_set(value, ${marks}) WHERE key = 'state'`, ...sets);
  });
  await evictDurableObject(stub);
}

function storedState(botId: string): Promise<string> {
  return runInDurableObject(env.BOT.getByName(botId), (_bot, { storage }) =>
    String(storage.sql.exec("SELECT value FROM document WHERE key = 'state'").one().value),
  );
}

const UPGRADING = { "$.status": "upgrading", "$.operation.kind": "upgrade", "$.operation.state": "running" };

async function upgrading() {
  const cloud = simulateCloud();
  const warnings = vi.spyOn(console, "warn").mockReturnValue(undefined);
  const { bot, agent } = await onlineBot(cloud);
  await eventually(async () => {
    const row = await env.DB.prepare("SELECT status FROM bots WHERE id = ?").bind(bot.id).first();
    if (row?.status !== "online") throw new Error(`the index says ${row?.status}`);
  });
  await rewrite(bot.id, UPGRADING);
  return { cloud, warnings, bot, agent, requests: cloud.counters.requests, state: await storedState(bot.id) };
}

function whatPeopleAsk(id: string): [method: string, path: string, body?: unknown][] {
  return [
    ...["pause", "resume", "redeploy", "destroy"].map((action): [string, string, unknown] => [
      "POST",
      `/bots/${id}/actions`,
      { action },
    ]),
    ["POST", `/bots/${id}/operations/00000000-0000-4000-8000-000000000002/cancel`],
    ["PATCH", `/bots/${id}`, { name: "New" }],
    ["PATCH", `/bots/${id}/config`, { strictness: "low" }],
    ["POST", `/bots/${id}/config/rollback`, { to_version: 1 }],
    ["POST", `/bots/${id}/commands`, { kind: "restart" }],
    ["POST", `/bots/${id}/agent/credential/rotate`],
    ["POST", `/bots/${id}/security/acknowledge`, { reason: "looked" }],
    ["POST", `/operator/bots/${id}/suspend`, { reason: "payment_failed" }],
    ["POST", `/operator/bots/${id}/unsuspend`],
  ];
}

function destroyByForce(id: string) {
  return request("POST", `/bots/${id}/actions`, { body: { action: "destroy", force: true } });
}

describe("a bot that a newer release has changed", () => {
  it("is read and listed as the document says", async ({ expect }) => {
    const { bot } = await upgrading();
    const read = await request("GET", `/bots/${bot.id}`);
    expect(BotView.safeParse(read.json).error).toBe(undefined);
    expect(read.json).toMatchObject({ status: "error", reason: "newer_release", phase: null, operation: null });
    const operations = (await request("GET", `/bots/${bot.id}/operations`)).json.data;
    for (const operation of operations) expect(Operation.safeParse(operation).error).toBe(undefined);
    const events = (await request("GET", `/bots/${bot.id}/events?limit=1000`)).json.data;
    expect(events.length).toBeGreaterThan(5);
    for (const event of events) expect(EventView.safeParse(event).error).toBe(undefined);
    const list = (await request("GET", `/bots?account_id=${bot.account_id}`)).json.data;
    for (const item of list) expect(BotListItem.safeParse(item).error).toBe(undefined);
    for (const path of ["/commands", "/config", "/configs", "/wait?status=paused&timeout=1"])
      expect((await request("GET", `/bots/${bot.id}${path}`)).status, path).toBe(200);
  });

  it("is left alone, whoever asks and whatever wakes it", async ({ expect }) => {
    const { cloud, warnings, bot, agent, requests, state } = await upgrading();
    for (const [method, path, body] of whatPeopleAsk(bot.id)) {
      const answer = await request(method, path, { body });
      expectProblem(expect, answer, { status: 409, code: "newer_release" });
    }
    await runInDurableObject(env.BOT.getByName(bot.id), async (instance, { storage }) => {
      await instance.alarm();
      const next = ((await storage.getAlarm()) ?? 0) - Date.now();
      expect([next > 59 * 60_000, next <= 60 * 60_000]).toEqual([true, true]);
    });
    expect(warnings.mock.calls.flat().join()).toContain("bot_of_newer_release");
    expect(cloud.counters.requests).toBe(requests);
    expect(cloud.droplet(agent.droplet_id)).toMatchObject({ powered: true });
    expect(await storedState(bot.id)).toBe(state);
  });

  it("tells its agent the order last given, and hands it its config", async ({ expect }) => {
    const { bot, agent, state } = await upgrading();
    const orders = { workload: "run", desired_config_id: bot.desired_config_version_id, commands: [] };
    expect(await agent.heartbeat()).toMatchObject({ status: 200, json: orders });
    expect(await agent.config()).toMatchObject({ status: 200, json: { id: bot.desired_config_version_id } });
    const later = [await agent.acknowledge(bot.desired_config_version_id), await agent.rotate("d".repeat(64))];
    for (const answer of later) expectProblem(expect, answer, { status: 503, code: "awaiting_release" });
    expect(await channelOrders(agent)).toMatchObject(orders);
    expect(await storedState(bot.id)).toBe(state);
    expect((await request("GET", `/bots/${bot.id}`)).json).toMatchObject({ health: { channel: "open" } });
  });

  it.for<[string, string]>([
    ["stop", "stop"],
    ["hold", "hold"],
    ["drain", "hold"],
  ])("tells its agent no more than %s where that was the last order", async ([order, told], { expect }) => {
    const { bot, agent } = await upgrading();
    await rewrite(bot.id, { "$.order": order });
    expect(await agent.heartbeat()).toMatchObject({ status: 200, json: { workload: told } });
  });

  it("is destroyed by force, and what is left of it then goes as ever", async ({ expect }) => {
    const { cloud, bot, agent } = await upgrading();
    const forced = await destroyByForce(bot.id);
    expect(forced).toMatchObject({
      status: 202,
      json: { operation: { kind: "destroy", state: "succeeded" }, left: { droplet_ids: [agent.droplet_id] } },
    });
    expect(await agent.heartbeat()).toMatchObject({ status: 401, json: { code: "credential_revoked" } });
    await untilBot(bot.id, { status: "destroyed", reason: "droplet_confirmed_gone" });
    expect(dropletsOf(cloud, bot.id)).toEqual([]);
  });

  it("is destroyed by force where a droplet's state is not known, and its droplet waits", async ({ expect }) => {
    const { cloud, bot, agent } = await upgrading();
    await rewrite(bot.id, { "$.droplets[0].status": "hibernating" });
    expect(await destroyByForce(bot.id)).toMatchObject({ json: { left: { droplet_ids: [agent.droplet_id] } } });
    await eventually(async () => {
      const row = await env.DB.prepare("SELECT status, reason FROM bots WHERE id = ?").bind(bot.id).first();
      expect(row).toEqual({ status: "destroyed", reason: "newer_release" });
    });
    const claimed = await env.BOT.getByName(bot.id).claim({
      droplet: { id: agent.droplet_id, name: "any", status: "active", ip_address: null, tags: [`bot-${bot.id}`] },
      listed_ms_ago: 0,
      dry_run: false,
    });
    expect(claimed).toBe("mine");
    expect(dropletsOf(cloud, bot.id)).toHaveLength(1);
    expect(JSON.parse(await storedState(bot.id))).toMatchObject({ droplets: [{ status: "hibernating" }] });
  });

  it("goes on once the release that knows it runs again", async ({ expect }) => {
    const { bot, agent } = await upgrading();
    expect((await act(bot.id, "pause")).json.code).toBe("newer_release");
    await rewrite(bot.id, { "$.status": "online", "$.operation.kind": "create", "$.operation.state": "succeeded" });
    expect(await agent.heartbeat()).toMatchObject({ status: 200 });
    expect((await act(bot.id, "pause")).status).toBe(202);
    await untilBot(bot.id, { status: "paused" });
  });
});

async function channelOrders({ connect, droplet_id, boot_id }: TestAgent) {
  const { channel, problem } = await connect();
  if (channel === null) throw new Error(`no channel: ${JSON.stringify(problem)}`);
  channel.status({ droplet_id, boot_id });
  return channel.orders();
}
