/** Pure: what follows when a supervised process has ended by itself. */
import { type BackoffLimits, backoff } from "../base/timing.ts";

/** OpenClaw's way to say that its config is invalid: starting it again changes nothing. */
const EXIT_BAD_CONFIG = 78;

/** Healthy for this long, and earlier failures are forgotten. */
const FORGIVEN_AFTER_MS = 30_000;

export interface Ended {
  /** Null when it was ended by a signal or never started. */
  code: number | null;
  detail: string;
  healthy_ms: number;
  /** Ends of its own in a row, before this one. */
  failures: number;
}

export type AfterEnd =
  | { do: "give_up"; reason: string }
  | { do: "restart"; after_ms: number; failures: number; reason: string };

export function afterEnd(ended: Ended, limits: BackoffLimits, random: number): AfterEnd {
  if (ended.code === EXIT_BAD_CONFIG) return { do: "give_up", reason: `bad config (${ended.detail})` };
  const failures = ended.healthy_ms >= FORGIVEN_AFTER_MS ? 0 : ended.failures;
  const after_ms = backoff(failures, limits, random);
  return { do: "restart", after_ms, failures: failures + 1, reason: ended.detail };
}
