/** What liveness costs in steady state, counted. The bounds are per 1,000 beats; a day is more beats than that. */
import { describe, it } from "vitest";
import { type Counts, Meter, mapCounts } from "./meter.ts";
import { MINUTE, World } from "./world.ts";

const HOUR = 60 * MINUTE;
const BOTS = 3;
const BEATS_A_DAY = 2_880;

type Transport = "channel" | "http";

/** Bots that have been online for a while, and a day of their lives. @param quiet_ms how often an agent says the same again */
async function countDay(transport: Transport, quiet_ms = Number.POSITIVE_INFINITY) {
  const world = new World(1);
  world.agents.channels = transport === "channel" ? 1 : 0;
  world.agents.quiet_ms = quiet_ms;
  const meter = new Meter(world);
  const ids = Array.from({ length: BOTS }, () => world.createBot());
  await world.run(HOUR, () => ids.every((id) => world.rests(id, "online")));
  await world.run(2 * HOUR);
  meter.read();
  await world.run(24 * HOUR);
  const counts = meter.read();
  world.checkAnytime();
  const silences = ids.flatMap((id) => world.history(id)).filter(({ kind }) => kind === "agent_silent").length;
  world.close();
  return { counts, silences, status: ids.map((id) => world.index.get(id)?.status) };
}

function perThousandBeats(counts: Counts): Counts {
  return mapCounts(counts, (_, count) => Math.round((count / counts.beats) * 1_000));
}

describe("in steady state", () => {
  it("a beat over the channel costs at most 0.40 rows, wakes nobody and does not touch D1", async ({ expect }) => {
    const { counts, silences, status } = await countDay("channel");
    const { alarms, rows_written, frames, requests, d1_statements } = perThousandBeats(counts);
    console.log(
      `over the channel, per 1,000 beats: ${rows_written} rows, ${alarms} alarms, ${d1_statements} D1 statements`,
    );
    expect(counts.beats).toBe(BOTS * BEATS_A_DAY);
    expect(rows_written).toBeGreaterThan(0);
    expect(rows_written).toBeLessThanOrEqual(400);
    // One look at the time-stamps for every three pings; the ping itself is heard by nobody.
    expect(alarms).toBeLessThanOrEqual(400);
    expect({ frames, requests, d1_statements }).toEqual({ frames: 0, requests: 0, d1_statements: 0 });
    expect({ silences, status }).toEqual({ silences: 0, status: Array(BOTS).fill("online") });
  });

  it("a status that says nothing new is one wake, and no row more", async ({ expect }) => {
    const without = await countDay("channel");
    const { counts, silences } = await countDay("channel", 5 * MINUTE);
    expect(counts.frames).toBe((BOTS * 24 * HOUR) / (5 * MINUTE));
    expect(counts.rows_written).toBe(without.counts.rows_written);
    expect({ d1_statements: counts.d1_statements, silences }).toEqual({ d1_statements: 0, silences: 0 });
  });

  it("a beat over HTTP is one wake and costs at most 0.80 rows, and does not touch D1", async ({ expect }) => {
    const { counts, silences, status } = await countDay("http");
    const { alarms, rows_written, requests, d1_statements } = perThousandBeats(counts);
    console.log(`over HTTP, per 1,000 beats: ${rows_written} rows, ${alarms} alarms, ${d1_statements} D1 statements`);
    expect(counts.beats).toBe(BOTS * BEATS_A_DAY);
    expect(rows_written).toBeGreaterThan(0);
    expect(rows_written).toBeLessThanOrEqual(800);
    expect(requests).toBe(1_000);
    expect(d1_statements).toBe(0);
    expect({ silences, status }).toEqual({ silences: 0, status: Array(BOTS).fill("online") });
  });
});
