/** Pure: what follows when a supervised process has ended by itself. */
import { type BackoffLimits, backoff } from "../base/timing.ts";

/** OpenClaw's way to say that it cannot start as it is set up; a port that is taken is enough. */
const EXIT_SETUP = 78;

/** Healthy for this long, and earlier failures are forgotten. */
const FORGIVEN_AFTER_MS = 30_000;

export interface Ended {
  /** Null when it was ended by a signal or never started. */
  code: number | null;
  detail: string;
  /** OpenClaw's own check says that the config cannot work. */
  bad_config: boolean;
  healthy_ms: number;
  /** Ends of its own in a row, before this one. */
  failures: number;
}

export type AfterEnd =
  | { do: "give_up"; reason: string }
  | { do: "restart"; after_ms: number; failures: number; reason: string };

export function afterEnd(ended: Ended, limits: BackoffLimits, random: number): AfterEnd {
  if (ended.bad_config) return { do: "give_up", reason: `bad config (${ended.detail})` };
  const failures = ended.healthy_ms >= FORGIVEN_AFTER_MS ? 0 : ended.failures;
  const after_ms = backoff(failures, limits, random);
  return { do: "restart", after_ms, failures: failures + 1, reason: ended.detail };
}

/** Whether the config may be why it ended: not where OpenClaw's own check has called it valid, and the rest is in its way. */
export function suspectsConfig({ code, checked }: { code: number | null; checked: boolean }): boolean {
  return code !== EXIT_SETUP || !checked;
}
