/** What a beat costs, as Cloudflare's own runtime counts it. The simulation counts a day of them. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, it, vi } from "vitest";
import { onlineBot } from "./agent.ts";
import { endOfTest, eventually, simulateCloud } from "./cloud.ts";
import { countD1 } from "./counted-d1.ts";

const BEAT_MS = 30_000;
const BEATS = 40;

afterEach(endOfTest);

/** Counts from now on, when nothing but the agent is awaited, what the object writes and reads, and what D1 is asked. */
async function countingObject(botId: string) {
  const stub = env.BOT.getByName(botId);
  const alarmAt = () => runInDurableObject(stub, (_bot, { storage }) => storage.getAlarm());
  await eventually(async () => {
    if (((await alarmAt()) ?? 0) < Date.now() + BEAT_MS) throw new Error("the bot still works");
  });
  const counts = { rows_written: 0, rows_read: 0, alarms_set: 0, messages: 0 };
  await runInDurableObject(stub, (bot, { storage }) => {
    const { sql } = storage;
    const exec = sql.exec.bind(sql);
    vi.spyOn(sql, "exec").mockImplementation((...args) => {
      const cursor = exec(...args);
      const rows = cursor.toArray();
      counts.rows_written += cursor.rowsWritten;
      counts.rows_read += cursor.rowsRead;
      return { toArray: () => rows } as never;
    });
    const setAlarm = storage.setAlarm.bind(storage);
    vi.spyOn(storage, "setAlarm").mockImplementation((...args) => {
      counts.alarms_set++;
      return setAlarm(...args);
    });
    const { webSocketMessage } = bot;
    bot.webSocketMessage = (...args) => {
      counts.messages++;
      return webSocketMessage.apply(bot, args);
    };
  });
  return { stub, counts, alarmAt, d1: countD1() };
}

describe("a beat", () => {
  it("over HTTP costs at most 0.80 rows and no statement in D1", async ({ expect }) => {
    const { bot, agent } = await onlineBot(simulateCloud());
    expect((await agent.heartbeat()).status).toBe(200);
    const { stub, counts, alarmAt, d1 } = await countingObject(bot.id);
    const begun = Date.now();
    vi.useFakeTimers({ toFake: ["Date"] });
    for (let beat = 1; beat <= BEATS; beat++) {
      vi.setSystemTime(begun + beat * BEAT_MS);
      if (((await alarmAt()) ?? 0) <= Date.now()) await runDurableObjectAlarm(stub);
      expect((await agent.heartbeat()).status).toBe(200);
    }
    const rows = (counts.rows_written + counts.alarms_set) / BEATS;
    console.log(`over HTTP in workerd: ${rows} rows written a beat, ${counts.rows_read / BEATS} read`);
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThanOrEqual(0.8);
    expect(d1).toEqual([]);
  });

  it("over the channel costs nothing but the alarm that looks for it", async ({ expect }) => {
    const { bot, agent } = await onlineBot(simulateCloud());
    const { channel } = await agent.connect();
    if (channel === null) throw new Error("no channel");
    const { stub, counts, alarmAt, d1 } = await countingObject(bot.id);
    for (let beat = 1; beat <= BEATS; beat++) {
      channel.say("ping");
      expect(await channel.next()).toBe("pong");
    }
    expect(counts).toEqual({ rows_written: 0, rows_read: 0, alarms_set: 0, messages: 0 });
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await alarmAt()).toBeGreaterThan(Date.now() + BEAT_MS);
    console.log(`an alarm over the channel in workerd: ${counts.rows_read} rows read`);
    expect({ ...counts, rows_read: 0 }).toEqual({
      rows_written: 0,
      rows_read: 0,
      alarms_set: 1,
      messages: 0,
    });
    expect(d1).toEqual([]);
  });
});
