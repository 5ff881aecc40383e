import { createScheduledController, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import type { Env } from "../../src/bindings.ts";
import { watchdogPlatform } from "../../src/fleet/platform.ts";
import { auditBots, pokeOverdueBots, sliceOf } from "../../src/fleet/watchdog.ts";
import worker from "../../src/index.ts";
import { onlineBot } from "./agent.ts";
import { act, endOfTest, eventually, simulateCloud, untilBot } from "./cloud.ts";

afterEach(endOfTest);

// The test's own type of the bindings has no room for the settings, which are there all the same.
const bindings = env as unknown as Env;
const platform = watchdogPlatform(bindings);
const HOUR = 3_600_000;

/** The platform has forgotten to wake the bot. */
function loseAlarm(id: string): Promise<void> {
  return runInDurableObject(env.BOT.getByName(id), (_bot, { storage }) => storage.deleteAlarm());
}

function alarmOf(id: string): Promise<number | null> {
  return runInDurableObject(env.BOT.getByName(id), (_bot, { storage }) => storage.getAlarm());
}

describe("the watchdog", () => {
  it("wakes a bot whose work is overdue because its alarm was lost, and only once in a while", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    await eventually(async () => {
      const row = await env.DB.prepare("SELECT * FROM bots WHERE id = ?").bind(bot.id).first();
      expect(row).toMatchObject({ status: "online", next_due_at: null, operation_kind: null });
    });
    cloud.script.add({ on: "get_droplet", fault: "before_effect" });
    await act(bot.id, "pause");
    await eventually(async () => {
      const row = await env.DB.prepare("SELECT * FROM bots WHERE id = ?").bind(bot.id).first();
      expect(row).toMatchObject({ operation_kind: "pause" });
      expect(Number(row?.next_due_at)).toBeGreaterThan(Date.now());
    });
    expect(await pokeOverdueBots(platform, Date.now())).toMatchObject({ armed: 0, rearmed: 0 });
    await eventually(async () => {
      await loseAlarm(bot.id);
      expect(await alarmOf(bot.id)).toBe(null);
    });
    cloud.script.clear();
    expect(await pokeOverdueBots(platform, Date.now() + HOUR)).toMatchObject({ rearmed: 1, failed: 0 });
    await untilBot(bot.id, { status: "paused" });
    expect(await pokeOverdueBots(platform, Date.now() + HOUR)).toMatchObject({ armed: 0, rearmed: 0, settled: 0 });
  });

  it("meets every bot once in twelve rounds, whatever the index thinks of it", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    await loseAlarm(bot.id);
    const counts = { rearmed: 0, failed: 0 };
    for (let round = 0; round < 12; round++) {
      const { rearmed, failed } = await auditBots(platform, Date.now() + round * 300_000);
      counts.rearmed += rearmed;
      counts.failed += failed;
    }
    expect(counts.failed).toBe(0);
    expect(counts.rearmed).toBeGreaterThanOrEqual(1);
    expect(await alarmOf(bot.id)).not.toBe(null);
  });

  it("has a bot send its rows again where the database was restored to an earlier day", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    const row = () => env.DB.prepare("SELECT status, revision FROM bots WHERE id = ?").bind(bot.id).first();
    const shown = await eventually(async () => {
      expect(await row()).toMatchObject({ status: "online" });
      return row();
    });
    await env.DB.prepare("UPDATE bots SET status = 'pending', revision = 1 WHERE id = ?").bind(bot.id).run();
    await env.DB.prepare("DELETE FROM droplets WHERE bot_id = ?").bind(bot.id).run();
    for (let round = 0; round < 12; round++) await auditBots(platform, Date.now() + round * 300_000);
    await eventually(async () => {
      expect(await row()).toEqual(shown);
      expect(await env.DB.prepare("SELECT id FROM droplets WHERE bot_id = ?").bind(bot.id).first()).not.toBe(null);
    });
  });

  it("divides all ids among its rounds without a gap", ({ expect }) => {
    const slices = Array.from({ length: 12 }, (_, round) => sliceOf(round));
    expect(slices[0]?.from).toBe("000");
    expect(slices.at(-1)?.to).toBe("g");
    for (const [index, { to }] of slices.slice(0, -1).entries()) expect(slices[index + 1]?.from).toBe(to);
  });

  it("goes its round as the cron calls it", async ({ expect }) => {
    simulateCloud();
    await expect(worker.scheduled(createScheduledController(), bindings)).resolves.toBeUndefined();
  });
});
