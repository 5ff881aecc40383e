import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { onlineBot, type TestAgent, type TestChannel } from "./agent.ts";
import { act, endOfTest, eventually, request, simulateCloud, untilBot } from "./cloud.ts";

afterEach(endOfTest);

async function open(agent: TestAgent, changes: Record<string, unknown> = {}): Promise<TestChannel> {
  const { channel, problem } = await agent.connect(changes);
  if (channel === null) throw new Error(`no channel: ${JSON.stringify(problem)}`);
  return channel;
}

async function onlineWithChannel() {
  const cloud = simulateCloud();
  const { bot, agent } = await onlineBot(cloud);
  const channel = await open(agent);
  channel.status({ ...identityOf(agent), applied_config_id: bot.desired_config_version_id });
  const orders = await channel.orders();
  return { cloud, bot, agent, channel, orders };
}

function identityOf({ droplet_id, boot_id }: TestAgent) {
  return { droplet_id, boot_id };
}

describe("the channel", () => {
  it("answers a status with the orders, and a ping by itself", async ({ expect }) => {
    const { bot, channel, orders } = await onlineWithChannel();
    expect(orders).toMatchObject({
      type: "orders",
      status: "ok",
      generation: 1,
      desired_config_id: bot.desired_config_version_id,
      workload: "run",
      commands: [],
    });
    channel.say("ping");
    expect(await channel.next()).toBe("pong");
  });

  it("tells the agent of a new config at once, also after the object was evicted from memory", async ({ expect }) => {
    const { bot, channel } = await onlineWithChannel();
    for (const strictness of ["high", "low"]) {
      await evictDurableObject(env.BOT.getByName(bot.id));
      const patched = await request("PATCH", `/bots/${bot.id}/config`, { body: { strictness } });
      expect(await channel.orders()).toMatchObject({ desired_config_id: patched.json.id });
    }
  });

  it("tells it to stop when the bot is paused", async ({ expect }) => {
    const { bot, channel } = await onlineWithChannel();
    await act(bot.id, "pause");
    expect(await channel.untilOrders({ workload: "stop" })).toMatchObject({ generation: 1 });
    await untilBot(bot.id, { status: "paused" });
  });

  it("is cut off when the agent's credential is revoked", async ({ expect }) => {
    const { bot, channel } = await onlineWithChannel();
    await act(bot.id, "redeploy");
    await channel.untilOrders({ workload: "stop" });
    expect(await channel.untilClosed()).toEqual({ code: 4001, reason: "credential_revoked" });
  });

  it("is given to the newest connection of an agent", async ({ expect }) => {
    const { agent, channel } = await onlineWithChannel();
    const second = await open(agent);
    expect(await channel.untilClosed()).toEqual({ code: 4009, reason: "replaced" });
    second.status(identityOf(agent));
    expect(await second.orders()).toMatchObject({ workload: "run" });
  });

  it("is refused to the fourth agent that takes it from another boot within a minute, and the bot is flagged", async ({
    expect,
  }) => {
    const { bot, agent } = await onlineWithChannel();
    for (let boot = 0; boot < 3; boot++) await open(agent, { boot_id: `boot-${boot}` });
    const refused = await agent.connect({ boot_id: "boot-3" });
    expect(refused).toMatchObject({ status: 429, problem: { code: "duplicate_agent" } });
    expect((await request("GET", `/bots/${bot.id}`)).json.flags).toContain("duplicate_agent");
    // Whoever has it keeps it, and may connect anew.
    expect((await agent.connect({ boot_id: "boot-2" })).status).toBe(101);
  });

  it("is refused to whoever is not the bot's agent", async ({ expect }) => {
    const { agent } = await onlineWithChannel();
    expect(await agent.connect({ droplet_id: 1 })).toMatchObject({ status: 403, problem: { code: "wrong_droplet" } });
    expect(await agent.connect({ droplet_id: "x" })).toMatchObject({ status: 400 });
    const plain = await request("GET", `/bot/${agent.bot_id}/channel?droplet_id=1&boot_id=b`, {
      token: agent.credential,
      headers: { upgrade: "h2c" },
    });
    expect([plain.status, plain.json.code]).toEqual([426, "upgrade_required"]);
  });

  it.for([
    ["that is no JSON", "hello", 1007, "invalid_frame"],
    ["that is no status", { type: "orders" }, 1007, "invalid_frame"],
    ["beyond the limit", "x".repeat(600_000), 1009, "frame_too_big"],
  ] as const)("closes on a frame %s", async ([, frame, code, reason], { expect }) => {
    const { channel } = await onlineWithChannel();
    channel.say(frame);
    expect(await channel.untilClosed()).toEqual({ code, reason });
  });

  it("closes on a flood of frames", async ({ expect }) => {
    const { agent, channel } = await onlineWithChannel();
    for (let frame = 0; frame < 61; frame++) channel.status(identityOf(agent));
    expect(await channel.untilClosed()).toEqual({ code: 1008, reason: "too_many_frames" });
  });

  it("that is closed leaves the agent 45 s to beat over HTTP, and one that was lost in a reset 95 s", async ({
    expect,
  }) => {
    const { bot, agent, channel } = await onlineWithChannel();
    channel.close();
    const due = async () => {
      const { json } = await request("GET", `/bots/${bot.id}`);
      return Math.round((Date.parse(json.next.at) - Date.now()) / 1000);
    };
    const health = async () => (await request("GET", `/bots/${bot.id}`)).json.health;
    await eventually(async () => expect(await due()).toBeGreaterThan(40));
    expect(await health()).toMatchObject({ agent: "heard", channel: "closed", channel_since: expect.any(String) });
    expect(await due()).toBeLessThanOrEqual(95);
    const again = await open(agent);
    again.status(identityOf(agent));
    await again.orders();
    expect(await health()).toMatchObject({ agent: "heard", channel: "open" });
    await abortAllDurableObjects();
    await eventually(async () => expect(await due()).toBeGreaterThan(90));
    expect(await health()).toMatchObject({ agent: "heard", channel: "closed" });
    expect(await due()).toBeLessThanOrEqual(95);
  });

  it("keeps nobody alive by the pings of an agent that was cut off", async ({ expect }) => {
    const { bot, agent, channel } = await onlineWithChannel();
    // As after a rollback of a release that knew another credential: the socket is open, and is a stranger's.
    await runInDurableObject(env.BOT.getByName(bot.id), (_bot, state) => {
      for (const socket of state.getWebSockets("agent"))
        socket.serializeAttachment({ ...(socket.deserializeAttachment() as object), generation: 7 });
    });
    channel.say("ping");
    await channel.next();
    await request("GET", `/bots/${bot.id}`);
    expect(await channel.untilClosed()).toEqual({ code: 4001, reason: "credential_revoked" });
    expect((await agent.heartbeat()).status).toBe(200);
  });
});
