import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { onlineBot } from "./agent.ts";
import { botRequest, endOfTest, eventually, newAccount, newBot, request, simulateCloud } from "./cloud.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

function patch(botId: string, body: Record<string, unknown>) {
  return request("PATCH", `/bots/${botId}/config`, { body });
}

/** The names that a version shows. */
function names({ json }: { json: { secrets: { environment: { name: string }[] } } }): string[] {
  return json.secrets.environment.map(({ name }) => name);
}

describe("a bot's further secrets", () => {
  it("are merged, removed and kept by an older version that is brought back", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud, { environment: { KRAKEN_KEY: "k-1", RPC_URL: "https://rpc.test" } });
    expect(names(await request("GET", `/bots/${bot.id}/config`))).toEqual(["KRAKEN_KEY", "RPC_URL"]);
    const second = await patch(bot.id, { environment: { RPC_URL: null, KRAKEN_KEY: "k-2", PEM: "a\nb\u0001" } });
    expect([second.status, names(second)]).toEqual([200, ["KRAKEN_KEY", "PEM"]]);
    const environment = { KRAKEN_KEY: "k-2", PEM: "a\nb\u0001" };
    expect((await agent.config()).json.secrets.environment).toEqual(environment);

    const back = await request("POST", `/bots/${bot.id}/config/rollback`, { body: { to_version: 1 } });
    expect([back.status, back.json.version, names(back)]).toEqual([200, 3, ["KRAKEN_KEY", "PEM"]]);
    expect((await agent.config()).json.secrets.environment).toEqual(environment);
    const diff = await eventually(async () => {
      const answer = await request("GET", `/bots/${bot.id}/configs/1/diff/3`);
      expect(answer.status).toBe(200);
      return answer;
    });
    expect(diff.json.changes).toEqual(
      ["KRAKEN_KEY", "PEM", "RPC_URL"].map((name) => ({ path: `/secrets/environment/${name}`, changed: true })),
    );
    const { json: versions } = await request("GET", `/bots/${bot.id}/configs`);
    expect(versions.data.map((json: never) => names({ json }))).toEqual([
      ["KRAKEN_KEY", "PEM"],
      ["KRAKEN_KEY", "PEM"],
      ["KRAKEN_KEY", "RPC_URL"],
    ]);
  });

  it("are refused by a clear word where their name is dangerous, in a bot and in a change alike", async ({
    expect,
  }) => {
    simulateCloud();
    const bot = await newBot();
    const account_id = await newAccount();
    for (const [name, why] of [
      ["LD_PRELOAD", "is reserved: it makes programs load other code"],
      ["https_proxy", "is reserved: it redirects network traffic"],
      ["SPAWNPOINT_PAPER_MODE", "is reserved for the bot's own software"],
    ] as const) {
      const environment = { GOOD: "x", [name]: "y" };
      const pointers = [`/environment/${name}`];
      for (const answer of [
        await patch(bot.id, { environment }),
        await request("POST", "/bots", { body: botRequest(account_id, { environment }) }),
      ]) {
        expectProblem(expect, answer, { status: 422, code: "invalid_request", pointers });
        expect(answer.json.detail).toBe(`/environment/${name} ${why}`);
      }
    }
    const taken = await patch(bot.id, { llm_provider: "together", environment: { TOGETHER_API_KEY: "x" } });
    expectProblem(expect, taken, { status: 422, code: "config_environment" });
    expect((await request("GET", `/bots/${bot.id}`)).json.desired_config_version).toBe(1);
  });

  it("are none of a bot whose rows were written before there were any", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    await runInDurableObject(env.BOT.getByName(bot.id), (_bot, { storage }) => {
      storage.sql.exec("UPDATE config SET value = json_remove(value, '$.environment', '$.environment_names')");
    });
    expect(
      await env.DB.prepare("SELECT environment_names FROM bot_configs WHERE bot_id = ?").bind(bot.id).first(),
    ).toEqual({ environment_names: "[]" });
    await env.DB.prepare("UPDATE bot_configs SET environment_names = NULL WHERE bot_id = ?").bind(bot.id).run();
    expect((await agent.config()).json.secrets.environment).toEqual({});
    expect(names(await request("GET", `/bots/${bot.id}/config`))).toEqual([]);
    const { json: versions } = await request("GET", `/bots/${bot.id}/configs`);
    expect(versions.data.map((json: never) => names({ json }))).toEqual([[]]);
    expect(names(await patch(bot.id, { environment: { A: "x" } }))).toEqual(["A"]);
    expect((await agent.config()).json.secrets.environment).toEqual({ A: "x" });
  });
});
