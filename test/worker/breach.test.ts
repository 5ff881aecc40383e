import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { onlineBot } from "./agent.ts";
import { act, endOfTest, eventually, request, simulateCloud, untilBot } from "./cloud.ts";
import { expectProblem } from "./problems.ts";
import { openStream } from "./stream.ts";

afterEach(endOfTest);

const CALM = { equity: 1000, daily_pnl: 0, drawdown_pct: 0, trades_today: 0 };
const LOSS = { ...CALM, equity: 930, daily_pnl: -70 };

async function show(id: string) {
  return (await request("GET", `/bots/${id}`)).json;
}

function release(id: string, headers: Record<string, string> = {}) {
  return request("POST", `/bots/${id}/holds/breach/release`, { body: { reason: "looked at the trades" }, headers });
}

function command(id: string, kind: string) {
  return request("POST", `/bots/${id}/commands`, { body: { kind } });
}

async function eventsOf(id: string, kind: string) {
  const { data } = (await request("GET", `/bots/${id}/events?limit=1000`)).json;
  return data.filter((event: { kind: string }) => event.kind === kind);
}

describe("a trading report", () => {
  it("is shown with the time at which it came, and with the limits that it passes", async ({ expect }) => {
    const { bot, agent } = await onlineBot(simulateCloud());
    expect(await show(bot.id)).toMatchObject({ trading_report: null, breaches: [], holds: [] });
    const report = { ...LOSS, currency: "USDT", open_positions: [{ symbol: "BTC/USDT", value: 100 }] };
    expect((await agent.heartbeat({ report })).json.workload).toBe("run");
    const shown = await show(bot.id);
    expect(shown).toMatchObject({
      status: "online",
      reason: null,
      trading_report: { report, error: null },
      breaches: [
        { limit: "max_daily_loss_pct", value: 7, max: 5 },
        { limit: "max_position_size_pct", value: 10.75, max: 10 },
      ],
      holds: [],
    });
    expect(Date.parse(shown.trading_report.observed_at)).toBeLessThanOrEqual(Date.now());
    await agent.heartbeat({ report_error: "report.json is not JSON" });
    expect((await show(bot.id)).trading_report).toMatchObject({ report: null, error: "report.json is not JSON" });
    await agent.heartbeat();
    expect((await show(bot.id)).trading_report).toBe(null);
  });

  it("says nothing that looks like a secret", async ({ expect }) => {
    const { bot, agent } = await onlineBot(simulateCloud());
    const open_positions = [{ symbol: "sk-ant-0123456789abcdef", value: 1 }];
    await agent.heartbeat({ report: { ...CALM, open_positions } });
    expect(JSON.stringify(await show(bot.id))).not.toContain("sk-ant-0123456789abcdef");
  });

  it("that is not well formed is refused", async ({ expect }) => {
    const { agent } = await onlineBot(simulateCloud());
    const refused = await agent.heartbeat({ report: { ...CALM, equity: "all" } });
    expectProblem(expect, refused, { status: 422, code: "invalid_request" });
  });
});

describe("a limit that is passed", () => {
  it("reaches whoever follows the bot, once", async ({ expect }) => {
    const { bot, agent } = await onlineBot(simulateCloud());
    const stream = await openStream(bot.id);
    await agent.heartbeat({ report: LOSS });
    await agent.heartbeat({ report: { ...LOSS, trades_today: 1 } });
    expect(await stream.until("limit_breached")).toMatchObject({
      actor: "agent",
      data: { limit: "max_daily_loss_pct", value: 7, max: 5, version: 1 },
    });
    await agent.heartbeat({ report: CALM });
    await stream.until("limit_kept_again");
    stream.close();
    expect(await eventsOf(bot.id, "limit_breached")).toHaveLength(1);
  });

  it("holds a bot whose config says so, until a person lifts the hold", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud, { on_breach: "stop" });
    const { droplet_id, boot_id } = agent;
    const { channel } = await agent.connect();
    channel?.status({ droplet_id, boot_id, report: LOSS });
    await channel?.untilOrders({ workload: "stop" });
    await evictDurableObject(env.BOT.getByName(bot.id));
    expect(await show(bot.id)).toMatchObject({
      status: "online",
      reason: "held_by_breach",
      health: { held_by: ["breach"] },
      holds: [{ owner: "breach", reason: "max_daily_loss_pct", by: "agent" }],
      summary: expect.stringContaining("Held (breach)"),
    });
    for (const kind of ["start", "restart"]) {
      expectProblem(expect, await command(bot.id, kind), { status: 409, code: "action_not_allowed" });
    }
    expect((await agent.heartbeat({ boot_id: "rebooted", report: LOSS })).json.workload).toBe("stop");
    const lifted = await release(bot.id);
    expect(lifted, lifted.text).toMatchObject({ status: 200, json: { id: bot.id, holds: [], reason: null } });
    await channel?.untilOrders({ workload: "run" });
    expect((await agent.heartbeat({ report: { ...LOSS, trades_today: 1 } })).json.workload).toBe("run");
    expect(await eventsOf(bot.id, "hold_released")).toMatchObject([
      { actor: expect.stringMatching(/^operator:/), data: { owner: "breach", reason: "looked at the trades" } },
    ]);
    await eventually(async () => {
      const audit = (await request("GET", `/operator/audit?account_id=${bot.account_id}`)).json.data;
      expect(audit).toContainEqual(
        expect.objectContaining({ action: "releaseBreachHold", reason: "looked at the trades", bot_id: bot.id }),
      );
    });
    channel?.close();
  });

  it("leaves a live bot waiting for a person's start once its hold is lifted", async ({ expect }) => {
    const { bot, agent } = await onlineBot(simulateCloud(), { paper_mode: false, on_breach: "stop" });
    await agent.heartbeat({ report: LOSS });
    await release(bot.id);
    expect((await agent.heartbeat({ report: LOSS })).json.workload).toBe("hold");
    await command(bot.id, "start");
    expect((await agent.heartbeat({ report: LOSS })).json.workload).toBe("run");
  });

  it("holds the bot through a pause, a resume and a suspension", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud, { on_breach: "stop" });
    await agent.heartbeat({ report: LOSS });
    await act(bot.id, "pause");
    await untilBot(bot.id, { status: "paused", phase: null });
    await act(bot.id, "resume");
    await eventually(async () => {
      expect((await agent.heartbeat({ boot_id: "resumed" })).json.workload).toBe("stop");
      expect(await show(bot.id)).toMatchObject({ status: "online", phase: null });
    });
    await request("POST", `/operator/bots/${bot.id}/suspend`, { body: { reason: "payment_failed" } });
    await untilBot(bot.id, { status: "suspended", phase: null });
    expect((await release(bot.id)).json).toMatchObject({ status: "suspended", holds: [{ owner: "operator" }] });
  });
});

describe("lifting a hold with an Idempotency-Key", () => {
  it("is replayed, and lifts no hold that was placed since", async ({ expect }) => {
    const { bot, agent } = await onlineBot(simulateCloud(), { on_breach: "stop" });
    await agent.heartbeat({ report: LOSS });
    const headers = { "idempotency-key": crypto.randomUUID() };
    await release(bot.id, headers);
    await agent.heartbeat({ report: CALM });
    await agent.heartbeat({ report: LOSS });
    const again = await release(bot.id, headers);
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
    expect((await agent.heartbeat({ report: LOSS })).json.workload).toBe("stop");
  });
});
