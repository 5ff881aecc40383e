import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { agentOf, bringOnline, onlineBot } from "./agent.ts";
import {
  act,
  dropletsOf,
  endOfTest,
  eventually,
  newAccount,
  newBot,
  request,
  simulateCloud,
  untilBot,
  untilIdle,
} from "./cloud.ts";

afterEach(endOfTest);

describe("a bot's life", () => {
  it("goes from pending to online once its agent has registered and applied the config", async ({ expect }) => {
    const cloud = simulateCloud();
    const bot = await newBot();
    expect(bot).toMatchObject({ status: "pending", droplet_id: null, generation: 1, config_drift: true });

    const provisioning = await untilBot(bot.id, { status: "provisioning", phase: "waiting_for_agent" });
    expect(provisioning).toMatchObject({
      reason: "create",
      confirmed_by: "provider",
      next: { what: "agent_registration" },
    });
    expect(provisioning.droplet).toMatchObject({ status: "active", generation: 1 });
    expect(provisioning.operation).toMatchObject({ kind: "create", state: "running", ended_at: null });

    const agent = await agentOf(cloud, bot.id);
    await agent.stage("openclaw");
    expect((await request("GET", `/bots/${bot.id}`)).json.phase).toBe("bootstrap_openclaw");
    expect((await agent.register()).json).toMatchObject({ status: "registered" });
    expect((await request("GET", `/bots/${bot.id}`)).json).toMatchObject({
      status: "provisioning",
      phase: "waiting_for_config",
    });
    await agent.acknowledge(bot.desired_config_version_id);

    const online = await untilBot(bot.id, { status: "online", phase: null });
    expect(online).toMatchObject({
      phase: null,
      reason: null,
      confirmed_by: "heartbeat",
      next: { what: "heartbeat" },
      applied_config_version_id: bot.desired_config_version_id,
      config_drift: false,
    });
    expect(Date.parse(online.since)).toBeGreaterThanOrEqual(Date.parse(bot.created_at));
    expect(await untilIdle(bot.id)).toMatchObject({ kind: "create", state: "succeeded", step: "succeeded" });
  });

  it("pauses with the droplet off and resumes on the same droplet", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    expect((await agent.heartbeat()).json.workload).toBe("run");

    const asked = await act(bot.id, "pause");
    expect(asked.status, asked.text).toBe(202);
    expect(asked.json).toMatchObject({ status: "ok", operation: { kind: "pause" } });
    const paused = await untilBot(bot.id, { status: "paused" });
    expect(paused).toMatchObject({ reason: "pause", confirmed_by: "provider", next: null });
    expect(dropletsOf(cloud, bot.id)).toMatchObject([{ id: agent.droplet_id, status: "off", powered: false }]);

    expect((await act(bot.id, "resume")).status).toBe(202);
    await eventually(() => expect(dropletsOf(cloud, bot.id)).toMatchObject([{ id: agent.droplet_id, powered: true }]));
    expect((await request("GET", `/bots/${bot.id}`)).json.status).not.toBe("online");
    await eventually(async () => {
      expect((await agent.heartbeat({ boot_id: "after-the-pause" })).json.workload).toBe("run");
      expect((await request("GET", `/bots/${bot.id}`)).json).toMatchObject({ status: "online", generation: 1 });
    });
    expect(await untilIdle(bot.id)).toMatchObject({ kind: "resume", state: "succeeded" });
  });

  it("redeploys onto a new droplet of the next generation; the old droplet is gone and its agent revoked", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    await act(bot.id, "redeploy");
    await untilBot(bot.id, { generation: 2, status: "provisioning" });
    const next = await bringOnline(cloud, bot.id);
    expect(next.droplet_id).not.toBe(agent.droplet_id);
    expect(dropletsOf(cloud, bot.id)).toMatchObject([{ id: next.droplet_id, name: expect.stringMatching(/-g2$/) }]);
    expect((await agent.heartbeat()).json).toMatchObject({ status: 401, code: "credential_revoked" });
    expect((await agent.config()).json.code).toBe("credential_revoked");
    expect((await next.heartbeat()).json).toMatchObject({ status: "ok", generation: 2 });
  });

  it("destroys its droplet and no other, frees the quota and answers nobody any more", async ({ expect }) => {
    const cloud = simulateCloud();
    const stranger = cloud.addForeignDroplet({ name: "sp-somebody-else", tags: ["spawnpoint"] });
    const account_id = await newAccount("basic");
    const { bot, agent } = await onlineBot(cloud, { account_id });
    expect((await request("GET", `/accounts/${account_id}`)).json.bot_count).toBe(1);

    expect((await act(bot.id, "destroy")).status).toBe(202);
    const destroyed = await untilBot(bot.id, { status: "destroyed" });
    expect(destroyed).toMatchObject({ droplet_id: null, droplet: null, reason: "droplet_confirmed_gone", next: null });
    expect(cloud.droplets()).toMatchObject([{ id: stranger.id }]);
    expect(cloud.counters.deletes_by_droplet).toEqual(new Map([[agent.droplet_id, 1]]));
    expect(cloud.counters.deletes_by_tag).toBe(0);

    await eventually(async () => expect((await request("GET", `/accounts/${account_id}`)).json.bot_count).toBe(0));
    const row = await env.DB.prepare("SELECT status, droplet_id FROM bots WHERE id = ?").bind(bot.id).first();
    expect(row).toEqual({ status: "destroyed", droplet_id: null });
    const gone = env.DB.prepare("SELECT gone_at FROM droplets WHERE id = ?").bind(agent.droplet_id);
    await eventually(async () => expect(await gone.first("gone_at")).toBeTypeOf("number"));
    expect((await agent.heartbeat()).json).toMatchObject({ status: 401, code: "credential_revoked" });
    expect((await agent.register()).json.code).toBe("invalid_credential");
  });

  it("stays destroyed: no action brings a droplet back or frees the quota twice", async ({ expect }) => {
    const cloud = simulateCloud();
    const account_id = await newAccount("basic");
    const bot = await newBot({ account_id });
    await act(bot.id, "destroy");
    await untilBot(bot.id, { status: "destroyed" });
    const { creates } = cloud.counters;
    for (const action of ["pause", "resume", "redeploy"]) {
      expect((await act(bot.id, action)).json).toMatchObject({
        status: 409,
        code: "bot_destroyed",
        allowed: ["destroy"],
      });
    }
    const again = await act(bot.id, "destroy");
    expect(again).toMatchObject({ status: 202, json: { operation: { kind: "destroy", state: "succeeded" } } });
    await eventually(async () => expect((await request("GET", `/accounts/${account_id}`)).json.bot_count).toBe(0));
    expect([cloud.counters.creates, cloud.droplets().length]).toEqual([creates, 0]);
    expect((await request("GET", `/bots/${bot.id}`)).json.status).toBe("destroyed");
  });
});

describe("actions at rest and under way", () => {
  it("answers a repeated action with the same operation, and asking for what is already so too", async ({ expect }) => {
    const cloud = simulateCloud({ guest_ignores_acpi: true });
    const { bot } = await onlineBot(cloud);
    const first = await act(bot.id, "pause");
    const second = await act(bot.id, "pause");
    expect(second.json.operation.id).toBe(first.json.operation.id);
    expect((await act(bot.id, "redeploy")).json).toMatchObject({
      status: 409,
      code: "action_not_allowed",
      allowed: ["pause", "destroy"],
    });
    await untilBot(bot.id, { status: "paused" });
    expect((await act(bot.id, "pause")).json.operation).toMatchObject({
      id: first.json.operation.id,
      state: "succeeded",
    });
  });

  it("refuses to pause, resume or redeploy a bot that is still being made", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    for (const action of ["pause", "resume", "redeploy"]) {
      expect((await act(bot.id, action)).json).toMatchObject({
        status: 409,
        code: "action_not_allowed",
        allowed: ["destroy"],
      });
    }
  });

  it("lets destroy pre-empt a create, which is then cancelled", async ({ expect }) => {
    const cloud = simulateCloud({ create_ms: 300, delete_while_new: "accept" });
    const bot = await newBot();
    await untilBot(bot.id, { phase: "waiting_for_droplet" });
    await act(bot.id, "destroy");
    await untilBot(bot.id, { status: "destroyed" });
    expect(cloud.droplets()).toEqual([]);
    const { json } = await request("GET", `/bots/${bot.id}/operations`);
    expect(json.data).toMatchObject([
      { kind: "destroy", state: "succeeded" },
      { kind: "create", state: "cancelled" },
    ]);
  });

  it("cancels an operation only before its first step, and says so", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    // Held before its first call to DigitalOcean, which answers nobody.
    cloud.script.add({ on: "get_droplet", fault: "before_effect" });
    const { operation } = (await act(bot.id, "pause")).json;
    const cancelled = await request("POST", `/bots/${bot.id}/operations/${operation.id}/cancel`);
    expect(cancelled).toMatchObject({ status: 202, json: { operation: { id: operation.id, state: "cancelled" } } });
    expect(await untilBot(bot.id, { status: "online" })).toMatchObject({ operation: { state: "cancelled" } });
    expect((await request("POST", `/bots/${bot.id}/operations/${operation.id}/cancel`)).status).toBe(202);

    cloud.script.clear();
    await act(bot.id, "pause");
    const paused = await untilBot(bot.id, { status: "paused" });
    const late = await request("POST", `/bots/${bot.id}/operations/${paused.operation.id}/cancel`);
    expect(late.json).toMatchObject({ status: 409, code: "operation_committed" });
    const unknown = await request("POST", `/bots/${bot.id}/operations/${crypto.randomUUID()}/cancel`);
    expect(unknown.json).toMatchObject({ status: 404, code: "operation_not_found" });
  });
});

describe("a bot's history", () => {
  it("lists every event once and in order, page by page, without hashes", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    await untilIdle(bot.id);
    const all = (await request("GET", `/bots/${bot.id}/events`)).json;
    expect(all.next_cursor).toBeNull();
    expect(all.data.map(({ seq }: { seq: number }) => seq)).toEqual(
      all.data.map((_: unknown, index: number) => index + 1),
    );
    const kinds = all.data.map(({ kind }: { kind: string }) => kind);
    expect(kinds).toEqual(
      expect.arrayContaining(["accepted", "intent_opened", "intent_adopted", "agent_registered", "config_applied"]),
    );
    expect(JSON.stringify(all)).not.toMatch(/token_hash|credential_sha256/);

    const first = (await request("GET", `/bots/${bot.id}/events?limit=2`)).json;
    const rest = (await request("GET", `/bots/${bot.id}/events?after=${first.next_cursor}`)).json;
    expect([...first.data, ...rest.data]).toEqual(all.data);
    expect((await request("GET", `/bots/${bot.id}/events?after=100000`)).json).toEqual({
      data: [],
      next_cursor: null,
      first_seq: 1,
    });
  });
});
