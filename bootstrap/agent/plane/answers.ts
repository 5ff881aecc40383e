/** Pure: what an answer of the control plane means for the permission to run, and when to ask again. */
import type { HeartbeatAnswer, RegisterAnswer } from "../../../src/wire/agent.ts";
import { type BackoffLimits, backoff } from "../base/timing.ts";
import type { Ban, Permission } from "../workload/permission.ts";
import type { Outcome } from "./control-plane.ts";

export type RegisterVerdict =
  | { do: "registered"; heartbeat_interval_s: number; channel_url: string }
  | { do: "retry"; after_ms: number; ban: Ban | null; reason: string };

export interface RetryLimits {
  backoff: BackoffLimits;
  slow_retry_ms: number;
}

export function judgeRegister(
  outcome: Outcome<RegisterAnswer>,
  failures: number,
  limits: RetryLimits,
  random: number,
): RegisterVerdict {
  switch (outcome.is) {
    case "ok":
      return {
        do: "registered",
        heartbeat_interval_s: outcome.value.heartbeat_interval_s,
        channel_url: outcome.value.channel_url,
      };
    case "refused": {
      const reason = `register refused: ${outcome.status} ${outcome.code}`.trim();
      const ban = outcome.status === 409 ? "another_credential" : outcome.status === 403 ? "wrong_droplet" : null;
      return { do: "retry", after_ms: limits.slow_retry_ms, ban, reason };
    }
    case "unchanged":
      return { do: "retry", after_ms: limits.slow_retry_ms, ban: null, reason: "register answered 304" };
    case "unreachable": {
      const own_ms = backoff(failures, limits.backoff, random);
      const after_ms = Math.max(own_ms, Math.min(outcome.retry_after_ms ?? 0, limits.backoff.max_ms));
      return { do: "retry", after_ms, ban: null, reason: outcome.detail };
    }
  }
}

export interface BeatLimits {
  interval_ms: number;
  slow_retry_ms: number;
  revoked_confirm_ms: number;
}

export interface BeatVerdict {
  permission: Permission;
  next_beat_ms: number;
}

/**
 * Only a clear word ends the right to run: an order, another droplet's identity, or a revocation said twice with time
 * between. Everything else (outage, 5xx, a strange answer) leaves things as they are.
 */
export function judgeBeat(
  before: Permission,
  outcome: Outcome<HeartbeatAnswer>,
  now_ms: number,
  limits: BeatLimits,
): BeatVerdict {
  const { interval_ms, slow_retry_ms, revoked_confirm_ms } = limits;
  switch (outcome.is) {
    case "ok":
      return {
        permission: { order: outcome.value.workload, ban: null, revoked_since_ms: null, heard_ms: now_ms },
        next_beat_ms: interval_ms,
      };
    case "unchanged":
      return { permission: before, next_beat_ms: interval_ms };
    case "unreachable":
      return {
        permission: before,
        next_beat_ms: Math.max(interval_ms, Math.min(outcome.retry_after_ms ?? 0, slow_retry_ms)),
      };
    case "refused": {
      if (outcome.status === 403 && outcome.code === "wrong_droplet") {
        return { permission: { ...before, ban: "wrong_droplet" }, next_beat_ms: slow_retry_ms };
      }
      if (outcome.status !== 401 || outcome.code !== "credential_revoked") {
        return { permission: before, next_beat_ms: interval_ms };
      }
      const since_ms = before.revoked_since_ms ?? now_ms;
      const confirmed = now_ms - since_ms >= revoked_confirm_ms;
      return {
        permission: { ...before, revoked_since_ms: since_ms, ban: confirmed ? "credential_revoked" : before.ban },
        next_beat_ms: confirmed ? slow_retry_ms : Math.max(interval_ms, revoked_confirm_ms),
      };
    }
  }
}
