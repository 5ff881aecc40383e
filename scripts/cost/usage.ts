/** From what was counted and what is assumed to what a fleet uses in a month. Pure. */
import type { Counts } from "../../test/simulation/meter.ts";
import {
  COMMIT_MS,
  D1_BYTES,
  D1_ROWS_WRITTEN,
  LISTED,
  LOOKED_AT,
  MONTH,
  SWEEP,
  WAKE_MS,
  WORKER_CPU_MS,
} from "./assumptions.ts";
import { add, times, type Usage, usage } from "./bill.ts";
import type { Counted } from "./count.ts";
import { MESSAGES_A_REQUEST, OBJECT_GB } from "./prices.ts";

const HOURS_A_MONTH = MONTH.days * 24;
const BYTES_A_GB = 1e9;

/** @param logged whether every invocation writes a log event */
export function fleetUsage(counted: Counted, bots: number, logged: boolean): Usage {
  return add(times(botUsage(counted, logged), bots), upkeepUsage(counted, bots, logged));
}

/** Of one bot. */
export function botUsage(counted: Counted, logged: boolean): Usage {
  const { day, create, config_change, deploy, stored_bytes } = counted;
  return add(
    times(usageOf(day, logged), MONTH.days),
    times(usageOf(create, logged), MONTH.creates),
    times(usageOf(config_change, logged), MONTH.config_changes),
    times(usageOf(deploy, logged), MONTH.deploys),
    times(READ, MONTH.reads),
    // Its part of a page.
    times(
      usage({ worker_requests: 1, worker_cpu_ms: WORKER_CPU_MS, d1_rows_read: 2 * LISTED }),
      MONTH.listings / LISTED,
    ),
    usage({ object_gb: stored_bytes / BYTES_A_GB, d1_gb: D1_BYTES / BYTES_A_GB }),
  );
}

/** A person, or their software, looks at a bot. */
const READ = usage({
  worker_requests: 1,
  worker_cpu_ms: WORKER_CPU_MS,
  object_requests: 1,
  object_gb_s: gigabyteSeconds(1, 0),
  object_rows_read: 3 * LOOKED_AT,
});

export function usageOf(counts: Counts, logged: boolean): Usage {
  const { alarms, frames, requests, pokes, claims, gate_requests, gate_alarms } = counts;
  const calls = alarms + requests + pokes + claims + gate_requests + gate_alarms;
  const written = counts.rows_written + counts.gate_rows_written;
  return usage({
    worker_requests: requests,
    worker_cpu_ms: requests * WORKER_CPU_MS,
    object_requests: calls + frames / MESSAGES_A_REQUEST,
    object_gb_s: gigabyteSeconds(calls + frames, Math.min(written, calls + frames)),
    object_rows_written: written,
    object_rows_read: (counts.rows_read + counts.gate_rows_read) * LOOKED_AT,
    d1_rows_written: counts.d1_statements * D1_ROWS_WRITTEN,
    d1_rows_read: counts.d1_statements + counts.pokes * LOOKED_AT,
    log_events: logged ? requests + calls + frames : 0,
  });
}

function gigabyteSeconds(wakes: number, commits: number): number {
  return ((wakes * WAKE_MS + commits * COMMIT_MS) / 1000) * OBJECT_GB;
}

/** The cron's rounds, and the sweeps that they ask the gate for: more pages for a larger fleet, as far as the budget goes. */
function upkeepUsage({ sweep }: Counted, bots: number, logged: boolean): Usage {
  const sweeps = HOURS_A_MONTH * SWEEP.an_hour;
  const pages = Math.min(Math.ceil(bots / SWEEP.page), SWEEP.pages_an_hour / SWEEP.an_hour);
  const rounds = usage({
    worker_requests: sweeps,
    worker_cpu_ms: sweeps * WORKER_CPU_MS,
    log_events: logged ? sweeps : 0,
  });
  return add(rounds, times(usageOf(sweep, logged), sweeps * pages));
}
