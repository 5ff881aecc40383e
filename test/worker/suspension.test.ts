import { afterEach, describe, it } from "vitest";
import { bringOnline, onlineBot } from "./agent.ts";
import {
  act,
  dropletsOf,
  endOfTest,
  eventually,
  newBot,
  request,
  simulateCloud,
  untilBot,
  untilIdle,
} from "./cloud.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

function suspend(id: string, reason = "payment_failed", headers: Record<string, string> = {}) {
  return request("POST", `/operator/bots/${id}/suspend`, { body: { reason }, headers });
}

function unsuspend(id: string, headers: Record<string, string> = {}) {
  return request("POST", `/operator/bots/${id}/unsuspend`, { headers });
}

async function show(id: string) {
  return (await request("GET", `/bots/${id}`)).json;
}

/** A bot that was online and is suspended. */
async function suspendedBot(cloud: ReturnType<typeof simulateCloud>) {
  const online = await onlineBot(cloud);
  await suspend(online.bot.id);
  await untilBot(online.bot.id, { status: "suspended", phase: null });
  return online;
}

describe("a suspension", () => {
  it("stops the bot, keeps its droplet, and says who, why and since when", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const asked = await suspend(bot.id, "payment_failed");
    expect([asked.status, asked.json.status], asked.text).toEqual([202, "ok"]);
    expect(asked.json.operation).toMatchObject({ kind: "suspend", state: "running" });
    expect((await agent.heartbeat()).json.workload).toBe("stop");
    expectProblem(expect, await agent.config(), { status: 409, code: "config_fenced" });

    const suspended = await untilBot(bot.id, { status: "suspended", phase: null });
    expect(suspended).toMatchObject({
      reason: "payment_failed",
      confirmed_by: "provider",
      next: null,
      suspension: { reason: "payment_failed", by: expect.stringMatching(/^operator:/) },
      operation: { id: asked.json.operation.id, state: "succeeded" },
    });
    expect(Date.parse(suspended.since)).toBeGreaterThanOrEqual(Date.parse(suspended.suspension.since));
    expect(dropletsOf(cloud, bot.id)).toMatchObject([{ id: agent.droplet_id, status: "off", powered: false }]);
    await eventually(async () => {
      const { data } = (await request("GET", `/bots?status=suspended&account_id=${bot.account_id}`)).json;
      expect(data).toMatchObject([{ id: bot.id, reason: "payment_failed" }]);
    });
  });

  it("asked for again answers with the same operation and keeps its reason", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await suspendedBot(cloud);
    const before = await show(bot.id);
    const again = await suspend(bot.id, "abuse");
    expect(again).toMatchObject({ status: 202, json: { operation: { id: before.operation.id } } });
    expect(await show(bot.id)).toMatchObject({ revision: before.revision, suspension: { reason: "payment_failed" } });
  });

  it("leaves its owner no action but destroy, and takes a new config for later", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await suspendedBot(cloud);
    for (const action of ["pause", "resume", "redeploy"]) {
      const refused = await act(bot.id, action);
      expectProblem(expect, refused, { status: 409, code: "action_not_allowed" });
      expect(refused.json).toMatchObject({ allowed: ["destroy"], detail: expect.stringContaining("suspended") });
    }
    const patched = await request("PATCH", `/bots/${bot.id}/config`, { body: { strictness: "high" } });
    expect(patched).toMatchObject({ status: 200, json: { version: 2 } });
    expect(await show(bot.id)).toMatchObject({ status: "suspended", config_drift: true });
    expect((await act(bot.id, "destroy")).status).toBe(202);
    expect(await untilBot(bot.id, { status: "destroyed" })).toMatchObject({ suspension: null });
    expect(dropletsOf(cloud, bot.id)).toEqual([]);
    for (const answer of [await suspend(bot.id), await unsuspend(bot.id)]) {
      expectProblem(expect, answer, { status: 409, code: "bot_destroyed" });
    }
  });

  it("switches a bot off that another hand has switched on", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await suspendedBot(cloud);
    const headers = { authorization: "Bearer dop_v1_simulator", "content-type": "application/json" };
    const url = `http://digitalocean.test/v2/droplets/${agent.droplet_id}/actions`;
    await cloud.fetch(url, { method: "POST", headers, body: JSON.stringify({ type: "power_on" }) });
    expect(dropletsOf(cloud, bot.id)).toMatchObject([{ powered: true }]);
    expect((await agent.heartbeat({ boot_id: "by-hand" })).json.workload).toBe("stop");
    await eventually(() => expect(dropletsOf(cloud, bot.id)).toMatchObject([{ powered: false }]));
    await untilBot(bot.id, { status: "suspended", phase: null });
  });

  it("cannot be cancelled, only taken away", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    cloud.script.add({ on: "get_droplet", fault: "before_effect" });
    const { operation } = (await suspend(bot.id)).json;
    const cancel = await request("POST", `/bots/${bot.id}/operations/${operation.id}/cancel`);
    expectProblem(expect, cancel, { status: 409, code: "operation_committed" });
  });
});

describe("a suspension of a bot that is being made", () => {
  it("stops the droplet once it is there, and none is made after it", async ({ expect }) => {
    const cloud = simulateCloud({ create_ms: 300 });
    const bot = await newBot();
    await untilBot(bot.id, { phase: "waiting_for_droplet" });
    await suspend(bot.id);
    const { operation } = await untilBot(bot.id, { status: "suspended", phase: null });
    expect(operation).toMatchObject({ kind: "suspend", state: "succeeded" });
    expect(dropletsOf(cloud, bot.id)).toMatchObject([{ powered: false }]);
    const [, create] = (await request("GET", `/bots/${bot.id}/operations`)).json.data;
    expect(create).toMatchObject({ kind: "create", state: "cancelled" });
    expect(cloud.counters.creates).toBe(1);
  });

  it("ends only when it is known what became of the POST", async ({ expect }) => {
    const cloud = simulateCloud();
    cloud.script.add({ on: "create_droplet", fault: "late_effect", times: 1, delay_ms: 600 });
    const bot = await newBot();
    await untilBot(bot.id, { phase: "confirming_create" });
    await suspend(bot.id);
    await untilBot(bot.id, { status: "suspended", phase: null });
    expect(dropletsOf(cloud, bot.id)).toMatchObject([{ powered: false }]);
    const events = (await request("GET", `/bots/${bot.id}/events?limit=1000`)).json.data;
    const kinds = events.map(({ kind }: { kind: string }) => kind);
    expect(kinds.indexOf("intent_adopted")).toBeGreaterThan(kinds.indexOf("suspended"));
    expect(kinds.indexOf("intent_adopted")).toBeLessThan(kinds.indexOf("operation_succeeded"));
  });
});

describe("taking a suspension away", () => {
  it("brings the bot back on its droplet", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await suspendedBot(cloud);
    const asked = await unsuspend(bot.id);
    expect(asked, asked.text).toMatchObject({ status: 202, json: { status: "ok", operation: { kind: "resume" } } });
    await eventually(() => expect(dropletsOf(cloud, bot.id)).toMatchObject([{ id: agent.droplet_id, powered: true }]));
    await eventually(async () => {
      expect((await agent.heartbeat({ boot_id: "after-it" })).json.workload).toBe("run");
      expect(await show(bot.id)).toMatchObject({ status: "online", generation: 1, suspension: null });
    });
    expect(await untilIdle(bot.id)).toMatchObject({ id: asked.json.operation.id, state: "succeeded" });
  });

  it("makes a new droplet where none is left, and says so", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await suspendedBot(cloud);
    cloud.vanish(agent.droplet_id);
    expect((await unsuspend(bot.id)).json.operation).toMatchObject({ kind: "resume" });
    await untilBot(bot.id, { generation: 2 });
    const next = await bringOnline(cloud, bot.id);
    expect(dropletsOf(cloud, bot.id)).toMatchObject([{ id: next.droplet_id, powered: true }]);
    const events = (await request("GET", `/bots/${bot.id}/events?limit=1000`)).json.data;
    const started = events.find(({ kind }: { kind: string }) => kind === "generation_started");
    expect(started.data).toEqual({ generation: 2, why: "droplet_gone" });
  });

  it("leaves a bot paused that was paused before, without having touched its droplet", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    await act(bot.id, "pause");
    await untilBot(bot.id, { status: "paused", phase: null });
    const actions = () => cloud.requests.filter(({ operation }) => operation === "droplet_action").length;
    const before = actions();
    await suspend(bot.id);
    const { operation } = await untilBot(bot.id, { status: "suspended", phase: null });
    const answer = await unsuspend(bot.id);
    expect(answer).toMatchObject({ status: 202, json: { operation: { id: operation.id } } });
    expect(await show(bot.id)).toMatchObject({ status: "paused", reason: "pause", next: null, suspension: null });
    expect((await agent.heartbeat()).json.workload).toBe("stop");
    expect(actions()).toBe(before);
  });

  it("ends a suspend that is under way, and brings the bot back all the same", async ({ expect }) => {
    const cloud = simulateCloud({ shutdown_ms: 200 });
    const { bot, agent } = await onlineBot(cloud);
    const suspended = (await suspend(bot.id)).json.operation;
    await untilBot(bot.id, { phase: "shutting_down" });
    await unsuspend(bot.id);
    const operations = (await request("GET", `/bots/${bot.id}/operations`)).json.data;
    expect(operations.find(({ id }: { id: string }) => id === suspended.id)).toMatchObject({ state: "cancelled" });
    await eventually(async () => {
      const [droplet] = dropletsOf(cloud, bot.id);
      if (droplet?.powered) await agent.heartbeat({ boot_id: "after-it" });
      expect(await show(bot.id)).toMatchObject({ status: "online", phase: null, generation: 1 });
    });
    await eventually(() => expect(dropletsOf(cloud, bot.id)).toMatchObject([{ id: agent.droplet_id, powered: true }]));
  });

  it("from a bot that is not suspended does nothing", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    const before = await show(bot.id);
    const answer = await unsuspend(bot.id);
    expect(answer).toMatchObject({ status: 202, json: { operation: { id: before.operation.id, kind: "create" } } });
    expect(await show(bot.id)).toMatchObject({ revision: before.revision, status: "online" });
  });
});

describe("suspend and unsuspend with an Idempotency-Key", () => {
  it("are replayed with their operation, even when the bot has long moved on", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    const headers = { "idempotency-key": crypto.randomUUID() };
    const first = await suspend(bot.id, "payment_failed", headers);
    await untilBot(bot.id, { status: "suspended", phase: null });
    const back = await unsuspend(bot.id, headers);
    expect(back.headers.get("idempotency-replayed"), "another route is another key").toBe(null);
    const late = await suspend(bot.id, "payment_failed", headers);
    expect([late.status, late.headers.get("idempotency-replayed")]).toEqual([202, "true"]);
    expect(late.json.operation).toMatchObject({ id: first.json.operation.id, kind: "suspend" });
    expect((await unsuspend(bot.id, headers)).json.operation.id).toBe(back.json.operation.id);
    expect(await show(bot.id)).toMatchObject({ suspension: null, operation: { kind: "resume" } });
    expectProblem(expect, await suspend(bot.id, "abuse", headers), { status: 422, code: "idempotency_key_reused" });
  });
});
