/**
 * How far the desired config version has come, until when its agent must have said so, and what is put back where it
 * failed. Pure. A version fails by its agent's word or by its agent's silence about it, never before it was delivered.
 */
import type { ConfigAckRequest } from "../../wire/agent.ts";
import type { EventBody } from "../model/events.ts";
import { passedGate, rolloutState } from "../model/rollout-state.ts";
import { type BotState, type Instant, isRunning, type RolledBack } from "../model/state.ts";
import { workloadOrder } from "../model/workload-order.ts";
import type { Decision } from "./decision.ts";
import type { Situation } from "./situation.ts";
import { record, waitUntil } from "./steps.ts";
import { stoppedBy } from "./wind-down.ts";

/** The agent was there, and said nothing of the version in time. */
export const NOT_ACKNOWLEDGED = "not_acknowledged";

/** What comes back where the desired version failed; null: nothing is wrong, or there is nothing to go back to. */
export function wayBack({ config }: BotState): RolledBack | null {
  const { desired, failed, last_good, rolled_back } = config;
  if (failed?.id !== desired.id || last_good === null || last_good.id === desired.id) return null;
  // What was put back has failed too: to put it back once more would go on for ever.
  if (rolled_back?.version === desired.version) return null;
  return {
    failed_version: desired.version,
    reason: failed.reason,
    restored_from: last_good.version,
    version: desired.version + 1,
  };
}

/**
 * Until when the agent must have acknowledged the desired version. Null: nobody is to be blamed, since it was not
 * delivered, is acknowledged, or its agent is silent or has no permission to run it.
 */
export function ackDeadline({ bot, rt, policy }: Situation): Instant | null {
  const { agent, config } = bot;
  if (rolloutState(bot) !== "delivered" || agent === null || bot.presence !== "heard") return null;
  if (workloadOrder(bot) !== "run") return null;
  const answered = config.effective !== null || config.failed !== null;
  // On a new droplet what runs with the config is installed after its agent has registered.
  if (isRunning(bot.operation) || !answered) {
    return Math.max(config.since, agent.bound_at) + policy.config_deadline_ms;
  }
  // What runs with the config before is wound down first.
  const drained = Math.min(stoppedBy(rt.telemetry), config.since + policy.wind_down_max_ms);
  return Math.max(
    Math.max(config.since, bot.order_since, drained) + policy.ack_deadline_ms,
    Math.max(bot.presence_since, rt.deaf_until) + policy.ack_grace_ms,
  );
}

/**
 * Of an agent that is heard: waits for its acknowledgement, or no longer.
 * @param silentAt when it will be found silent unless it speaks
 */
export function awaitAck(s: Situation, silentAt: Instant): Decision | null {
  const deadline = ackDeadline(s);
  if (deadline === null) return null;
  if (s.now < deadline) return waitUntil(deadline, "config_ack");
  // Whoever has missed beats may have died with the version in hand: that is told from silence, and counted anew after it.
  return silentAt - s.now > s.policy.last_seen_coalesce_ms ? notAcknowledged(s) : null;
}

export function notAcknowledged({ bot }: Situation): Decision {
  return record({ kind: "config_failed", data: { config: bot.config.desired, reason: NOT_ACKNOWLEDGED } });
}

/** Puts back what was good before the desired version failed; null where nothing is to be put back. */
export function goBack({ bot, rt, now }: Situation): Decision | null {
  const back = wayBack(bot);
  if (back === null) return null;
  return now < rt.restore_not_before ? waitUntil(rt.restore_not_before, "rollback") : { restore: back };
}

/** At rest with a failed version and without a way back: said once, for a person. */
export function giveUp({ bot }: Situation): Decision | null {
  const { error } = bot;
  const { desired, failed } = bot.config;
  if (failed?.id !== desired.id || wayBack(bot) !== null) return null;
  if (error !== null && (error.code !== "config_failed" || error.detail === failed.reason)) return null;
  if (bot.presence !== "heard" || workloadOrder(bot) === "stop") return null;
  return record({ kind: "config_given_up", data: { config: desired, reason: failed.reason } });
}

/** What an acknowledgement brings that is new; null: nothing. It never moves `desired`. */
export function learnAck({ config }: BotState, ack: ConfigAckRequest, version: number): EventBody | null {
  const { desired, applied, effective, last_good, failed } = config;
  const { workload } = ack;
  const acked = { id: ack.config_id, version };
  const is = (other: { id: string } | null) => other?.id === acked.id;
  if (ack.result === "failed") {
    // Of what has come after it, a late or repeated one says nothing.
    if (version <= (failed?.version ?? 0) || version < (applied?.version ?? 0)) return null;
    const reason = ack.reason ?? "the agent gave no reason";
    return { kind: "config_failed", data: { config: acked, reason, workload } };
  }
  if (!is(desired)) return is(effective) ? null : { kind: "config_effective", data: { config: acked } };
  const known = is(applied) && is(effective) && !is(failed) && (is(last_good) || !passedGate(workload));
  // The gate is still to come, with its start.
  const gated = passedGate(workload) ? {} : { starting: true as const };
  return known ? null : { kind: "config_applied", data: { config: acked, workload, ...gated } };
}
