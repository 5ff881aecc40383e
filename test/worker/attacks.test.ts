/** The exchange of credentials as a thief meets it, over HTTP and over sockets: what it gets, and what a person sees. */
import { afterEach, describe, it, vi } from "vitest";
import { formatToken, hashToken } from "../../src/wire/tokens.ts";
import { agentOf, agentOn, connectChannel, newCredential, onlineBot, type TestAgent } from "./agent.ts";
import { act, dropletsOf, endOfTest, eventually, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

const SECRET = "kraken-secret-that-a-thief-would-like";
const rich = { environment: { KRAKEN_SECRET: SECRET } };

async function show(botId: string) {
  return (await request("GET", `/bots/${botId}`)).json;
}

async function eventsOf(botId: string, kind: string) {
  const { json } = await request("GET", `/bots/${botId}/events?limit=1000`);
  return json.data.filter((event: { kind: string }) => event.kind === kind);
}

/** Who has the agent's registration token, and would have a credential of its own accepted. */
async function thiefOf(agent: TestAgent, droplet_id = agent.droplet_id) {
  const { credential, credential_sha256 } = await newCredential(agent.bot_id);
  const identity = { droplet_id, boot_id: crypto.randomUUID() };
  return { credential, droplet_id, register: () => agent.register({ credential_sha256, ...identity }) };
}

/** Everything that an agent may ask for, with this token and from this droplet: each answer's status and code. */
async function everyDoor(botId: string, token: string, droplet_id: number) {
  const identity = { droplet_id, boot_id: "a-thief" };
  const beat = {
    agent_version: "1",
    workload: { state: "running", version: null, restarts: 0 },
    applied_config_id: null,
  };
  const numbers = { load: null, mem: null, disk: null };
  const post = (path: string, body: unknown) => request("POST", `/bot/${botId}/${path}`, { token, body });
  const answers = {
    config: await request("GET", `/bot/${botId}/config?droplet_id=${droplet_id}`, { token }),
    heartbeat: await post("heartbeat", { ...beat, ...numbers, ...identity }),
    credential: await post("credential", { credential_sha256: "f".repeat(64), ...identity }),
  };
  const { status, problem } = await connectChannel(botId, token, identity);
  const said = Object.values(answers).map((answer) => answer.text);
  if (said.join().includes(SECRET)) throw new Error("a secret was given away");
  const doors = Object.entries(answers).map(([door, answer]) => [door, `${answer.status} ${answer.json?.code}`]);
  return Object.fromEntries([...doors, ["channel", `${status} ${(problem as { code?: string } | null)?.code}`]]);
}

function everyDoorSays(said: string) {
  return { config: said, heartbeat: said, credential: said, channel: said };
}

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

describe("a rotation of the credential", () => {
  const ask = (botId: string) => request("POST", `/bots/${botId}/agent/credential/rotate`);

  it("ends what a thief of the old one holds, its open channel too; the agent goes on with the new one", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud, rich);
    const { channel: held } = await agent.connect();
    const asked = await ask(bot.id);
    expect(asked).toMatchObject({ status: 202, json: { command: { kind: "rotate_credential", state: "pending" } } });
    expect((await ask(bot.id)).json.command.id, "one at a time").toBe(asked.json.command.id);
    expect(await held?.orders()).toMatchObject({ commands: [{ kind: "rotate_credential", args: {} }] });

    const next = await newCredential(bot.id);
    const rotated = await agent.rotate(next.credential_sha256);
    expect([rotated.status, rotated.json]).toEqual([200, { status: "rotated" }]);
    expect(await held?.untilClosed()).toEqual({ code: 4002, reason: "credential_rotated" });
    expect(await everyDoor(bot.id, agent.credential, agent.droplet_id)).toEqual(
      everyDoorSays("401 credential_revoked"),
    );
    // Its answer may be lost: with the new one it is a harmless repeat.
    expect((await agent.rotate(next.credential_sha256, {}, next.credential)).json).toEqual({ status: "rotated" });
    const identity = { droplet_id: agent.droplet_id, boot_id: agent.boot_id };
    const { channel } = await connectChannel(bot.id, next.credential, identity);
    channel?.status(identity);
    expect(await channel?.orders()).toMatchObject({ workload: "run", commands: [] });
    const config = await request("GET", `/bot/${bot.id}/config`, { token: next.credential });
    expect(config.json.secrets.environment).toEqual(rich.environment);
    const command = await request("GET", `/bots/${bot.id}/commands/${asked.json.command.id}`);
    expect(command.json.state).toBe("succeeded");
    expect(await show(bot.id)).toMatchObject({ status: "online", flags: [] });
    const [event] = await eventsOf(bot.id, "credential_rotated");
    expect(event).toMatchObject({ actor: "agent", data: {} });
    expect(JSON.stringify(await show(bot.id))).not.toContain(next.credential_sha256);
  });

  it("is nothing that a thief can begin, nor finish from elsewhere", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const own = await newCredential(bot.id);
    const unasked = await agent.rotate(own.credential_sha256);
    expectProblem(expect, unasked, { status: 409, code: "rotation_not_asked" });
    await ask(bot.id);
    const clone = await agent.rotate(own.credential_sha256, { droplet_id: 7 });
    expectProblem(expect, clone, { status: 403, code: "wrong_droplet" });
    const spent = await agent.rotate(own.credential_sha256, {}, agent.token);
    expectProblem(expect, spent, { status: 401, code: "invalid_credential" });
    expect((await agent.heartbeat()).json.commands).toHaveLength(1);
    expect(await eventsOf(bot.id, "credential_rotated")).toEqual([]);
  });

  it("is refused for a bot that is destroyed or not there, and is no kind of a workload's command", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    const kind = "rotate_credential";
    expect((await request("POST", `/bots/${bot.id}/commands`, { body: { kind } })).status).toBe(422);
    await act(bot.id, "destroy");
    await untilBot(bot.id, { status: "destroyed" });
    expectProblem(expect, await ask(bot.id), { status: 409, code: "bot_destroyed" });
    expectProblem(expect, await ask(crypto.randomUUID()), { status: 404, code: "bot_not_found" });
  });
});

describe("a flag on a bot", () => {
  const acknowledge = (botId: string, body: unknown, headers: Record<string, string> = {}) =>
    request("POST", `/bots/${botId}/security/acknowledge`, { body, headers });

  it("is taken down by who has looked, with a reason, and goes up again when it comes again", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    await agent.heartbeat({ droplet_id: 7 });
    expectProblem(expect, await acknowledge(bot.id, {}), { status: 422, code: "invalid_request" });
    expectProblem(expect, await acknowledge(bot.id, { reason: " " }), { status: 422, code: "invalid_request" });
    expect((await show(bot.id)).flags).toEqual(["wrong_droplet"]);

    const key = { "idempotency-key": crypto.randomUUID() };
    const reason = "our own copy, for a test";
    const taken = await acknowledge(bot.id, { reason }, key);
    expect([taken.status, taken.json.flags]).toEqual([200, []]);
    const again = await acknowledge(bot.id, { reason }, key);
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
    expect((await acknowledge(bot.id, { reason: "another" }, key)).json.code).toBe("idempotency_key_reused");
    expect((await acknowledge(bot.id, { reason })).status, "there is nothing to take down").toBe(200);
    expect(await eventsOf(bot.id, "security_acknowledged")).toMatchObject([
      { actor: expect.stringMatching(/^operator:/), data: { flags: ["wrong_droplet"], reason } },
    ]);

    await agent.heartbeat({ droplet_id: 7 });
    expect((await show(bot.id)).flags).toEqual(["wrong_droplet"]);
    expect(await eventsOf(bot.id, "agent_refused")).toHaveLength(2);
    expectProblem(expect, await acknowledge(crypto.randomUUID(), { reason }), { status: 404, code: "bot_not_found" });
  });
});
