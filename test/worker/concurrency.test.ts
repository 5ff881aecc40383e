import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { onlineBot } from "./agent.ts";
import {
  act,
  botRequest,
  dropletsOf,
  endOfTest,
  eventually,
  newAccount,
  request,
  simulateCloud,
  untilBot,
  untilIdle,
} from "./cloud.ts";

afterEach(endOfTest);

describe("many requests at once", () => {
  it("makes exactly two bots of 200 simultaneous creates on a basic account", async ({ expect }) => {
    const cloud = simulateCloud();
    const account = await newAccount("basic");
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        request("POST", "/bots", { body: botRequest(account, { name: `Bot ${index}` }) }),
      ),
    );
    const made = answers.filter(({ status }) => status === 201);
    expect(made).toHaveLength(2);
    expect(answers.filter(({ status, json }) => status === 403 && json.code === "quota_exceeded")).toHaveLength(198);

    for (const { json } of made) await untilBot(json.id, { phase: "waiting_for_agent" });
    expect(cloud.droplets()).toHaveLength(2);
    expect(cloud.counters.creates).toBe(2);
    const rows = env.DB.prepare("SELECT count(*) AS bots FROM bots WHERE account_id = ?").bind(account);
    expect(await rows.first("bots")).toBe(2);
    const strays = env.DB.prepare(
      "SELECT count(*) AS configs FROM bot_configs WHERE bot_id NOT IN (SELECT id FROM bots)",
    );
    expect(await strays.first("configs")).toBe(0);
    expect((await request("GET", `/accounts/${account}`)).json).toMatchObject({ bot_count: 2, over_limit: false });
  });

  it("lets one of twenty conflicting actions win, and ends where that one leads", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => act(bot.id, index % 2 === 0 ? "pause" : "redeploy")),
    );
    const accepted = answers.filter(({ status }) => status === 202);
    const operations = new Set(accepted.map(({ json }) => json.operation.id));
    expect(operations.size).toBe(1);
    expect(answers.filter(({ status }) => status !== 202 && status !== 409)).toEqual([]);
    expect(accepted).toHaveLength(10);

    if (accepted[0]?.json.operation.kind === "pause") {
      await untilBot(bot.id, { status: "paused", generation: 1 });
      expect(dropletsOf(cloud, bot.id)).toMatchObject([{ id: agent.droplet_id, powered: false }]);
    } else {
      await untilBot(bot.id, { generation: 2, phase: "waiting_for_agent" });
      expect(dropletsOf(cloud, bot.id)).toHaveLength(1);
    }
  });

  it("frees one place for twenty simultaneous destroys, not twenty", async ({ expect }) => {
    const cloud = simulateCloud();
    const account_id = await newAccount("basic");
    const { bot } = await onlineBot(cloud, { account_id });
    const { bot: other } = await onlineBot(cloud, { account_id });
    const answers = await Promise.all(Array.from({ length: 20 }, () => act(bot.id, "destroy")));
    expect(new Set(answers.map(({ json }) => json.operation.id)).size).toBe(1);
    expect(await untilIdle(bot.id)).toMatchObject({ kind: "destroy", state: "succeeded" });
    await eventually(async () => expect((await request("GET", `/accounts/${account_id}`)).json.bot_count).toBe(1));

    const creates = await Promise.all(
      Array.from({ length: 5 }, () => request("POST", "/bots", { body: botRequest(account_id) })),
    );
    expect(creates.map(({ status }) => status).sort()).toEqual([201, 403, 403, 403, 403]);
    expect(dropletsOf(cloud, other.id)).toHaveLength(1);
    expect(cloud.counters.deletes_by_droplet.size).toBe(1);
  });
});
