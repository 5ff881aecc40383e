/** Every bound in time and number that the lifecycle lives by. All are settings; the defaults are the documented ones. */
import * as z from "zod";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const ms = (value: number) => z.number().positive().default(value);
const count = (value: number) => z.int().positive().default(value);

export const Policy = z.strictObject({
  heartbeat_interval_s: z.number().positive().default(30),
  /** Last-seen is written at most this often, so a stored one may be this much older than the truth. */
  last_seen_coalesce_ms: ms(60 * SECOND),
  /** Three beats and a little: silence beyond it, added to the coalescing, is silence. */
  silent_after_ms: ms(95 * SECOND),
  /** After the channel was closed, without a beat by either transport. */
  closed_silent_after_ms: ms(45 * SECOND),
  /** An alarm that fires later than this says that we were away, not that the bot was. */
  alarm_late_ms: ms(60 * SECOND),

  poll_due_ms: ms(2 * SECOND),
  poll_young_ms: ms(5 * SECOND),
  poll_old_ms: ms(15 * SECOND),
  poll_young_for_ms: ms(2 * MINUTE),
  /** While a droplet boots, nobody else would tell us that it went off or away. */
  boot_look_ms: ms(2 * MINUTE),
  active_deadline_ms: ms(10 * MINUTE),
  register_deadline_ms: ms(20 * MINUTE),
  stage_extension_ms: ms(5 * MINUTE),
  register_deadline_max_ms: ms(45 * MINUTE),
  /** OpenClaw is installed after the agent has registered. */
  config_deadline_ms: ms(45 * MINUTE),
  /** From its delivery to an agent that may run it, until a config version must be acknowledged. */
  ack_deadline_ms: ms(150 * SECOND),
  /** An agent that was silent has so long again. */
  ack_grace_ms: ms(120 * SECOND),
  /** From the order to stop until the workload must have stopped: the order's way to the agent, and the agent's own time. */
  wind_down_ms: ms(150 * SECOND),
  /** Where the agent says that it takes longer: no longer than this. */
  wind_down_max_ms: ms(13 * MINUTE),
  /** So long a workload that may run has to become ready: two starts with their pause, on a small droplet. */
  ready_deadline_ms: ms(10 * MINUTE),
  /** How often at most the history tells of a burst of crashes; one without a crash for so long is over. */
  crash_fold_ms: ms(30 * MINUTE),
  /** A rollback whose secret does not open is tried again. */
  restore_retry_ms: ms(5 * MINUTE),
  create_tries: count(3),
  /** How long an operation waits for quota, capacity or a provider that does not answer. */
  blocked_for_ms: ms(24 * HOUR),

  call_timeout_ms: ms(30 * SECOND),
  /** Beyond the call's own time-out, so that the alarm that would wake us never races the answer. */
  safety_margin_ms: ms(30 * SECOND),
  /** Once a POST has ended, how long until its droplet must be visible if there is one. */
  look_window_ms: ms(120 * SECOND),
  /** A 202's droplet may answer 404 for this long. */
  replication_window_ms: ms(120 * SECOND),
  redelete_after_ms: ms(3 * MINUTE),
  confirm_gone_poll_ms: ms(3 * SECOND),
  surplus_quarantine_ms: ms(60 * SECOND),

  shutdown_patience_ms: ms(120 * SECOND),
  power_patience_ms: ms(60 * SECOND),
  power_tries: count(3),
  /** An action that was sent may still take effect for so long, whatever a read shows meanwhile. */
  power_settle_ms: ms(120 * SECOND),
  /** How long an operation may take that only switches a droplet on or off. */
  power_deadline_ms: ms(45 * MINUTE),
  silent_look_ms: ms(HOUR),
  /** A suspended bot that could not be stopped is tried again. */
  suspend_retry_ms: ms(HOUR),
  /** Between two restarts or redeploys that people ask for. */
  restart_interval_ms: ms(MINUTE),

  /** From a power action until the agent must be heard again. */
  heal_patience_ms: ms(5 * MINUTE),
  heal_tries: count(2),
  heals_a_window: count(2),
  heal_window_ms: ms(24 * HOUR),

  backoff_base_ms: ms(SECOND),
  backoff_max_ms: ms(5 * MINUTE),
  blocked_retry_min_ms: ms(5 * MINUTE),
  blocked_retry_max_ms: ms(30 * MINUTE),
  outbox_backoff_max_ms: ms(HOUR),

  registration_token_ttl_ms: ms(HOUR),
  /** How long the secrets of a destroyed bot are kept. */
  secret_retention_ms: ms(30 * 24 * HOUR),
  /** Longer than a page of a key rotation takes; whoever died during one holds the others up for no longer. */
  rotation_lease_ms: ms(MINUTE),

  /** When more events than this are kept, the state goes into a snapshot … */
  history_max: count(2_000),
  /** … and those that are older than so many before it are forgotten, … */
  history_keep: count(1_000),
  /** … at most this many in one alarm. */
  history_chunk: count(200),
});
export type Policy = z.infer<typeof Policy>;

export const defaultPolicy: Policy = Policy.parse({});

/** Exponential backoff with full jitter. @param tries failures so far (≥ 1). @param random in [0, 1). */
export function backoffMs(policy: Policy, tries: number, random: number): number {
  const ceiling = Math.min(policy.backoff_max_ms, policy.backoff_base_ms * 2 ** Math.min(tries - 1, 20));
  // A floor keeps full jitter from meaning "at once".
  return Math.max(policy.backoff_base_ms / 2, Math.floor(random * ceiling));
}
