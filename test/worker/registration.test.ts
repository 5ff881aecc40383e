import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, it, vi } from "vitest";
import { formatToken } from "../../src/wire/tokens.ts";
import { agentOf, agentOn, newCredential, onlineBot } from "./agent.ts";
import { act, dropletsOf, endOfTest, eventually, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

async function show(botId: string) {
  return (await request("GET", `/bots/${botId}`)).json;
}

async function eventsOf(botId: string, kind: string) {
  const { json } = await request("GET", `/bots/${botId}/events?limit=1000`);
  return json.data.filter((event: { kind: string }) => event.kind === kind);
}

describe("exchanging the registration token", () => {
  it("binds the first credential; the same exchange again is harmless, another one is refused and flagged", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const bot = await newBot();
    const agent = await agentOf(cloud, bot.id);
    const first = await agent.register();
    expect(first).toMatchObject({
      status: 200,
      json: {
        status: "registered",
        heartbeat_interval_s: 30,
        channel_url: `ws://spawnpoint.test/bot/${bot.id}/channel`,
      },
    });
    const { revision } = await show(bot.id);
    expect((await agent.register()).json).toEqual(first.json);
    expect(await show(bot.id)).toMatchObject({ revision, flags: [] });

    const { credential, credential_sha256 } = await newCredential(bot.id);
    expectProblem(expect, await agent.register({ credential_sha256 }), { status: 409, code: "credential_conflict" });
    expectProblem(expect, await agent.register({ credential_sha256 }), { status: 409, code: "credential_conflict" });
    expect((await show(bot.id)).flags).toEqual(["credential_conflict"]);
    expect(await eventsOf(bot.id, "agent_refused")).toHaveLength(1);
    const thief = await request("GET", `/bot/${bot.id}/config`, { token: credential });
    expectProblem(expect, thief, { status: 401, code: "invalid_credential" });
    expect((await agent.heartbeat()).status).toBe(200);
  });

  it("refuses another droplet with 403, says so once in the history and flags the bot", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const stranger = cloud.addForeignDroplet({ name: "stolen-token" });
    for (let again = 0; again < 3; again++) {
      expectProblem(expect, await agent.register({ droplet_id: stranger.id }), { status: 403, code: "wrong_droplet" });
      expectProblem(expect, await agent.heartbeat({ droplet_id: stranger.id }), { status: 403, code: "wrong_droplet" });
    }
    expect((await show(bot.id)).flags).toEqual(["wrong_droplet"]);
    expect(await eventsOf(bot.id, "agent_refused")).toMatchObject([
      { data: { code: "wrong_droplet", droplet_id: stranger.id } },
    ]);
    await eventually(async () => expect(await eventsOf(bot.id, "claim_dropped")).toHaveLength(1));
    expect(cloud.droplet(stranger.id), "nobody else's droplet is touched").toBeDefined();
    expect((await agent.heartbeat()).json.workload).toBe("run");
  });

  it("refuses a token that has expired", async ({ expect }) => {
    const cloud = simulateCloud();
    const bot = await newBot();
    const agent = await agentOf(cloud, bot.id);
    await untilBot(bot.id, { phase: "waiting_for_agent" });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 59 * 60_000 });
    expect((await agent.stage("node")).status).toBe(200);
    vi.setSystemTime(Date.now() + 2 * 60_000);
    expectProblem(expect, await agent.register(), { status: 401, code: "invalid_credential" });
    expectProblem(expect, await agent.stage("openclaw"), { status: 401, code: "invalid_credential" });
  });

  it("refuses the tokens of a bot that is being redeployed or destroyed", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    await act(bot.id, "redeploy");
    await untilBot(bot.id, { generation: 2, phase: "waiting_for_agent" });
    expectProblem(expect, await agent.register(), { status: 401, code: "invalid_credential" });
    const next = await agentOf(cloud, bot.id);
    expect(next.token).not.toBe(agent.token);
    await act(bot.id, "destroy");
    await untilBot(bot.id, { status: "destroyed" });
    expectProblem(expect, await next.register(), { status: 401, code: "invalid_credential" });
  });

  it("refuses a well-formed token that nobody minted, and the hash of a real one", async ({ expect }) => {
    const cloud = simulateCloud();
    const bot = await newBot();
    const agent = await agentOf(cloud, bot.id);
    const { credential_sha256, droplet_id, boot_id } = agent;
    const body = { bot_id: bot.id, credential_sha256, droplet_id, boot_id };
    const forged = formatToken("reg", bot.id, new Uint8Array(32).fill(1));
    expectProblem(expect, await request("POST", "/bot/register", { token: forged, body }), {
      status: 401,
      code: "invalid_credential",
    });
    const credential = await request("POST", "/bot/register", { token: agent.credential, body });
    expectProblem(expect, credential, { status: 401, code: "invalid_credential" });
    expect(await show(bot.id)).toMatchObject({ agent: null, flags: [] });
    expect((await agent.register()).status).toBe(200);
  });
});

describe("a token of another bot", () => {
  it("is refused in path and body, and wakes no object that does not exist", async ({ expect }) => {
    const cloud = simulateCloud();
    const [{ bot, agent }, victim] = [await onlineBot(cloud), await onlineBot(cloud)];
    const before = await show(victim.bot.id);
    const objects = async () => (await listDurableObjectIds(env.BOT)).map(String).sort();
    const known = await objects();

    const body = { credential_sha256: agent.credential_sha256, droplet_id: agent.droplet_id, boot_id: agent.boot_id };
    for (const id of [victim.bot.id, crypto.randomUUID()]) {
      const registered = await request("POST", "/bot/register", { token: agent.token, body: { ...body, bot_id: id } });
      expectProblem(expect, registered, { status: 401, code: "unauthorized" });
      for (const path of [`/bot/${id}/config`, `/bot/${id}/agent`]) {
        expectProblem(expect, await request("GET", path, { token: agent.credential }), {
          status: 401,
          code: "unauthorized",
        });
      }
    }
    expect(await objects()).toEqual(known);

    // A token that names a bot which does not exist: its object answers, and stores nothing.
    const nobody = crypto.randomUUID();
    const { credential } = await newCredential(nobody);
    const asked = await request("GET", `/bot/${nobody}/config`, { token: credential });
    expectProblem(expect, asked, { status: 401, code: "invalid_credential" });
    const stored = await runInDurableObject(env.BOT.getByName(nobody), async (_bot, { storage }) => ({
      tables: storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '_cf%'").toArray(),
      alarm: await storage.getAlarm(),
    }));
    expect(stored).toEqual({ tables: [], alarm: null });
    expect((await show(victim.bot.id)).revision).toBe(before.revision);
    expect((await show(bot.id)).flags).toEqual([]);
  });

  it("fails in shape or checksum before anything is looked up", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const last = agent.credential.at(-1) === "0" ? "1" : "0";
    const mangled = [
      agent.credential.slice(0, -1) + last,
      agent.credential.slice(1),
      agent.credential.toUpperCase(),
      `${agent.credential}00`,
    ];
    for (const token of mangled) {
      expectProblem(expect, await request("GET", `/bot/${bot.id}/config`, { token }), {
        status: 401,
        code: "unauthorized",
      });
    }
    const scheme = { authorization: `Basic ${agent.credential}` };
    const basic = await request("GET", `/bot/${bot.id}/config`, { token: null, headers: scheme });
    expectProblem(expect, basic, { status: 401, code: "unauthorized" });
  });
});

describe("a droplet that registers before we know of it", () => {
  it("is told to wait, then adopted by its name: the registration is the evidence", async ({ expect }) => {
    const cloud = simulateCloud();
    cloud.script.add({ on: "create_droplet", fault: "timeout_after", times: 1 });
    cloud.script.add({ on: "list_droplets", fault: "before_effect" });
    const bot = await newBot();
    const droplet = await eventually(() => {
      const [found] = dropletsOf(cloud, bot.id);
      if (found === undefined) throw new Error("no droplet yet");
      return found;
    });
    const agent = await agentOn(droplet, bot.id);
    const early = await agent.register();
    expectProblem(expect, early, { status: 503, code: "registration_pending" });
    expect((await show(bot.id)).agent).toBeNull();
    await eventually(async () => expect((await agent.register()).status).toBe(200));
    expect(await show(bot.id)).toMatchObject({ droplet_id: droplet.id, generation: 1 });
    expect(await eventsOf(bot.id, "intent_adopted")).toMatchObject([{ data: { via: "registration" } }]);
    await agent.acknowledge(bot.desired_config_version_id);
    await untilBot(bot.id, { status: "online", phase: null });
    expect(cloud.counters.creates).toBe(1);
  });
});
