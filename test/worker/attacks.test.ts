/** The exchange of credentials as a thief meets it, over HTTP and over sockets: what it gets, and what a person sees. */
import { afterEach, describe, it, vi } from "vitest";
import { formatToken, hashToken } from "../../src/wire/tokens.ts";
import { agentOf, agentOn, connectChannel, onlineBot } from "./agent.ts";
import { act, dropletsOf, endOfTest, eventually, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { expectProblem } from "./problems.ts";
import { eventsOf, everyDoor, everyDoorSays, rich, show, thiefOf } from "./thieves.ts";

afterEach(endOfTest);

describe("a thief with the registration token", () => {
  it("that comes first from another droplet binds nobody and gets no config; the real agent registers after it", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const bot = await newBot(rich);
    const agent = await agentOf(cloud, bot.id);
    const stranger = cloud.addForeignDroplet({ name: "a-thief" });
    const thief = await thiefOf(agent, stranger.id);
    for (let again = 0; again < 2; again++)
      expectProblem(expect, await thief.register(), { status: 403, code: "wrong_droplet" });
    expect(await everyDoor(bot.id, thief.credential, stranger.id)).toEqual(everyDoorSays("401 invalid_credential"));
    expect(await everyDoor(bot.id, agent.token, stranger.id)).toEqual(everyDoorSays("401 invalid_credential"));
    expect(await show(bot.id)).toMatchObject({ agent: null, flags: ["wrong_droplet"] });
    expect(await eventsOf(bot.id, "agent_refused")).toMatchObject([
      { data: { code: "wrong_droplet", droplet_id: stranger.id }, sentence: expect.stringContaining("was refused") },
    ]);
    expect((await agent.register()).status).toBe(200);
    expect((await agent.config()).json.secrets.environment).toEqual(rich.environment);
    expect(cloud.droplet(stranger.id), "nobody else's droplet is touched").toBeDefined();
  });

  it("that comes first and gives the real droplet's id is bound; the real agent's 409 flags it, a redeploy ends it", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const bot = await newBot(rich);
    const agent = await agentOf(cloud, bot.id);
    const thief = await thiefOf(agent);
    expect((await thief.register()).status).toBe(200);
    for (let again = 0; again < 2; again++)
      expectProblem(expect, await agent.register(), { status: 409, code: "credential_conflict" });
    expect((await show(bot.id)).flags).toEqual(["credential_conflict"]);
    expect(await eventsOf(bot.id, "agent_refused")).toMatchObject([{ data: { code: "credential_conflict" } }]);
    expect(await everyDoor(bot.id, agent.credential, agent.droplet_id)).toEqual(
      everyDoorSays("401 invalid_credential"),
    );

    await untilBot(bot.id, { phase: "waiting_for_config" });
    await agent.acknowledge(bot.desired_config_version_id);
    const { channel } = await connectChannel(bot.id, thief.credential, { droplet_id: agent.droplet_id, boot_id: "t" });
    const ack = { config_id: bot.desired_config_version_id };
    await request("POST", `/bot/${bot.id}/config_ack`, { token: thief.credential, body: ack });
    await untilBot(bot.id, { status: "online" });
    await act(bot.id, "redeploy");
    expect(await channel?.untilClosed()).toMatchObject({ reason: "credential_revoked" });
    const next = await eventually(async () => {
      const found = await agentOf(cloud, bot.id);
      if (found.droplet_id === agent.droplet_id) throw new Error("the old droplet");
      return found;
    });
    expect((await next.register()).status).toBe(200);
    expect(await everyDoor(bot.id, thief.credential, agent.droplet_id)).toEqual(
      everyDoorSays("401 credential_revoked"),
    );
  });

  it("that comes second gets nothing, from whichever droplet, and is flagged", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud, rich);
    const here = await thiefOf(agent);
    expectProblem(expect, await here.register(), { status: 409, code: "credential_conflict" });
    const there = await thiefOf(agent, cloud.addForeignDroplet({ name: "a-thief" }).id);
    expectProblem(expect, await there.register(), { status: 403, code: "wrong_droplet" });
    for (const { credential, droplet_id } of [here, there])
      expect(await everyDoor(bot.id, credential, droplet_id)).toEqual(everyDoorSays("401 invalid_credential"));
    const { flags, status, agent: bound } = await show(bot.id);
    expect([flags.sort(), status, bound.boot_id]).toEqual([
      ["credential_conflict", "wrong_droplet"],
      "online",
      agent.boot_id,
    ]);
    expect((await agent.heartbeat()).json.workload).toBe("run");
  });

  it("that comes before the droplet is known waits like anybody, and a droplet that is not the bot's is dropped", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    cloud.script.add({ on: "create_droplet", fault: "timeout_after", times: 1 });
    cloud.script.add({ on: "list_droplets", fault: "before_effect" });
    const bot = await newBot(rich);
    const droplet = await eventually(() => {
      const [found] = dropletsOf(cloud, bot.id);
      if (found === undefined) throw new Error("no droplet yet");
      return found;
    });
    const agent = await agentOn(droplet, bot.id);
    const stranger = cloud.addForeignDroplet({ name: "a-thief" });
    const thief = await thiefOf(agent, stranger.id);
    expectProblem(expect, await thief.register(), { status: 503, code: "registration_pending" });
    await eventually(async () => {
      expect(await eventsOf(bot.id, "claim_dropped")).toMatchObject([
        { data: { droplet_id: stranger.id, why: "foreign" } },
      ]);
    });
    expect((await show(bot.id)).agent).toBe(null);
    await eventually(async () => expect((await agent.register()).status).toBe(200));
    expectProblem(expect, await thief.register(), { status: 403, code: "wrong_droplet" });
    expect(await show(bot.id)).toMatchObject({ droplet_id: droplet.id, flags: ["wrong_droplet"] });
    expect(cloud.droplet(stranger.id)).toBeDefined();
  });

  it("that is spent or has expired is let in nowhere", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud, rich);
    expect(await everyDoor(bot.id, agent.token, agent.droplet_id)).toEqual(everyDoorSays("401 invalid_credential"));

    const late = await newBot(rich);
    const slow = await agentOf(cloud, late.id);
    await untilBot(late.id, { phase: "waiting_for_agent" });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61 * 60_000 });
    const thief = await thiefOf(slow);
    expectProblem(expect, await thief.register(), { status: 401, code: "invalid_credential" });
    expect(await everyDoor(late.id, slow.token, slow.droplet_id)).toEqual(everyDoorSays("401 invalid_credential"));
    expect(await show(late.id)).toMatchObject({ agent: null, flags: [] });
  });
});

describe("a register whose answer was lost", () => {
  it("is answered the same again, and leaves neither event nor flag", async ({ expect }) => {
    const cloud = simulateCloud();
    const bot = await newBot();
    const agent = await agentOf(cloud, bot.id);
    const [first, second] = [await agent.register(), await agent.register({ boot_id: "after-a-reboot" })];
    expect([first.status, second.json]).toEqual([200, first.json]);
    expect(await eventsOf(bot.id, "agent_registered")).toHaveLength(1);
    expect(await eventsOf(bot.id, "agent_refused")).toEqual([]);
    expect((await show(bot.id)).flags).toEqual([]);
    expect((await agent.heartbeat()).status).toBe(200);
  });
});

describe("a clone of the agent's disk on another droplet", () => {
  it("is refused at every door, gets no secret, is flagged once, and takes nothing from the real one", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud, rich);
    const { channel } = await agent.connect();
    channel?.status({ droplet_id: agent.droplet_id, boot_id: agent.boot_id });
    expect(await channel?.orders()).toMatchObject({ workload: "run" });
    const clone = cloud.addForeignDroplet({ name: "a-clone" }).id;
    for (let again = 0; again < 2; again++)
      expect(await everyDoor(bot.id, agent.credential, clone)).toEqual(everyDoorSays("403 wrong_droplet"));
    expect(await eventsOf(bot.id, "agent_refused")).toMatchObject([
      { data: { code: "wrong_droplet", droplet_id: clone } },
    ]);
    expect(await show(bot.id)).toMatchObject({ status: "online", flags: ["wrong_droplet"] });
    expect(channel?.closed).toBe(null);
    expect((await agent.config()).json.secrets.environment).toEqual(rich.environment);
  });

  it("that says it is another one each time fills no history", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    for (let droplet_id = 1; droplet_id <= 40; droplet_id++)
      expectProblem(expect, await agent.heartbeat({ droplet_id }), { status: 403, code: "wrong_droplet" });
    expect(await eventsOf(bot.id, "agent_refused")).toHaveLength(16);
    expect((await agent.heartbeat()).status).toBe(200);
  });
});

describe("a credential that was revoked", () => {
  it("by a redeploy opens nothing; used once its droplet is gone, it is seen for what it is", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud, rich);
    await act(bot.id, "redeploy");
    await eventually(async () => expect((await agent.heartbeat()).json.code).toBe("credential_revoked"));
    await untilBot(bot.id, { generation: 2, phase: "waiting_for_agent" });
    expect(await everyDoor(bot.id, agent.credential, agent.droplet_id)).toEqual(
      everyDoorSays("401 credential_revoked"),
    );
    expect(await show(bot.id)).toMatchObject({ flags: ["revoked_credential_used"] });
    expect(await eventsOf(bot.id, "agent_refused")).toMatchObject([
      { data: { code: "revoked_credential_used", droplet_id: agent.droplet_id } },
    ]);
    const next = await agentOf(cloud, bot.id);
    expect((await next.register()).status).toBe(200);
  });

  it("is no cause for alarm while its own droplet is still there", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    cloud.script.add({ on: "delete_droplet", fault: "before_effect" });
    await act(bot.id, "redeploy");
    await eventually(async () => expect((await agent.heartbeat()).json.code).toBe("credential_revoked"));
    for (let beats = 0; beats < 3; beats++) expect((await agent.heartbeat()).status).toBe(401);
    expect(cloud.droplet(agent.droplet_id)).toBeDefined();
    expect((await show(bot.id)).flags).toEqual([]);
  });

  it("by a destroy opens nothing for good", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud, rich);
    const { channel } = await agent.connect();
    await act(bot.id, "destroy");
    expect(await channel?.untilClosed()).toMatchObject({ reason: "credential_revoked" });
    await untilBot(bot.id, { status: "destroyed" });
    expect(await everyDoor(bot.id, agent.credential, agent.droplet_id)).toEqual(
      everyDoorSays("401 credential_revoked"),
    );
    expect(await everyDoor(bot.id, agent.token, agent.droplet_id)).toEqual(everyDoorSays("401 invalid_credential"));
    expectProblem(expect, await agent.register(), { status: 401, code: "invalid_credential" });
    expect(await show(bot.id)).toMatchObject({ status: "destroyed", flags: ["revoked_credential_used"] });
  });
});

describe("another bot's token", () => {
  it("opens no door of this one, in path or body, and this one does not even hear of it", async ({ expect }) => {
    const cloud = simulateCloud();
    const [{ agent }, victim] = [await onlineBot(cloud), await onlineBot(cloud, rich)];
    const { revision } = await show(victim.bot.id);
    for (const token of [agent.credential, agent.token]) {
      expect(await everyDoor(victim.bot.id, token, victim.agent.droplet_id)).toEqual(everyDoorSays("401 unauthorized"));
      const body = { bot_id: victim.bot.id, credential_sha256: agent.credential_sha256, droplet_id: 1, boot_id: "b" };
      const registered = await request("POST", "/bot/register", { token, body });
      expectProblem(expect, registered, { status: 401, code: "unauthorized" });
    }
    expect(await show(victim.bot.id)).toMatchObject({ revision, flags: [] });
  });
});

describe("what is stored of a token", () => {
  it("is no token: neither the hash nor a token made of it", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud, rich);
    const hashes = [agent.credential_sha256, await hashToken(agent.token)];
    for (const hash of hashes) {
      const bytes = Uint8Array.from(hash.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
      for (const [token, said] of [
        [hash, "401 unauthorized"],
        [`sp_agt_${bot.id.replaceAll("-", "")}_${hash}`, "401 unauthorized"],
        [formatToken("agt", bot.id, bytes), "401 invalid_credential"],
      ] as const)
        expect(await everyDoor(bot.id, token, agent.droplet_id)).toEqual(everyDoorSays(said));
    }
    const forged = formatToken("reg", bot.id, new Uint8Array(32));
    expect((await request("POST", "/bot/register", { token: forged, body: { bot_id: bot.id } })).status).toBe(422);
    expect((await show(bot.id)).flags).toEqual([]);
  });
});
