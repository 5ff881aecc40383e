import { describe, it } from "vitest";
import { add, billOf, times, usage } from "../../scripts/cost/bill.ts";
import type { Counted } from "../../scripts/cost/count.ts";
import { botUsage, fleetUsage, usageOf } from "../../scripts/cost/usage.ts";
import { type Counts, NOTHING } from "../simulation/meter.ts";

function counts(given: Partial<Counts>): Counts {
  return { ...NOTHING, ...given };
}

describe("a bill", () => {
  it("is the plan's own price while everything is included", ({ expect }) => {
    const used = usage({ object_rows_written: 50e6, object_requests: 1e6, object_gb_s: 400_000, d1_gb: 5 });
    expect(billOf(used).total_usd).toBe(5);
  });

  it("adds what is beyond, each item at its own price", ({ expect }) => {
    const { total_usd, lines } = billOf(
      usage({
        worker_requests: 12e6, // 2 M x $0.30 = $0.60
        worker_cpu_ms: 80e6, // 50 M x $0.02 = $1.00
        object_requests: 41e6, // 40 M x $0.15 = $6.00
        object_gb_s: 500_000, // 0.1 M x $12.50 = $1.25
        object_rows_written: 53e6, // 3 M x $1 = $3.00
        object_rows_read: 26e9, // 1,000 M x $0.001 = $1.00
        object_gb: 7, // 2 x $0.20 = $0.40
        d1_rows_written: 51e6, // 1 M x $1 = $1.00
        d1_rows_read: 25e9, // included
        d1_gb: 9, // 4 x $0.75 = $3.00
        log_events: 30e6, // 10 M x $0.60 = $6.00
      }),
    );
    expect(lines.map(({ usd }) => Number(usd.toFixed(6)))).toEqual([0.6, 1, 6, 1.25, 3, 1, 0.4, 1, 0, 3, 6]);
    expect(total_usd).toBeCloseTo(5 + 23.25, 9);
  });
});

describe("what objects use", () => {
  // 1,000 beats over the channel: 333 looks at the time-stamps, 100 statuses, 20 calls of upkeep.
  const counted = counts({ beats: 1_000, alarms: 333, rows_written: 333, rows_read: 2_000, frames: 100, pokes: 20 });

  it("is a request for each call, and for twenty messages; pings are none", ({ expect }) => {
    expect(usageOf(counted, false).object_requests).toBe(333 + 20 + 100 / 20);
  });

  it("is memory while they wake and commit: 453 x 5 ms and 333 x 10 ms, of 128 MB", ({ expect }) => {
    expect(usageOf(counted, false).object_gb_s).toBeCloseTo((2.265 + 3.33) * 0.128, 9);
  });

  it("is a log event for each invocation, where they are logged", ({ expect }) => {
    const over_http = counts({ requests: 10, alarms: 3 });
    // The Worker's ten, the object's ten, and its alarms.
    expect(usageOf(over_http, true)).toMatchObject({ log_events: 23, worker_requests: 10, object_requests: 13 });
    expect(usageOf(over_http, false).log_events).toBe(0);
  });
});

describe("what a fleet uses", () => {
  const counted: Counted = {
    day: counts({ beats: 2_880, alarms: 960, rows_written: 960 }),
    create: counts({ rows_written: 100, gate_requests: 4 }),
    config_change: counts({ rows_written: 30, d1_statements: 3 }),
    deploy: counts({ rows_written: 2 }),
    sweep: counts({ gate_requests: 1, gate_alarms: 1, gate_rows_written: 8 }),
    stored_bytes: 50_000,
  };

  it("is thirty days of each bot, with a create, four changes and four deploys", ({ expect }) => {
    const { object_rows_written, d1_rows_written, object_gb } = botUsage(counted, false);
    expect(object_rows_written).toBe(30 * 960 + 100 + 4 * 30 + 4 * 2);
    expect(d1_rows_written).toBe(4 * 3 * 3);
    expect(object_gb).toBeCloseTo(0.00005, 9);
  });

  it("adds 8,640 sweeps, of as many pages as the fleet fills and the budget has room for", ({ expect }) => {
    const rowsOfSweeps = (bots: number) =>
      add(fleetUsage(counted, bots, false), times(botUsage(counted, false), -bots)).object_rows_written;
    expect(rowsOfSweeps(200)).toBeCloseTo(8_640 * 8, 3);
    expect(rowsOfSweeps(201)).toBeCloseTo(8_640 * 8 * 2, 3);
    expect(rowsOfSweeps(1_000_000)).toBeCloseTo(720 * 4_850 * 8, 1);
  });
});
