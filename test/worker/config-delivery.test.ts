import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { onlineBot } from "./agent.ts";
import { act, endOfTest, eventually, request, simulateCloud, untilBot } from "./cloud.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

function patch(botId: string, body: Record<string, unknown>) {
  return request("PATCH", `/bots/${botId}/config`, { body });
}

async function show(botId: string) {
  return (await request("GET", `/bots/${botId}`)).json;
}

describe("what an agent says of a config version", () => {
  it("makes the desired version applied, and repeating it changes nothing", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const { json: second } = await patch(bot.id, { strictness: "high" });
    expect(await show(bot.id)).toMatchObject({
      desired_config_version: 2,
      applied_config_version: 1,
      config_drift: true,
      status: "online",
    });
    expect((await agent.heartbeat()).json.desired_config_id).toBe(second.id);
    expect((await agent.config()).json).toMatchObject({
      id: second.id,
      version: 2,
      trading_config: { strictness: "high" },
    });

    expect((await agent.acknowledge(second.id)).json).toEqual({ status: "acknowledged", desired_config_id: second.id });
    const applied = await show(bot.id);
    expect(applied).toMatchObject({
      applied_config_version: 2,
      applied_config_version_id: second.id,
      config_drift: false,
    });
    await agent.acknowledge(second.id, { result: "applied" });
    expect((await show(bot.id)).revision).toBe(applied.revision);
  });

  it("never moves the desired version: an older one is recorded as what runs", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const { json: second } = await patch(bot.id, { strictness: "high" });
    const { json: third } = await patch(bot.id, { strictness: "low" });
    const late = await agent.acknowledge(second.id);
    expect([late.status, late.json.desired_config_id]).toEqual([200, third.id]);
    expect(await show(bot.id)).toMatchObject({
      desired_config_version: 3,
      applied_config_version: 1,
      config_drift: true,
    });
    await eventually(async () => {
      const row = env.DB.prepare("SELECT effective_config_version FROM bots WHERE id = ?").bind(bot.id);
      expect(await row.first("effective_config_version")).toBe(2);
    });
    expect((await request("GET", `/bots/${bot.id}/config`)).json.id).toBe(third.id);
  });

  it("answers 404 to a version that the bot has not, another bot's included", async ({ expect }) => {
    const cloud = simulateCloud();
    const [{ bot, agent }, other] = [await onlineBot(cloud), await onlineBot(cloud)];
    const before = await show(bot.id);
    for (const id of [crypto.randomUUID(), other.bot.desired_config_version_id]) {
      expectProblem(expect, await agent.acknowledge(id), { status: 404, code: "config_not_found" });
    }
    expect((await show(bot.id)).revision).toBe(before.revision);
  });

  it("records a failure with its reason; the bot stays online with the version that works", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const { json: second } = await patch(bot.id, { llm_provider: "together" });
    const failed = { result: "failed", reason: "the gateway refused to start" };
    expect((await agent.acknowledge(second.id, failed)).status).toBe(200);
    const { revision, ...shown } = await untilBot(bot.id, { desired_config_version: 3 });
    expect(shown).toMatchObject({
      status: "online",
      reason: "config_failed",
      applied_config_version: 1,
      config_drift: true,
      config_failure: { version: 2, reason: failed.reason },
    });
    await agent.acknowledge(second.id, failed);
    expect((await show(bot.id)).revision).toBe(revision);
    await agent.acknowledge(shown.desired_config_version_id);
    expect(await show(bot.id)).toMatchObject({ config_failure: null, applied_config_version: 3, reason: null });
  });
});

describe("a change that cannot be delivered yet", () => {
  it("waits for a paused bot, which applies it after its resume", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    await act(bot.id, "pause");
    await untilBot(bot.id, { status: "paused" });
    const { status, json: second } = await patch(bot.id, { strictness: "high" });
    expect(status).toBe(200);
    expect(await show(bot.id)).toMatchObject({
      status: "paused",
      desired_config_version: 2,
      applied_config_version: 1,
      config_drift: true,
    });
    expect(await show(bot.id)).toMatchObject({ config_failure: null, next: null });
    await act(bot.id, "resume");
    await eventually(async () => {
      expect((await agent.heartbeat()).json).toMatchObject({ workload: "run", desired_config_id: second.id });
    });
    await agent.acknowledge(second.id);
    await eventually(async () => {
      // A beat from before the droplet was found to be off says nothing of it.
      await agent.heartbeat();
      expect(await show(bot.id)).toMatchObject({ status: "online", config_drift: false });
    });
  });

  it("gives no config to the agent of a bot that is being stopped", async ({ expect }) => {
    const cloud = simulateCloud({ guest_ignores_acpi: true });
    const { bot, agent } = await onlineBot(cloud);
    await act(bot.id, "pause");
    expectProblem(expect, await agent.config(), { status: 409, code: "config_fenced" });
    expect((await agent.heartbeat()).json.workload).toBe("stop");
  });

  it("is listed as drift until it is applied", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const ids = async (drift: boolean) => {
      const { json } = await request("GET", `/bots?account_id=${bot.account_id}&drift=${drift}`);
      return json.data.map(({ id }: { id: string }) => id);
    };
    await eventually(async () => expect([await ids(true), await ids(false)]).toEqual([[], [bot.id]]));
    const { json: second } = await patch(bot.id, { strictness: "high" });
    await eventually(async () => expect([await ids(true), await ids(false)]).toEqual([[bot.id], []]));
    await agent.acknowledge(second.id);
    await eventually(async () => expect([await ids(true), await ids(false)]).toEqual([[], [bot.id]]));
  });
});

describe("while D1 does not answer", () => {
  it("publishes and delivers a change, and hands it to D1 once that is back", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const stored = () =>
      env.DB.prepare("SELECT version FROM bot_configs WHERE bot_id = ? ORDER BY version").bind(bot.id).all();
    await env.DB.exec("ALTER TABLE bot_configs RENAME TO bot_configs_away");
    try {
      const { status, json: second } = await patch(bot.id, { strictness: "high" });
      expect([status, second.version]).toEqual([200, 2]);
      expect((await request("GET", `/bots/${bot.id}/config`)).json.id).toBe(second.id);
      expect((await agent.config()).json).toMatchObject({
        id: second.id,
        secrets: { llm_api_key: "sk-ant-0123456789abcdef" },
      });
      expect((await agent.acknowledge(second.id)).status).toBe(200);
      expect((await agent.heartbeat()).status).toBe(200);
      expect(await show(bot.id)).toMatchObject({ status: "online", applied_config_version: 2 });
    } finally {
      await env.DB.exec("ALTER TABLE bot_configs_away RENAME TO bot_configs");
    }
    await eventually(async () => expect((await stored()).results).toEqual([{ version: 1 }, { version: 2 }]));
  });
});
