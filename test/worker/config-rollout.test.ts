import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, it, vi } from "vitest";
import { agentOf, bringOnline, onlineBot, type TestAgent } from "./agent.ts";
import { act, endOfTest, eventually, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

const FAILED = { result: "failed", reason: "exit 78", workload: "starting" };

function patch(botId: string, body: Record<string, unknown>) {
  return request("PATCH", `/bots/${botId}/config`, { body });
}

async function standing(botId: string) {
  return (await request("GET", `/bots/${botId}`)).json.config;
}

async function told(botId: string, kind: string) {
  const { json } = await request("GET", `/bots/${botId}/events?limit=1000`);
  return json.data.filter((event: { kind: string }) => event.kind === kind);
}

/** Waits until the desired version is this one, has it applied, and answers it as management sees it. */
async function applyNext(agent: TestAgent, version: number) {
  await untilBot(agent.bot_id, { desired_config_version: version });
  const { json } = await agent.config();
  await agent.acknowledge(json.id, { workload: "running" });
  return (await request("GET", `/bots/${agent.bot_id}/config`)).json;
}

/** Lets so much time pass, at whose end the agent beats and the bot looks after itself; before it nothing is due. */
async function pass(agent: TestAgent, ms: number) {
  const wake = () => runInDurableObject(env.BOT.getByName(agent.bot_id), (bot) => bot.alarm());
  await wake();
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
  await agent.heartbeat();
  await wake();
}

describe("a rollout as it is shown", () => {
  it("is pending, delivered with a deadline, settled", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const first = { id: bot.desired_config_version_id, version: 1 };
    expect(await standing(bot.id)).toMatchObject({
      desired: first,
      applied: first,
      effective: first,
      last_good: first,
      rollout: { state: "settled", version: 1, deadline: null, reason: null },
      drift: false,
    });
    const { json: second } = await patch(bot.id, { strictness: "high" });
    expect(await standing(bot.id)).toMatchObject({
      desired: { id: second.id, version: 2 },
      effective: first,
      rollout: { state: "pending_delivery", version: 2, deadline: null },
      drift: true,
    });
    await agent.config();
    const { rollout } = await standing(bot.id);
    expect(rollout).toMatchObject({ state: "delivered", version: 2, reason: null });
    expect(Date.parse(rollout.deadline) - Date.parse(rollout.since)).toBe(150_000);
    expect((await agent.config({ "if-none-match": `"${second.id}"` })).status).toBe(304);
    expect(await told(bot.id, "config_delivered")).toHaveLength(2);

    await agent.acknowledge(second.id, { workload: "stopped" });
    expect(await standing(bot.id)).toMatchObject({
      applied: { version: 2 },
      effective: { version: 2 },
      last_good: first,
      rollout: { state: "settled", deadline: null },
      drift: false,
    });
    await agent.acknowledge(second.id, { workload: "running" });
    expect((await standing(bot.id)).last_good).toEqual({ id: second.id, version: 2 });
  });

  it("waits for the agent of a paused bot without a deadline", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    await act(bot.id, "pause");
    await untilBot(bot.id, { status: "paused" });
    await patch(bot.id, { strictness: "high" });
    expect((await standing(bot.id)).rollout).toMatchObject({ state: "pending_delivery", deadline: null });
  });
});

describe("a version that fails", () => {
  it("is replaced by the last good content as a new version, once, and everybody can read why", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const first = (await request("GET", `/bots/${bot.id}/config`)).json;
    const { json: second } = await patch(bot.id, { strictness: "high", max_drawdown_pct: 1, note: "bolder" });
    await agent.config();
    await agent.acknowledge(second.id, FAILED);
    await untilBot(bot.id, { desired_config_version: 3, status: "online", reason: "config_failed" });
    const third = await applyNext(agent, 3);
    expect(third).toMatchObject({
      restored_from: 1,
      trading_config: first.trading_config,
      risk_config: first.risk_config,
      secrets: first.secrets,
      author: "spawnpoint",
      note: "Version 2 failed: exit 78",
    });
    expect(await request("GET", `/bots/${bot.id}`)).toMatchObject({
      json: {
        status: "online",
        reason: null,
        config: {
          last_good: { version: 3 },
          rollout: { state: "rolled_back", version: 3, reason: "exit 78" },
          drift: false,
        },
      },
    });
    const back = { failed_version: 2, reason: "exit 78", restored_from: 1, version: 3 };
    expect(await told(bot.id, "rolled_back")).toMatchObject([{ actor: "spawnpoint", data: back }]);
    await eventually(async () => {
      const { data } = (await request("GET", `/bots/${bot.id}/configs`)).json;
      expect(data).toMatchObject([
        { version: 3, author: "spawnpoint" },
        { version: 2, author: expect.stringMatching(/^operator/), note: "bolder" },
        { version: 1, author: expect.stringMatching(/^operator/), note: null },
      ]);
    });
  });

  it("fails by silence: delivered to an agent that beats, and not acknowledged in 150 s", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    await patch(bot.id, { strictness: "high" });
    await pass(agent, 3_600_000);
    expect((await standing(bot.id)).rollout.state, "not before it is delivered").toBe("pending_delivery");
    await agent.config();
    await pass(agent, 149_000);
    expect((await standing(bot.id)).rollout.state).toBe("delivered");
    await pass(agent, 2_000);
    await untilBot(bot.id, { desired_config_version: 3 });
    expect(await told(bot.id, "config_failed")).toMatchObject([
      { actor: "spawnpoint", data: { config: { version: 2 }, reason: "not_acknowledged" } },
    ]);
    expect((await standing(bot.id)).rollout).toMatchObject({ state: "pending_delivery", reason: "not_acknowledged" });
  });

  it("takes a secret that came with it back as well", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const first = (await request("GET", `/bots/${bot.id}/config`)).json;
    const { json: second } = await patch(bot.id, { llm_api_key: "sk-a-key-that-is-wrong" });
    await agent.acknowledge(second.id, FAILED);
    await untilBot(bot.id, { desired_config_version: 3 });
    expect((await agent.config()).json.secrets).toEqual({
      llm_provider: "anthropic",
      llm_api_key: "sk-ant-0123456789abcdef",
      environment: {},
    });
    expect((await request("GET", `/bots/${bot.id}/config`)).json.secrets).toEqual(first.secrets);
  });

  it("is an error where nothing was ever good; the droplet stays, and the next change is offered", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const bot = await newBot();
    const agent = await agentOf(cloud, bot.id);
    await agent.register();
    await agent.config();
    await agent.acknowledge(bot.desired_config_version_id, { ...FAILED, workload: "failed" });
    const failed = await untilBot(bot.id, { status: "error" });
    expect(failed).toMatchObject({
      reason: "config_failed",
      droplet_id: agent.droplet_id,
      operation: { kind: "create", state: "failed", last_error: "exit 78" },
      config: { effective: null, last_good: null, rollout: { state: "failed", version: 1, reason: "exit 78" } },
    });
    await patch(bot.id, { llm_provider: "openai" });
    expect((await agent.heartbeat()).json.workload).toBe("run");
    await applyNext(agent, 2);
    await untilBot(bot.id, { status: "online", reason: null, config_drift: false });
  });

  it("is an error where what was put back fails too; nothing more is put back", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const { json: second } = await patch(bot.id, { strictness: "high" });
    await agent.acknowledge(second.id, FAILED);
    const { desired_config_version_id } = await untilBot(bot.id, { desired_config_version: 3 });
    await agent.acknowledge(desired_config_version_id, { ...FAILED, workload: "failed" });
    const given = await untilBot(bot.id, { status: "error", reason: "config_failed" });
    expect(given).toMatchObject({ desired_config_version: 3, droplet_id: agent.droplet_id });
    expect(await told(bot.id, "rolled_back")).toHaveLength(1);
    await agent.acknowledge(desired_config_version_id);
    await untilBot(bot.id, { status: "online", config_drift: false });
  });
});

describe("races of a rollout", () => {
  it("a change that comes with the failure: whichever comes first, at most one rollback, and nothing is lost", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const { json: second } = await patch(bot.id, { strictness: "high" });
    const [acked, changed] = await Promise.all([
      agent.acknowledge(second.id, FAILED),
      patch(bot.id, { algorithm: "breakout" }),
    ]);
    expect([acked.status, changed.status]).toEqual([200, 200]);
    const restored = changed.json.version === 4;
    expect(await applyNext(agent, changed.json.version)).toMatchObject({
      trading_config: { algorithm: "breakout", strictness: restored ? "medium" : "high" },
    });
    expect(await told(bot.id, "rolled_back")).toHaveLength(restored ? 1 : 0);
    await untilBot(bot.id, { status: "online", reason: null, config_drift: false });
  });

  it("an acknowledgement after the rollback: it is recorded as what runs", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const { json: second } = await patch(bot.id, { strictness: "high" });
    await agent.acknowledge(second.id, FAILED);
    const { desired_config_version_id } = await untilBot(bot.id, { desired_config_version: 3 });
    const late = await agent.acknowledge(second.id);
    expect([late.status, late.json.desired_config_id]).toEqual([200, desired_config_version_id]);
    expect(await standing(bot.id)).toMatchObject({ effective: { version: 2 }, applied: { version: 1 }, drift: true });
    await applyNext(agent, 3);
    expect((await standing(bot.id)).drift).toBe(false);
  });

  it("an acknowledgement of the generation before is refused with 409, and its agent may give it up", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    await act(bot.id, "redeploy");
    await untilBot(bot.id, { generation: 2, status: "provisioning" });
    const late = await agent.acknowledge(bot.desired_config_version_id);
    expectProblem(expect, late, { status: 409, code: "generation_over" });
    expect((await standing(bot.id)).applied).toBe(null);
    expectProblem(expect, await agent.heartbeat(), { status: 401, code: "credential_revoked" });
    await bringOnline(cloud, bot.id);
  });

  it("a redeploy onto a bad version: the new droplet tries it, and the create goes on with what was good", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    const { json: second } = await patch(bot.id, { strictness: "high" });
    await act(bot.id, "redeploy");
    await untilBot(bot.id, { generation: 2, phase: "waiting_for_agent" });
    const agent = await agentOf(cloud, bot.id);
    await agent.register();
    expect((await agent.config()).json.id).toBe(second.id);
    await agent.acknowledge(second.id, { ...FAILED, workload: "failed" });
    expect(await untilBot(bot.id, { desired_config_version: 3 })).toMatchObject({ status: "provisioning" });
    await applyNext(agent, 3);
    await untilBot(bot.id, { status: "online", generation: 2, config_drift: false });
    expect(await told(bot.id, "rolled_back")).toHaveLength(1);
  });
});

describe("the difference between two versions", () => {
  it("is told field by field, and of secrets only that they changed", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    const brakes = { volatility_brake: false, correlation_brake: false };
    const signal_knobs = { ...brakes, volume_confirmation: true, liquidity_filter: "low" };
    await patch(bot.id, { strictness: "high", max_drawdown_pct: 1 });
    await patch(bot.id, { llm_provider: "openai", llm_api_key: "sk-another-long-key-9999", signal_knobs });
    const diff = (from: number, to: number) => request("GET", `/bots/${bot.id}/configs/${from}/diff/${to}`);
    await eventually(async () => expect((await diff(1, 3)).status).toBe(200));
    expect((await diff(1, 2)).json).toEqual({
      bot_id: bot.id,
      from: 1,
      to: 2,
      changes: [
        { path: "/trading_config/strictness", from: "medium", to: "high" },
        { path: "/risk_config/max_drawdown_pct", from: 20, to: 1 },
      ],
    });
    const back = await diff(3, 2);
    expect(back.json.changes).toEqual([
      { path: "/trading_config/signal_knobs/volume_confirmation", from: true, to: null },
      { path: "/trading_config/signal_knobs/volatility_brake", from: false, to: null },
      { path: "/trading_config/signal_knobs/liquidity_filter", from: "low", to: null },
      { path: "/trading_config/signal_knobs/correlation_brake", from: false, to: null },
      { path: "/secrets/llm_provider", from: "openai", to: "anthropic" },
      { path: "/secrets/llm_api_key", changed: true },
    ]);
    expect(back.text).not.toMatch(/sk-|9999/);
    expect((await diff(2, 2)).json.changes).toEqual([]);
    expectProblem(expect, await diff(1, 9), { status: 404, code: "config_not_found" });
  });
});
