import { afterAll, beforeAll, describe, it } from "vitest";
import { System } from "./system.ts";

let system: System;

beforeAll(async () => {
  system = await System.start();
});
afterAll(async () => {
  await system?.remove();
});

describe("a workload that reports a loss beyond its limit", () => {
  it("is stopped by a hold, and starts again when a person has lifted it", async ({ expect }) => {
    const { id } = await system.newBot("DAYLOSS7", {
      asset_focus: "custom",
      custom_assets: ["DAYLOSS7"],
      max_daily_loss_pct: 5,
      on_breach: "stop",
    });
    await system.until("the workload is stopped for it", async () => {
      const { reason, health } = await system.bot(id);
      return reason === "held_by_breach" && health.workload === "stopped";
    });
    expect(await system.bot(id)).toMatchObject({
      status: "online",
      health: { agent: "heard", held_by: ["breach"] },
      trading_report: { report: { equity: 9300, daily_pnl: -700, drawdown_pct: 7, trades_today: 1 }, error: null },
      breaches: [{ limit: "max_daily_loss_pct", value: 7, max: 5 }],
    });
    expect(await system.dropletsOf(id), "the droplet stays on").toMatchObject([{ status: "active" }]);

    await system.api("POST", `/bots/${id}/holds/breach/release`, { reason: "looked at the trades" });
    await system.until("the workload runs again", async () => (await system.bot(id)).health.workload === "running");
    const kinds = (await system.events(id)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => /^(limit|hold)_/.test(kind))).toEqual([
      "limit_breached",
      "hold_placed",
      "hold_released",
    ]);
  });
});
