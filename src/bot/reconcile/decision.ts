/** What `reconcile` may answer, and the volatile facts that it looks at beside the state. */
import { z } from "zod";
import type { OperationKind } from "../../wire/enums.ts";
import type { EventBody } from "../model/events.ts";
import type { Instant, PowerAction, RolledBack } from "../model/state.ts";

/** One call to DigitalOcean. */
export type Effect =
  | { kind: "create_droplet"; generation: number }
  | { kind: "get_droplet"; droplet_id: number }
  | { kind: "delete_droplet"; droplet_id: number }
  | { kind: "power"; droplet_id: number; action: PowerAction }
  /** A listing as evidence: for an open intent, or for a droplet that should be gone. */
  | { kind: "list"; how: "name" | "tag" | "list"; generation: number; subject: ListSubject };
export type ListSubject = { intent_id: string } | { droplet_id: number };

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
export const Telemetry = z.object({
  at: z.number(),
  agent_version: z.string(),
  workload: z.object({ state: z.string(), version: z.string().nullable(), restarts: z.int() }),
  load: z.number().nullable(),
  mem: z.number().nullable(),
  disk: z.number().nullable(),
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
  /** When each kind of call last ended, by `effectKey`; a read only where it was answered. */
  done: z.record(z.string(), z.number()).default({}),
  telemetry: Telemetry.nullable().default(null),
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

/** Names a call for pacing: the same call again is paced, another one is not. */
export function effectKey(effect: Effect): string {
  switch (effect.kind) {
    case "create_droplet":
      return `create:${effect.generation}`;
    case "power":
      return `power:${effect.droplet_id}`;
    case "list":
      return `list:${effect.how}:${"intent_id" in effect.subject ? effect.subject.intent_id : effect.subject.droplet_id}`;
    case "get_droplet":
    case "delete_droplet":
      return `${effect.kind}:${effect.droplet_id}`;
  }
}

export function sameEffect(a: Effect, b: Effect): boolean {
  return effectKey(a) === effectKey(b) && (a.kind !== "power" || (b.kind === "power" && a.action === b.action));
}
