import { createScheduledController, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, it, vi } from "vitest";
import { insertBot } from "../../src/accounts/bots.ts";
import type { Env } from "../../src/bindings.ts";
import { openDb } from "../../src/db/client.ts";
import worker from "../../src/index.ts";
import { configRow } from "../fixtures/bot.ts";
import { agentOf, onlineBot } from "./agent.ts";
import { testWish } from "./audited.ts";
import { act, endOfTest, eventually, newAccount, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

/** The rows of a bot whose object was never told: the Worker died between the two. */
async function acceptedButUntold(createdAt = Date.now()): Promise<string> {
  const account_id = await newAccount();
  const id = crypto.randomUUID();
  const config = configRow({
    id: crypto.randomUUID(),
    bot_id: id,
    llm_api_key_updated_at: createdAt,
    created_at: createdAt,
  });
  const bot = { id, account_id, name: "Foundling", persona: "beginner", actor: "operator:test", config } as const;
  const made = await insertBot(openDb(env.DB), { every_account: true }, bot, testWish(), createdAt);
  if (made.kind !== "created") throw new Error(made.kind);
  return id;
}

async function runCron(): Promise<void> {
  // The test's own type of the bindings has no room for the settings, which are there all the same.
  await worker.scheduled(createScheduledController(), env as unknown as Env);
}

describe("a bot that was accepted but whose object was never told", () => {
  it("is made by whoever reads it first, and only once", async ({ expect }) => {
    const cloud = simulateCloud();
    const id = await acceptedButUntold();
    expect(cloud.droplets()).toEqual([]);
    const reads = await Promise.all(Array.from({ length: 5 }, () => request("GET", `/bots/${id}`)));
    expect(reads.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(reads[0]?.json).toMatchObject({ id, name: "Foundling", generation: 1 });
    await untilBot(id, { phase: "waiting_for_agent" });
    expect(cloud.counters.creates).toBe(1);
  });

  it("can be acted on at once", async ({ expect }) => {
    const cloud = simulateCloud();
    const id = await acceptedButUntold();
    expect((await act(id, "destroy")).status).toBe(202);
    await untilBot(id, { status: "destroyed" });
    expect(cloud.droplets()).toEqual([]);
  });

  it("is made by the cron after a minute's grace, and not while its create may still be under way", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const [old, young] = [await acceptedButUntold(Date.now() - 61_000), await acceptedButUntold()];
    await runCron();
    await eventually(() => expect(cloud.droplets()).toHaveLength(1));
    await runCron();
    expect((await env.DB.prepare("SELECT revision FROM bots WHERE id = ?").bind(young).first())?.revision).toBe(0);
    await untilBot(old, { phase: "waiting_for_agent" });
    expect(cloud.counters.creates).toBe(1);
  });
});

describe("a bot that its object has forgotten", () => {
  it("answers 503 and never gets a second droplet: it is not taken for a new one", async ({ expect }) => {
    const cloud = simulateCloud();
    const id = await acceptedButUntold(Date.now() - 3_600_000);
    await env.DB.prepare("UPDATE bots SET revision = 7, status = 'online' WHERE id = ?").bind(id).run();
    for (const [method, path, body] of [
      ["GET", "", undefined],
      ["POST", "/actions", { action: "redeploy" }],
      ["PATCH", "/config", { strictness: "low" }],
      ["GET", "/events", undefined],
    ] as const) {
      const answer = await request(method, `/bots/${id}${path}`, { body });
      expectProblem(expect, answer, { status: 503, code: "bot_unreadable" });
    }
    await runCron();
    expect([cloud.counters.requests, cloud.droplets().length]).toEqual([0, 0]);
  });
});

describe("a bot whose stored state cannot be read", () => {
  async function corrupt(botId: string): Promise<void> {
    const stub = env.BOT.getByName(botId);
    await runInDurableObject(stub, async (_bot, { storage }) => {
      storage.sql.exec("UPDATE document SET value = '{\"generation\": \"many\"}' WHERE key = 'state'");
      await storage.deleteAlarm();
    });
    await evictDurableObject(stub);
  }

  it("does nothing, says so, and does not look like a revoked credential to its agent", async ({ expect }) => {
    const cloud = simulateCloud();
    const errors = vi.spyOn(console, "error");
    const { bot, agent } = await onlineBot(cloud);
    await eventually(async () => {
      const row = await env.DB.prepare("SELECT status FROM bots WHERE id = ?").bind(bot.id).first();
      expect(row?.status).toBe("online");
    });
    await corrupt(bot.id);
    const before = cloud.counters.requests;
    const asked = await Promise.all([
      request("GET", `/bots/${bot.id}`),
      act(bot.id, "redeploy"),
      request("PATCH", `/bots/${bot.id}`, { body: { name: "New" } }),
      request("PATCH", `/bots/${bot.id}/config`, { body: { strictness: "low" } }),
      request("GET", `/bots/${bot.id}/operations`),
      agent.heartbeat(),
      agent.config(),
      agent.acknowledge(bot.desired_config_version_id),
    ]);
    for (const answer of asked) expectProblem(expect, answer, { status: 503, code: "bot_unreadable" });
    expect((await request("GET", `/bots?account_id=${bot.account_id}`)).json.data).toMatchObject([
      { id: bot.id, status: "online" },
    ]);

    await runInDurableObject(env.BOT.getByName(bot.id), async (instance, { storage }) => {
      await instance.alarm();
      const next = (await storage.getAlarm()) ?? 0;
      expect(next - Date.now()).toBeGreaterThan(59 * 60_000);
      expect(next - Date.now()).toBeLessThanOrEqual(60 * 60_000);
    });
    expect(errors.mock.calls.flat().join()).toContain("bot_state_unreadable");
    expect(cloud.counters.requests).toBe(before);
    expect(cloud.droplet(agent.droplet_id)).toMatchObject({ powered: true });
  });

  it("does not turn away the exchange, the reports and the release with 401 either", async ({ expect }) => {
    const cloud = simulateCloud();
    const bot = await newBot();
    const agent = await agentOf(cloud, bot.id);
    await untilBot(bot.id, { phase: "waiting_for_agent" });
    await corrupt(bot.id);
    expectProblem(expect, await agent.register(), { status: 503, code: "bot_unreadable" });
    expectProblem(expect, await agent.stage("node"), { status: 503, code: "bot_unreadable" });
    const release = await request("GET", `/bot/${bot.id}/agent`, { token: agent.token });
    expectProblem(expect, release, { status: 503, code: "bot_unreadable" });
  });
});
