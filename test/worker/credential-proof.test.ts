/** What a credential must be: register and rotation take only what later requests are let in with. */
import { afterEach, describe, it } from "vitest";
import { formatToken, hashToken } from "../../src/wire/tokens.ts";
import { agentOf, newCredential, onlineBot } from "./agent.ts";
import { endOfTest, newBot, request, simulateCloud } from "./cloud.ts";
import { expectProblem } from "./problems.ts";
import { eventsOf, show } from "./thieves.ts";

afterEach(endOfTest);

async function shown(credential: string) {
  return { credential, credential_sha256: await hashToken(credential) };
}

/** What somebody may take for a credential, and what the answer says of it. */
async function misshapen(botId: string) {
  const { credential } = await newCredential(botId);
  const other = (await newCredential(crypto.randomUUID())).credential;
  const flipped = credential.slice(0, -1) + (credential.endsWith("0") ? "1" : "0");
  return {
    "a secret of one's own": ["/credential", await shown("a-secret-of-my-own")],
    "a wrong checksum": ["/credential", await shown(flipped)],
    "upper case": ["/credential", await shown(credential.toUpperCase())],
    "a registration token": ["/credential", await shown(formatToken("reg", botId, new Uint8Array(32).fill(7)))],
    "another bot's": ["/credential", await shown(other)],
    "another hash": ["/credential_sha256", { credential, credential_sha256: "f".repeat(64) }],
  } as const;
}

describe("a credential that is shown at register", () => {
  it("is bound; one of another form is refused, binds nothing and leaves the token good", async ({ expect }) => {
    const cloud = simulateCloud();
    const bot = await newBot();
    const agent = await agentOf(cloud, bot.id);
    for (const [what, [pointer, body]] of Object.entries(await misshapen(bot.id))) {
      const refused = await agent.register(body);
      expectProblem(expect, refused, { status: 422, code: "invalid_request" });
      expect(refused.json.errors, what).toMatchObject([{ pointer }]);
      expect(refused.text, "it is not repeated").not.toContain(body.credential);
    }
    expect(await show(bot.id)).toMatchObject({ agent: null, flags: [] });
    expect((await agent.register({ credential: agent.credential })).status).toBe(200);
    const another = await shown((await newCredential(bot.id)).credential);
    expectProblem(expect, await agent.register(another), { status: 409, code: "credential_conflict" });
    expect((await agent.heartbeat()).status).toBe(200);
    expectProblem(expect, await agent.register(another), { status: 409, code: "credential_conflict" });
  });

  it("takes the place of one that was never shown and never used, so no bot is lost by a wrong form; people see it", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const bot = await newBot();
    const agent = await agentOf(cloud, bot.id);
    const blind = await hashToken("a-secret-of-my-own");
    expect((await agent.register({ credential_sha256: blind })).status).toBe(200);
    expectProblem(expect, await agent.register(), { status: 409, code: "credential_conflict" });
    expect((await agent.register({ credential: agent.credential })).status).toBe(200);
    expect((await agent.heartbeat()).status).toBe(200);
    expect((await show(bot.id)).flags).toEqual(["credential_conflict"]);
    expect(await eventsOf(bot.id, "agent_registered")).toHaveLength(2);
    expectProblem(expect, await agent.register({ credential_sha256: blind }), {
      status: 409,
      code: "credential_conflict",
    });
  });

  it("gets nothing where the bound one was used, though that was never shown", async ({ expect }) => {
    const cloud = simulateCloud();
    const bot = await newBot();
    const agent = await agentOf(cloud, bot.id);
    expect((await agent.register()).status).toBe(200);
    expect((await agent.heartbeat()).status).toBe(200);
    const another = await shown((await newCredential(bot.id)).credential);
    expectProblem(expect, await agent.register(another), { status: 409, code: "credential_conflict" });
    expect((await agent.heartbeat()).status).toBe(200);
  });
});

describe("a credential that is shown at a rotation", () => {
  it("takes the present one's place; one of another form is refused, and the present one counts", async ({
    expect,
  }) => {
    const { bot, agent } = await onlineBot(simulateCloud());
    await request("POST", `/bots/${bot.id}/agent/credential/rotate`);
    for (const [what, [pointer, body]] of Object.entries(await misshapen(bot.id))) {
      const refused = await agent.rotate(body.credential_sha256, { credential: body.credential });
      expectProblem(expect, refused, { status: 422, code: "invalid_request" });
      expect(refused.json.errors, what).toMatchObject([{ pointer }]);
    }
    expect((await agent.heartbeat()).status).toBe(200);
    const next = await newCredential(bot.id);
    expect((await agent.rotate(next.credential_sha256, { credential: next.credential })).status).toBe(200);
    expectProblem(expect, await agent.heartbeat(), { status: 401, code: "credential_revoked" });
  });
});
