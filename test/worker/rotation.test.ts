import { afterEach, describe, it } from "vitest";
import { connectChannel, newCredential, onlineBot } from "./agent.ts";
import { act, endOfTest, request, simulateCloud, untilBot } from "./cloud.ts";
import { expectProblem } from "./problems.ts";
import { eventsOf, everyDoor, everyDoorSays, rich, show } from "./thieves.ts";

afterEach(endOfTest);

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
