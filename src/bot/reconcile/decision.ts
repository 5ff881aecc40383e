/** What `reconcile` may answer, and the volatile facts that it looks at beside the state. */
import * as z from "zod";
import type { OperationKind } from "../../wire/enums.ts";
import { TradingReport } from "../../wire/trading-report.ts";
import type { EventBody } from "../model/events.ts";
import type { Instant, RolledBack } from "../model/state.ts";
import type { Effect } from "./effects.ts";

export type Decision =
  | { do: Effect }
  | { record: EventBody }
  /** An operation that nobody asked for. */
  | { begin: OperationKind }
  /** The last good config version is to be published anew. */
  | { restore: RolledBack }
  | { wait: Instant; for: string }
  | { settled: true };

/** What an agent last said of itself. */
export type Telemetry = z.infer<typeof Telemetry>;
export const Telemetry = z.object({
  at: z.number(),
  agent_version: z.string(),
  workload: z.object({
    state: z.string(),
    version: z.string().nullable(),
    restarts: z.int(),
    degraded: z.array(z.string()).optional(),
    crashes: z.int().optional(),
    aborted_runs: z.int().optional(),
    wind_down: z.object({ rung: z.string(), ends_in_s: z.number() }).optional(),
  }),
  load: z.number().nullable(),
  mem: z.number().nullable(),
  disk: z.number().nullable(),
});

/** What its workload last said of its trading. */
const Trading = z.object({
  report: TradingReport.nullable(),
  /** Why there is a report that cannot be used. */
  report_error: z.string().nullable(),
  received_at: z.number(),
  /** Id of the config by whose limits it was judged. */
  judged: z.string().nullable(),
});

/**
 * Counters and clocks that are kept beside the folded state: losing them costs a retry or a minute, never the truth.
 */
export const Runtime = z.object({
  /** When work is next due. Not stored while only the agent is awaited: then the alarm alone moves. */
  alarm_at: z.number().nullable().default(null),
  last_seen_at: z.number().nullable().default(null),
  /** We could not have heard anybody before this instant. */
  deaf_until: z.number().default(0),
  /** No effect before this instant (backoff, permit, rate limit). */
  not_before: z.number().default(0),
  /** No rollback before this instant: the last one's secret did not open. */
  restore_not_before: z.number().default(0),
  /** Failures in a row, for the backoff. */
  tries: z.int().default(0),
  /** How long creates took when ours was granted, ms. */
  create_ms: z.number().default(0),
  /** When each kind of call last ended, by `effectKey` (effects.ts); a read only where it was answered. */
  done: z.record(z.string(), z.number()).default({}),
  telemetry: Telemetry.nullable().default(null),
  /** Null: the workload reports nothing. */
  trading: Trading.nullable().default(null).catch(null),
  /** The workload's present burst of crashes, or the last one. */
  crashes: z
    .object({ first_at: z.number(), last_at: z.number(), count: z.int(), reason: z.string().nullable() })
    .nullable()
    .default(null)
    .catch(null),
  /** The agent's channel while it is open, and when it was last heard over it. */
  channel: z.object({ opened_at: z.number(), heard_at: z.number() }).nullable().default(null),
  /** When the channel was last closed; null: it never was, or it is open, or was lost with a reset. */
  channel_closed_at: z.number().nullable().default(null),
  /** When the channel was last found gone without a word, as after a reset. */
  channel_lost_at: z.number().nullable().default(null),
});
export type Runtime = z.infer<typeof Runtime>;

/** When the agent was last heard, over either transport. */
export function lastHeardAt({ last_seen_at, channel }: Runtime): Instant | null {
  return channel === null ? last_seen_at : Math.max(channel.heard_at, last_seen_at ?? 0);
}
