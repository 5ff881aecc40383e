import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { act, endOfTest, eventually, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

function patch(botId: string, body: Record<string, unknown>, headers: Record<string, string> = {}) {
  return request("PATCH", `/bots/${botId}/config`, { body, headers });
}

function rollback(botId: string, to_version: number) {
  return request("POST", `/bots/${botId}/config/rollback`, { body: { to_version } });
}

describe("reading the desired config", () => {
  it("answers 304 to whoever has it already, and 412 to a change made onto another one", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    const first = await request("GET", `/bots/${bot.id}/config`);
    const etag = String(first.headers.get("etag"));
    expect([first.status, etag]).toEqual([200, `"${bot.desired_config_version_id}"`]);
    for (const seen of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const again = await request("GET", `/bots/${bot.id}/config`, { headers: { "if-none-match": seen } });
      expect([again.status, again.text, again.headers.get("etag")], seen).toEqual([304, "", etag]);
    }
    const other = await request("GET", `/bots/${bot.id}/config`, { headers: { "if-none-match": '"other"' } });
    expect(other.status).toBe(200);

    const changed = await patch(bot.id, { strictness: "low" }, { "if-match": etag });
    expect([changed.status, changed.json.version]).toEqual([200, 2]);
    expect(changed.headers.get("etag")).toBe(`"${changed.json.id}"`);
    const stale = await patch(bot.id, { strictness: "high" }, { "if-match": etag });
    expectProblem(expect, stale, { status: 412, code: "config_version_conflict" });
    expect((await patch(bot.id, { strictness: "high" }, { "if-match": "*" })).json.version).toBe(3);
  });
});

describe("publishing a version", () => {
  it("merges any subset of the fields onto the desired version", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    const first = (await request("GET", `/bots/${bot.id}/config`)).json;
    const { json } = await patch(bot.id, { strictness: "high", max_trades_per_day: 0, note: "less" });
    expect(json).toMatchObject({ version: 2, restored_from: null, note: "less", bot_id: bot.id });
    expect(json.trading_config).toEqual({ ...first.trading_config, strictness: "high" });
    expect(json.risk_config).toEqual({ ...first.risk_config, max_trades_per_day: 0 });
    expect(json.secrets).toEqual(first.secrets);
    expect((await request("GET", `/bots/${bot.id}/config`)).json).toEqual(json);
  });

  it("keeps a custom focus and its list of assets together", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot({ asset_focus: "custom", custom_assets: ["SOL", "ETH"] });
    const kept = await patch(bot.id, { strictness: "low" });
    expect(kept.json.trading_config).toMatchObject({ asset_focus: "custom", custom_assets: ["SOL", "ETH"] });
    expect((await patch(bot.id, { custom_assets: ["BTC"] })).json.trading_config.custom_assets).toEqual(["BTC"]);
    const majors = (await patch(bot.id, { asset_focus: "majors" })).json.trading_config;
    expect(majors).not.toHaveProperty("custom_assets");
    for (const wrong of [{ asset_focus: "custom" }, { custom_assets: ["SOL"] }]) {
      expectProblem(expect, await patch(bot.id, wrong), { status: 422, code: "config_custom_assets" });
    }
    const back = await patch(bot.id, { asset_focus: "custom", custom_assets: ["SOL"] });
    expect(back.json).toMatchObject({ version: 5, trading_config: { custom_assets: ["SOL"] } });
  });

  it("gives the persona quant_lite its signal knobs unless told otherwise", async ({ expect }) => {
    simulateCloud();
    const knobs = {
      volume_confirmation: false,
      volatility_brake: false,
      liquidity_filter: "high",
      correlation_brake: false,
    };
    const defaults = {
      volume_confirmation: true,
      volatility_brake: true,
      liquidity_filter: "medium",
      correlation_brake: true,
    };
    const cases = [
      [{ persona: "quant_lite" }, defaults],
      [{ persona: "quant_lite", signal_knobs: knobs }, knobs],
      [{ persona: "quant_lite", signal_knobs: null }, null],
      [{ persona: "beginner" }, null],
      [{ persona: "tweaker", signal_knobs: knobs }, knobs],
    ] as const;
    for (const [changes, expected] of cases) {
      const bot = await newBot(changes);
      const { trading_config } = (await request("GET", `/bots/${bot.id}/config`)).json;
      expect(trading_config.signal_knobs, JSON.stringify(changes)).toEqual(expected);
    }
  });

  it("numbers twenty simultaneous changes without a gap and loses none of those it accepted", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => patch(bot.id, { max_trades_per_day: 100 + index })),
    );
    const accepted = answers.filter(({ status }) => status === 200);
    expect(answers.filter(({ status }) => status !== 200 && status !== 412)).toEqual([]);
    expect(accepted.length).toBeGreaterThan(1);
    const versions = accepted.map(({ json }) => json.version).sort((a, b) => a - b);
    expect(versions).toEqual(accepted.map((_, index) => index + 2));
    await eventually(async () => {
      const { json } = await request("GET", `/bots/${bot.id}/configs`);
      expect(json.data.map(({ version }: { version: number }) => version)).toEqual([...versions.reverse(), 1]);
      versions.reverse();
    });
  });

  it("never loses an update: changes to different fields all arrive", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    const changes = [
      { strictness: "high" },
      { algorithm: "breakout" },
      { max_drawdown_pct: 33 },
      { llm_provider: "openai" },
    ];
    const answers = await Promise.all(changes.map((change) => patch(bot.id, change)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect((await request("GET", `/bots/${bot.id}/config`)).json).toMatchObject({
      version: 5,
      trading_config: { strictness: "high", algorithm: "breakout" },
      risk_config: { max_drawdown_pct: 33 },
      secrets: { llm_provider: "openai" },
    });
  });

  it("refuses a destroyed bot", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    await act(bot.id, "destroy");
    await untilBot(bot.id, { status: "destroyed" });
    expectProblem(expect, await patch(bot.id, { strictness: "low" }), { status: 409, code: "bot_destroyed" });
    expectProblem(expect, await rollback(bot.id, 1), { status: 409, code: "bot_destroyed" });
    expect((await request("GET", `/bots/${bot.id}`)).json.desired_config_version).toBe(1);
  });
});

describe("going back to a version", () => {
  it("publishes the older content as a new version and leaves the secret as it is", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    const first = (await request("GET", `/bots/${bot.id}/config`)).json;
    const second = (
      await patch(bot.id, { strictness: "high", max_drawdown_pct: 1, llm_api_key: "sk-another-long-key-9999" })
    ).json;
    await eventually(async () => expect((await rollback(bot.id, 2)).status).toBe(200));
    const restored = (await rollback(bot.id, 1)).json;
    expect(restored).toMatchObject({
      restored_from: 1,
      trading_config: first.trading_config,
      risk_config: first.risk_config,
    });
    expect(restored.secrets).toEqual(second.secrets);
    expect(restored.secrets.llm_api_key.last4).toBe("9999");
    expect(restored.version).toBe(second.version + 2);
  });
});

describe("the list of versions", () => {
  it("is paged newest first, and complete", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    for (const max_trades_per_day of [1, 2, 3, 4]) await patch(bot.id, { max_trades_per_day });
    await eventually(async () => {
      const known = env.DB.prepare("SELECT count(*) AS n FROM bot_configs WHERE bot_id = ?").bind(bot.id);
      expect(await known.first("n")).toBe(5);
    });
    const seen: number[] = [];
    let cursor: string | null = null;
    do {
      const after: string = cursor === null ? "" : `&cursor=${cursor}`;
      const { json } = await request("GET", `/bots/${bot.id}/configs?limit=2${after}`);
      expect(json.data.length).toBeLessThanOrEqual(2);
      seen.push(...json.data.map(({ version }: { version: number }) => version));
      cursor = json.next_cursor;
    } while (cursor !== null);
    expect(seen).toEqual([5, 4, 3, 2, 1]);
  });
});
