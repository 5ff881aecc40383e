import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { onlineBot } from "./agent.ts";
import { dropletsOf, endOfTest, eventually, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

const NOBODY = "99999999-0000-4000-8000-000000000009";

async function row(id: string) {
  return await env.DB.prepare("SELECT * FROM bots WHERE id = ?").bind(id).first();
}

/** Pages through the whole rebuild and adds up what it came to. */
async function rebuild() {
  const sum = { restored: 0, absent: 0, account_unknown: 0, failed: 0 };
  for (let cursor: string | null = null; ; ) {
    const { status, json, text } = await request("POST", "/operator/index/rebuild", { body: { cursor } });
    if (status === 503) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      continue;
    }
    if (status !== 200) throw new Error(text);
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += json[key];
    cursor = json.next_cursor;
    if (cursor === null) return sum;
  }
}

describe("a destroy by force", () => {
  it("ends destroyed at once, says what may be left, and that goes later", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    const forced = await request("POST", `/bots/${bot.id}/actions`, { body: { action: "destroy", force: true } });
    expect(forced).toMatchObject({
      status: 202,
      json: { operation: { kind: "destroy", state: "succeeded" }, left: { droplet_ids: [agent.droplet_id] } },
    });
    expect((await request("GET", `/bots/${bot.id}`)).json).toMatchObject({ status: "destroyed", droplet_id: null });
    const events = (await request("GET", `/bots/${bot.id}/events?limit=1000`)).json.data;
    expect(events.findLast(({ kind }: { kind: string }) => kind === "destroyed").data).toMatchObject({
      forced: true,
      left: { droplet_ids: [agent.droplet_id], open_intents: [] },
    });
    await eventually(() => expect(dropletsOf(cloud, bot.id)).toEqual([]));
    const again = await request("POST", `/bots/${bot.id}/actions`, { body: { action: "destroy", force: true } });
    expect(again).toMatchObject({ status: 202, json: { operation: { id: forced.json.operation.id } } });
  });
});

describe("the sweep, asked for by hand", () => {
  it("reports what no bot answers for, and in a dry run leaves it alone", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    const own = dropletsOf(cloud, bot.id)[0];
    const name = String(own?.name).replace(bot.id.replaceAll("-", ""), NOBODY.replaceAll("-", ""));
    const tags = [...(own?.tags ?? [])].map((tag) => tag.replace(bot.id, NOBODY));
    const orphan = cloud.addForeignDroplet({ name, tags });
    expect((await request("POST", "/operator/sweep", { body: { dry_run: true } })).status).toBe(202);
    const report = await eventually(async () => {
      const { json } = await request("GET", "/operator/orphans");
      expect(json).toMatchObject({ under_way: false, last_sweep: { dry_run: true, held: null } });
      return json;
    });
    expect(report.data).toMatchObject([{ droplet_id: orphan.id, bot_id: NOBODY, state: "quarantined" }]);
    expect(report.last_sweep).toMatchObject({ droplets: 2, ours: 2, asked: 2, unanswered: 0, deleted: [] });
    expect(cloud.droplet(orphan.id)).toBeDefined();
  });
});

describe("the rebuild of the index", () => {
  it("puts a damaged row and a lost one back as the bots are", async ({ expect }) => {
    const cloud = simulateCloud();
    const [{ bot: damaged }, { bot: lost }] = [await onlineBot(cloud), await onlineBot(cloud)];
    const before = await eventually(async () => {
      const rows = await Promise.all([row(damaged.id), row(lost.id)]);
      for (const each of rows) expect(each).toMatchObject({ status: "online", next_due_at: null });
      return rows;
    });
    await env.DB.prepare("UPDATE bots SET status = 'error', droplet_id = NULL WHERE id = ?").bind(damaged.id).run();
    for (const table of ["bot_configs", "droplets"]) {
      await env.DB.prepare(`DELETE FROM ${table} WHERE bot_id = ?`).bind(lost.id).run();
    }
    await env.DB.prepare("DELETE FROM bots WHERE id = ?").bind(lost.id).run();
    expect(await rebuild()).toMatchObject({ failed: 0, account_unknown: 0 });
    const after = await Promise.all([row(damaged.id), row(lost.id)]);
    const known = ({ observed_at: _, last_heartbeat_at: __, created_at: ___, ...rest }: Record<string, unknown>) =>
      rest;
    expect(after.map((each) => known(each ?? {}))).toEqual(before.map((each) => known(each ?? {})));
    const config = await request("GET", `/bots/${lost.id}/configs`);
    expect(config.json.data).toHaveLength(1);
  });

  it("takes no cursor that it did not give out", async ({ expect }) => {
    const answer = await request("POST", "/operator/index/rebuild", { body: { cursor: "provider:0" } });
    expectProblem(expect, answer, { status: 400, code: "malformed_request" });
  });
});

describe("operations without progress", () => {
  it("surface after 15 minutes", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    await untilBot(bot.id, { phase: "waiting_for_agent" });
    await eventually(async () => expect(await row(bot.id)).toMatchObject({ operation_kind: "create" }));
    const list = async (query: string) =>
      (await request("GET", `/operator/operations${query}`)).json.data.filter(
        ({ bot_id }: { bot_id: string }) => bot_id === bot.id,
      );
    expect(await list("?stuck=true")).toEqual([]);
    expect(await list("")).toMatchObject([{ kind: "create", stuck: false }]);
    await env.DB.prepare("UPDATE bots SET next_due_at = ? WHERE id = ?")
      .bind(Date.now() - 1, bot.id)
      .run();
    expect(await list("?stuck=true")).toMatchObject([{ kind: "create", stuck: true }]);
  });
});

describe("the gate's state", () => {
  it("says what is left, whose token it is and which fleet", async ({ expect }) => {
    const cloud = simulateCloud();
    await onlineBot(cloud);
    const { json } = await request("GET", "/operator/gate");
    expect(json).toMatchObject({ circuit: null, team_uuid: cloud.account.team_uuid, fleet_hold_since: null });
    expect(json.left.creates).toBeGreaterThan(0);
  });
});
