/**
 * Cloudflare's prices, Workers Paid plan, US dollars a month, as they stood in November 2026 on
 * developers.cloudflare.com: /workers/platform/pricing, /durable-objects/platform/pricing (with its footnotes),
 * /d1/platform/pricing, /workers/observability/logs/workers-logs.
 */

export interface Price {
  what: string;
  /** In each month, of the unit. */
  included: number;
  /** Of one unit beyond that, US dollars. */
  usd: number;
  /** The multiple of the unit in which a table shows it. */
  shown: { by: number; as: string };
}

const MILLION = 1e6;
const millions = { by: MILLION, as: "M" };
const gigabytes = { by: 1, as: "GB" };

/** What the plan costs before anything is used. */
export const BASE_USD = 5;

export const PRICES = {
  worker_requests: { what: "Worker requests", included: 10 * MILLION, usd: 0.3 / MILLION, shown: millions },
  worker_cpu_ms: {
    what: "Worker CPU",
    included: 30 * MILLION,
    usd: 0.02 / MILLION,
    shown: { by: MILLION, as: "M ms" },
  },
  /** HTTP requests, RPC calls, alarms, and WebSocket messages at `MESSAGES_A_REQUEST`. */
  object_requests: { what: "Object requests", included: MILLION, usd: 0.15 / MILLION, shown: millions },
  /** Wall-clock time in memory, at `OBJECT_GB` each; not while an object may hibernate, even before it does. */
  object_gb_s: { what: "Object duration", included: 400_000, usd: 12.5 / MILLION, shown: { by: 1_000, as: "k GB-s" } },
  /** A `setAlarm` is one row. */
  object_rows_written: { what: "Object rows written", included: 50 * MILLION, usd: 1 / MILLION, shown: millions },
  object_rows_read: { what: "Object rows read", included: 25_000 * MILLION, usd: 0.001 / MILLION, shown: millions },
  object_gb: { what: "Object storage", included: 5, usd: 0.2, shown: gigabytes },
  d1_rows_written: { what: "D1 rows written", included: 50 * MILLION, usd: 1 / MILLION, shown: millions },
  d1_rows_read: { what: "D1 rows read", included: 25_000 * MILLION, usd: 0.001 / MILLION, shown: millions },
  d1_gb: { what: "D1 storage", included: 5, usd: 0.75, shown: gigabytes },
  log_events: { what: "Log events", included: 20 * MILLION, usd: 0.6 / MILLION, shown: millions },
} as const satisfies Record<string, Price>;

/** So many incoming WebSocket messages are billed as one request; those that the runtime answers by itself are free. */
export const MESSAGES_A_REQUEST = 20;
/** An object is billed as if it had all of its 128 MB. */
export const OBJECT_GB = 0.128;
