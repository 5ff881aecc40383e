import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, it, vi } from "vitest";
import { bringOnline, onlineBot } from "./agent.ts";
import {
  act,
  botRequest,
  endOfTest,
  eventually,
  newAccount,
  newBot,
  request,
  simulateCloud,
  untilBot,
} from "./cloud.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

/** Everything that this bot's object stores, as text. */
function storedBy(botId: string): Promise<string> {
  return runInDurableObject(env.BOT.getByName(botId), (_bot, { storage }) => {
    const tables = storage.sql.exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '_cf%'",
    );
    return JSON.stringify(tables.toArray().map(({ name }) => storage.sql.exec(`SELECT * FROM "${name}"`).toArray()));
  });
}

async function storedInD1(): Promise<string> {
  const tables = ["accounts", "bots", "bot_configs", "droplets", "idempotency"];
  return JSON.stringify(await env.DB.batch(tables.map((table) => env.DB.prepare(`SELECT * FROM ${table}`))));
}

/** What has been logged so far; logs still reach their place. */
function listen(): () => string {
  const spies = (["log", "info", "warn", "error", "debug"] as const).map((level) => vi.spyOn(console, level));
  return () => JSON.stringify(spies.flatMap(({ mock }) => mock.calls));
}

describe("a bot's LLM key and its further secrets", () => {
  it("reach its own agent and appear nowhere else, from its first day to its last", async ({ expect }) => {
    const cloud = simulateCloud();
    const logged = listen();
    const keys = ["sk-ant-first-key-that-nobody-may-see-1111", "plain0second0key0without0any0pattern02222"] as const;
    const environment = ["of-an-exchange-3333-that-nobody-may-see", "https://rpc.test/of-a-node-4444"] as const;
    const answers: string[] = [];
    const see = async (method: string, path: string, options = {}) => {
      const answer = await request(method, path, options);
      answers.push(answer.text, JSON.stringify([...answer.headers]));
      return answer;
    };

    const account_id = await newAccount();
    const idempotent = { headers: { "idempotency-key": crypto.randomUUID() } };
    const body = botRequest(account_id, { llm_api_key: keys[0], environment: { EXCHANGE_SECRET: environment[0] } });
    const made = await see("POST", "/bots", { body, ...idempotent });
    const { id } = made.json;
    await see("POST", "/bots", { body, ...idempotent });
    const agent = await bringOnline(cloud, id);
    expect((await agent.config()).json.secrets).toEqual({
      llm_provider: "anthropic",
      llm_api_key: keys[0],
      environment: { EXCHANGE_SECRET: environment[0] },
    });

    const change = { llm_api_key: keys[1], environment: { RPC_URL: environment[1] }, note: "rotated" };
    const patched = await see("PATCH", `/bots/${id}/config`, { body: change });
    expect(patched.json.secrets).toEqual({
      llm_provider: "anthropic",
      llm_api_key: { set: true, last4: "2222", updated_at: patched.json.created_at },
      environment: [
        { name: "EXCHANGE_SECRET", updated_at: expect.any(String) },
        { name: "RPC_URL", updated_at: patched.json.created_at },
      ],
    });
    const handed = await agent.config();
    expect(handed.json.secrets).toMatchObject({
      llm_api_key: keys[1],
      environment: { EXCHANGE_SECRET: environment[0], RPC_URL: environment[1] },
    });
    expect(handed.headers.get("cache-control")).toBe("no-store");

    // Refused requests that carry the key must not hand it back.
    for (const wrong of [
      { llm_api_key: `${keys[0]} ` },
      { llm_api_key: keys[0], persona: "x" },
      { llm_provider: 5, llm_api_key: keys[1] },
      { environment: { PATH: environment[0] } },
      { environment: { RPC_URL: `${environment[1]}\u0000` } },
      { environment: [environment[0]] },
    ]) {
      await see("POST", "/bots", { body: botRequest(account_id, wrong) });
      await see("PATCH", `/bots/${id}/config`, { body: wrong });
    }
    await see("PATCH", `/bots/${id}/config`, { body: `{"llm_api_key": "${keys[1]}"` });
    await see("POST", `/bots/${id}/config/rollback`, { body: { to_version: 1 } });
    for (const path of ["", "/config", "/configs", "/configs/1/diff/2", "/operations", "/events?limit=1000"])
      await see("GET", `/bots/${id}${path}`);
    for (const path of ["/bots", `/accounts/${account_id}/bots`, "/accounts", `/accounts/${account_id}`])
      await see("GET", path);
    await see("POST", `/bots/${id}/actions`, { body: { action: "destroy" } });
    await untilBot(id, { status: "destroyed" });
    await see("GET", `/bots/${id}/events?limit=1000`);

    const places = {
      answers: answers.join("\n"),
      d1: await storedInD1(),
      object: await storedBy(id),
      logs: logged(),
      "user-data": JSON.stringify(cloud.snapshot()),
    };
    for (const [place, content] of Object.entries(places)) {
      expect(content.length, place).toBeGreaterThan(100);
      for (const secret of [...keys, ...environment])
        expect(content.includes(secret.slice(4, -6)), `${place} hold a secret`).toBe(false);
    }
  });

  it("is not given to a registration token, to the operator or to a revoked agent", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const path = `/bot/${bot.id}/config`;
    expectProblem(expect, await request("GET", path, { token: agent.token }), {
      status: 401,
      code: "invalid_credential",
    });
    expectProblem(expect, await request("GET", path), { status: 401, code: "unauthorized" });
    await act(bot.id, "destroy");
    await eventually(async () => expect((await agent.config()).json.code).toMatch(/credential_revoked/));
  });

  it("shows the last four characters of a long key only", async ({ expect }) => {
    simulateCloud();
    const long = await newBot({ llm_api_key: "0123456789abcdef" });
    const short = await newBot({ llm_api_key: "0123456789abcde" });
    const last4 = async ({ id }: { id: string }) =>
      (await request("GET", `/bots/${id}/config`)).json.secrets.llm_api_key.last4;
    expect([await last4(long), await last4(short)]).toEqual(["cdef", null]);
  });
});

describe("registration tokens and credentials", () => {
  it("are stored as hashes only, and the stored form opens nothing", async ({ expect }) => {
    const cloud = simulateCloud();
    const logged = listen();
    const { bot, agent } = await onlineBot(cloud);
    const stored = await storedBy(bot.id);
    const everywhere = stored + (await storedInD1()) + logged();
    for (const secret of [agent.token, agent.credential]) expect(everywhere.includes(secret)).toBe(false);
    expect(stored).toContain(agent.credential_sha256);
    for (const token of [agent.credential_sha256, `sha256:${agent.credential_sha256}`]) {
      expectProblem(expect, await request("GET", `/bot/${bot.id}/config`, { token }), {
        status: 401,
        code: "unauthorized",
      });
    }
  });
});

describe("a sealed key that was moved", () => {
  it("does not open for another bot, nor for another version of the same one", async ({ expect }) => {
    const cloud = simulateCloud();
    const [one, two] = [await onlineBot(cloud, { llm_api_key: "key-of-the-first-bot" }), await onlineBot(cloud)];
    type Swap = (envelope: string) => string;
    const edit = (botId: string, change: Swap) =>
      runInDurableObject(env.BOT.getByName(botId), (_bot, { storage }) => {
        const [row] = storage.sql.exec<{ version: number; value: string }>(
          "SELECT version, value FROM config WHERE value IS NOT NULL ORDER BY version DESC",
        );
        if (row === undefined) throw new Error("no config");
        const config = JSON.parse(row.value);
        const before: string = config.llm_api_key;
        const value = JSON.stringify({ ...config, llm_api_key: change(before) });
        storage.sql.exec("UPDATE config SET value = ? WHERE version = ?", value, row.version);
        return before;
      });
    const first = await edit(one.bot.id, (same) => same);
    const second = await edit(two.bot.id, () => first);
    expectProblem(expect, await two.agent.config(), { status: 500, code: "secret_unreadable" });
    const onTop = await request("PATCH", `/bots/${two.bot.id}/config`, { body: { strictness: "low" } });
    expectProblem(expect, onTop, { status: 500, code: "secret_unreadable" });
    expect((await request("GET", `/bots/${two.bot.id}`)).json.desired_config_version).toBe(1);

    // A new key mends it, and the envelope of version 1 does not open as version 2.
    const mended = await request("PATCH", `/bots/${two.bot.id}/config`, {
      body: { llm_api_key: "a-new-key-for-the-bot" },
    });
    expect(mended.status).toBe(200);
    expect((await two.agent.config()).json.secrets.llm_api_key).toBe("a-new-key-for-the-bot");
    await edit(two.bot.id, () => second);
    expectProblem(expect, await two.agent.config(), { status: 500, code: "secret_unreadable" });
    const text = (await two.agent.config()).text;
    expect(text).not.toMatch(/key-of-the-first-bot|AES|v1\./);
  });
});
