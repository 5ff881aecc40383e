/**
 * The security defects of claw-spawn (https://github.com/janebot2026/claw-spawn), the control plane whose API this one
 * keeps: each is shown not to be here. Those of the droplet are in test/unit/defects.test.ts.
 */
import { env } from "cloudflare:workers";
import { afterEach, describe, it, vi } from "vitest";
import { sealContext } from "../../src/secrets/sealed.ts";
import { openVault, parseKeyring } from "../../src/secrets/vault.ts";
import { hashToken } from "../../src/wire/tokens.ts";
import { onlineBot } from "./agent.ts";
import { act, dropletsOf, endOfTest, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { as, newPerson } from "./people.ts";
import { expectProblem } from "./problems.ts";
import { operatorToken, testSecrets } from "./settings.ts";

afterEach(endOfTest);

const KEY = { name: "k", scopes: ["bots:read", "bots:write", "secrets:write"] };

describe("claw-spawn's W28: the stored form of a token opens as much as the token", () => {
  it("opens nothing here, of no kind of credential", async ({ expect }) => {
    const { agent, bot } = await onlineBot(simulateCloud());
    const ada = await newPerson();
    const { token } = (await as(ada, "POST", "/keys", KEY)).json;
    const path = { key: "/bots", operator: "/accounts", agent: `/bot/${bot.id}/config` };
    const stored = { key: token, operator: operatorToken, agent: agent.credential };
    for (const kind of ["key", "operator", "agent"] as const) {
      const hash = await hashToken(stored[kind]);
      for (const form of [hash, `sha256:${hash}`, stored[kind].replace(/[0-9a-f]{72}$/, hash)]) {
        const answer = await request("GET", path[kind], { token: form });
        expectProblem(expect, answer, { status: 401, code: "unauthorized" });
      }
    }
  });
});

describe("claw-spawn's W29: one admin token for everybody, never changed, compared byte by byte", () => {
  it("is a key for each account here, with what it may do, revoked at once", async ({ expect }) => {
    simulateCloud();
    const [ada, bob] = [await newPerson(), await newPerson()];
    await request("PATCH", `/accounts/${bob.user_id}`, { body: { tier: "pro" } });
    const bot = await newBot({ account_id: bob.user_id });
    const { token, id } = (await as(ada, "POST", "/keys", KEY)).json;
    for (const [method, path] of [
      ["GET", `/bots/${bot.id}`],
      ["GET", `/accounts/${bob.user_id}`],
      ["POST", `/bots/${bot.id}/actions`],
    ] as const) {
      const body = method === "POST" ? { body: { action: "destroy" } } : {};
      expect([403, 404]).toContain((await request(method, path, { token, ...body })).status);
    }
    await as(ada, "DELETE", `/keys/${id}`);
    expect((await request("GET", "/bots", { token })).status).toBe(401);
    expect((await request("GET", `/bots/${bot.id}`)).json.status).not.toBe("destroyed");
  });
});

describe("claw-spawn's W30: the bot's token lives for ever, and lies in user-data", () => {
  it("is exchanged once here; what the agent then has never leaves it, and ends with the droplet", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const [droplet] = dropletsOf(cloud, bot.id);
    expect(droplet?.user_data).toContain(agent.token);
    expect(droplet?.user_data).not.toContain(agent.credential);
    const thief = await hashToken("somebody else's");
    expect((await agent.register({ credential_sha256: thief })).status).toBe(409);
    const withToken = await request("GET", `/bot/${bot.id}/config`, { token: agent.token });
    expect(withToken.status).toBe(401);
    expect((await agent.config()).status).toBe(200);
    await act(bot.id, "destroy");
    await untilBot(bot.id, { status: "destroyed" });
    expectProblem(expect, await agent.config(), { status: 401, code: "credential_revoked" });
  });
});

describe("claw-spawn's W34: no brake on guesses, credentials judged after the body, no TLS asked for", () => {
  it("judges the credential first, and slows whoever has none", async ({ expect }) => {
    const address = { "cf-connecting-ip": "198.51.100.9" };
    const statuses = new Set<number>();
    // More than two of the platform's minutes hold.
    for (let count = 0; count < 220; count++) {
      const answer = await request("POST", "/bots", { token: null, body: "{ not json", headers: address });
      statuses.add(answer.status);
    }
    expect([...statuses].sort()).toEqual([401, 429]);
  });
  // Passwords are in people.test.ts, TLS in hygiene.test.ts and test/unit/env.test.ts.
});

describe("claw-spawn's W35: no key id, nothing that binds a secret to its place, no rotation, secrets kept for ever", () => {
  it("names its key here, opens in its own place only, and is gone with its bot, after its time", async ({
    expect,
  }) => {
    const { bot } = await onlineBot(simulateCloud());
    const sealed = await env.DB.prepare("SELECT llm_api_key FROM bot_configs WHERE bot_id = ?").bind(bot.id).first();
    const envelope = String(sealed?.llm_api_key);
    expect(envelope).toMatch(/^v1\.test\./);
    const vault = openVault(parseKeyring(testSecrets.ENCRYPTION_KEYS), (count) => new Uint8Array(count));
    expect(await vault.open(envelope, sealContext(bot.id, 1, "llm_api_key"))).toMatch(/^sk-ant-/);
    for (const [id, version, field] of [
      [bot.id, 2, "llm_api_key"],
      [crypto.randomUUID(), 1, "llm_api_key"],
      [bot.id, 1, "environment"],
    ] as const) {
      await expect(vault.open(envelope, sealContext(id, version, field))).rejects.toThrow("another place");
    }
    // Weak keys are in test/unit/secrets/vault.test.ts, rotation and erasure in key-rotation.test.ts and erasure.test.ts.
    expect(() => parseKeyring("weak:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=")).toThrow("not random");
  });
});

describe("claw-spawn's W38: DigitalOcean's words and our own insides are shown to whoever asks", () => {
  it("are kept short and without secrets here, and a fault of ours says nothing of itself", async ({ expect }) => {
    const cloud = simulateCloud();
    const said = `no: token dop_v1_${"a".repeat(64)} and ${"words ".repeat(2_000)}`;
    vi.mocked(globalThis.fetch).mockImplementation(async (input, init) => {
      const asked = new Request(input, init);
      const creates = asked.method === "POST" && asked.url.endsWith("/v2/droplets");
      const refusal = { id: "unprocessable_entity", message: said };
      return creates ? Response.json(refusal, { status: 422 }) : cloud.fetch(asked);
    });
    const bot = await newBot();
    const shown = await untilBot(bot.id, { status: "error" });
    expect(JSON.stringify(shown)).not.toContain("aaaaaaaa");
    expect(JSON.stringify(shown).length).toBeLessThan(8_000);
    const D1: D1Database = Object.getPrototypeOf(env.DB);
    vi.spyOn(D1, "prepare").mockImplementation(() => {
      throw new Error("SELECT secret FROM inside at line 5");
    });
    const failed = await request("GET", "/accounts");
    expectProblem(expect, failed, { status: 500, code: "internal_error" });
    expect(failed.text).not.toMatch(/SELECT|inside|line 5/);
  });
});

describe("claw-spawn's W37: where the database cannot be asked, a credential seems revoked", () => {
  it("is 503 here, to be tried again, and agents are not troubled at all", async ({ expect }) => {
    const { agent } = await onlineBot(simulateCloud());
    const ada = await newPerson();
    const { token } = (await as(ada, "POST", "/keys", KEY)).json;
    const D1: D1Database = Object.getPrototypeOf(env.DB);
    vi.spyOn(D1, "prepare").mockImplementation(() => {
      throw new Error("D1_ERROR: Network connection lost.");
    });
    expectProblem(expect, await request("GET", "/bots", { token }), { status: 503, code: "unavailable" });
    expectProblem(expect, await as(ada, "GET", "/bots"), { status: 503, code: "unavailable" });
    expect((await agent.heartbeat()).status).toBe(200);
    expect((await agent.config()).status).toBe(200);
  });
});
