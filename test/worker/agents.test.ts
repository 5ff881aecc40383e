import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createHash } from "node:crypto";
import { afterEach, describe, it, vi } from "vitest";
import { agentOf, onlineBot, type TestAgent } from "./agent.ts";
import { endOfTest, eventually, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

async function show(botId: string) {
  return (await request("GET", `/bots/${botId}`)).json;
}

/** Counts the statements that reach D1, and the rows that this bot's object writes, until the test ends. */
async function countWrites(botId: string) {
  const prepared = vi.spyOn(Object.getPrototypeOf(env.DB), "prepare");
  const batched = vi.spyOn(Object.getPrototypeOf(env.DB), "batch");
  const rows = await runInDurableObject(env.BOT.getByName(botId), (_bot, { storage }) =>
    vi.spyOn(Object.getPrototypeOf(storage.sql), "exec"),
  );
  const writing = (call: unknown[]) => /^\s*(INSERT|UPDATE|DELETE|CREATE)/i.test(String(call[0]));
  return {
    d1: () => prepared.mock.calls.length + batched.mock.calls.length,
    rows: () => rows.mock.calls.filter(writing).length,
  };
}

describe("a heartbeat", () => {
  it("answers what is wanted and is shown with what the agent said", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const answer = await agent.heartbeat({ load: 1.5, mem: 0.25, disk: 0.75 });
    expect(answer).toMatchObject({
      status: 200,
      json: {
        status: "ok",
        generation: 1,
        desired_config_id: bot.desired_config_version_id,
        workload: "run",
        commands: [],
      },
    });
    const shown = await show(bot.id);
    expect(shown.agent).toEqual({
      version: "1.2.3",
      boot_id: agent.boot_id,
      workload: { state: "running", version: "2026.11.1", restarts: 0 },
      load: 1.5,
      mem: 0.25,
      disk: 0.75,
    });
    expect(Date.parse(shown.last_heartbeat_at)).toBeGreaterThanOrEqual(Date.parse(shown.created_at));
  });

  it("shows what the workload is not ready for any more, until it is", async ({ expect }) => {
    const { bot, agent } = await onlineBot(simulateCloud());
    const workload = { state: "running", version: null, restarts: 0 };
    const degraded = ["channels", "sk-0123456789abcdef"];
    expect((await agent.heartbeat({ workload: { ...workload, degraded } })).status).toBe(200);
    const shown = await show(bot.id);
    expect(shown.health.degraded).toEqual(["channels", "[redacted]"]);
    expect([shown.status, shown.summary]).toEqual(["online", expect.stringContaining("not ready: channels")]);
    await agent.heartbeat({ workload });
    expect((await show(bot.id)).health.degraded).toEqual([]);
    const many = { ...workload, degraded: Array.from({ length: 9 }, () => "x") };
    expectProblem(expect, await agent.heartbeat({ workload: many }), { status: 422, code: "invalid_request" });
  });

  it("costs no D1 statement, leaves the alarm alone and writes at most one row a minute", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    await agent.heartbeat();
    const alarm = () => runInDurableObject(env.BOT.getByName(bot.id), (_bot, { storage }) => storage.getAlarm());
    const armed = await alarm();
    const count = await countWrites(bot.id);
    for (let beat = 0; beat < 10; beat++) expect((await agent.heartbeat({ load: beat })).status).toBe(200);
    expect([count.d1(), count.rows()]).toEqual([0, 0]);

    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
    for (let beat = 0; beat < 10; beat++) await agent.heartbeat({ load: beat });
    expect([count.d1(), count.rows()]).toEqual([0, 1]);
    expect(await alarm()).toBe(armed);
    // The spies do see what is written.
    await request("GET", "/bots");
    expect(count.d1()).toBeGreaterThan(0);
  });

  it("holds the workload of a live bot that restarted unasked, until a person lets it start by itself", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud, { paper_mode: false });
    expect((await agent.heartbeat()).json.workload).toBe("run");
    expect((await agent.heartbeat({ boot_id: "unasked" })).json.workload).toBe("hold");
    expect((await agent.heartbeat({ boot_id: "unasked" })).json.workload).toBe("hold");
    expect(await show(bot.id)).toMatchObject({ status: "online", reason: "start_held" });
    await request("PATCH", `/bots/${bot.id}`, { body: { policies: { start: "auto" } } });
    expect((await agent.heartbeat({ boot_id: "unasked" })).json.workload).toBe("run");
    expect((await agent.heartbeat({ boot_id: "again" })).json.workload).toBe("run");
  });

  it("lets a paper bot run on after a restart, unless its policy is manual", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    expect((await agent.heartbeat({ boot_id: "second" })).json.workload).toBe("run");
    await request("PATCH", `/bots/${bot.id}`, { body: { policies: { start: "manual" } } });
    expect((await agent.heartbeat({ boot_id: "third" })).json.workload).toBe("hold");
  });

  it("makes a bot unresponsive when it stays away, and online again when it comes back", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const { json: patched } = await request("PATCH", `/bots/${bot.id}`, { body: { policies: { healing: "off" } } });
    // Until the index has heard of it an alarm is due, and one that comes very late is no evidence of silence.
    await eventually(async () => {
      const { json } = await request("GET", `/bots?account_id=${patched.account_id}`);
      expect(json.data[0].revision).toBe(patched.revision);
    });
    const stub = env.BOT.getByName(bot.id);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 160_000 });
    await runInDurableObject(stub, (instance) => instance.alarm());
    expect(await show(bot.id)).toMatchObject({
      status: "unresponsive",
      reason: "heartbeat_missed",
      confirmed_by: "deadline",
    });
    expect((await agent.heartbeat()).json.workload).toBe("run");
    expect(await show(bot.id)).toMatchObject({ status: "online", reason: null, confirmed_by: "heartbeat" });
    expect(cloud.counters.creates, "nothing is rebuilt on silence alone").toBe(1);
  });

  it("is not missed while we were away ourselves", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60 * 60_000 });
    await runInDurableObject(env.BOT.getByName(bot.id), (instance) => instance.alarm());
    expect(await show(bot.id)).toMatchObject({ status: "online", next: { what: "heartbeat" } });
  });
});

describe("the bootstrap's reports", () => {
  it("show as the phase, once for each stage, and only from the bot's own droplet", async ({ expect }) => {
    const cloud = simulateCloud();
    const bot = await newBot();
    const agent = await agentOf(cloud, bot.id);
    await untilBot(bot.id, { phase: "waiting_for_agent" });
    expect((await agent.stage("packages", { detail: "apt" })).json).toEqual({ status: "ok" });
    const { revision, phase } = await show(bot.id);
    expect(phase).toBe("bootstrap_packages");
    await agent.stage("packages");
    expect((await show(bot.id)).revision).toBe(revision);
    expectProblem(expect, await agent.stage("node", { droplet_id: agent.droplet_id + 1 }), {
      status: 403,
      code: "wrong_droplet",
    });
    expect((await show(bot.id)).phase).toBe("bootstrap_packages");

    await agent.register();
    expect((await agent.stage("openclaw")).status, "the used token still reports").toBe(200);
    const withCredential = {
      token: agent.credential,
      body: { stage: "done", droplet_id: agent.droplet_id, boot_id: agent.boot_id },
    };
    expect((await request("POST", `/bot/${bot.id}/stage`, withCredential)).status).toBe(200);
  });
});

describe("the agent's bundle", () => {
  it("is named by its own digest, may be cached for ever and is found through the bot", async ({ expect }) => {
    const cloud = simulateCloud();
    const bot = await newBot();
    const agent: TestAgent = await agentOf(cloud, bot.id);
    const release = await request("GET", `/bot/${bot.id}/agent`, { token: agent.token });
    expect(release.status).toBe(200);
    const { url, sha256 } = release.json;
    expect(url).toBe(`/bot/agent/${sha256}.mjs`);
    const bundle = await request("GET", url, { token: null });
    expect(bundle.status).toBe(200);
    expect(createHash("sha256").update(bundle.text).digest("hex")).toBe(sha256);
    expect(bundle.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(bundle.headers.get("content-type")).toBe("text/javascript; charset=utf-8");

    const others = [`${"0".repeat(64)}.mjs`, sha256, `${sha256}.js`, `${sha256.toUpperCase()}.mjs`, "agent.mjs"];
    for (const file of others) {
      const other = await request("GET", `/bot/agent/${file}`, { token: null });
      expectProblem(expect, other, { status: 404, code: "agent_release_not_found" });
    }
    const droplet = cloud.droplets()[0]?.user_data;
    expect(droplet).toContain(`AGENT_SHA256='${sha256}'`);
  });
});
