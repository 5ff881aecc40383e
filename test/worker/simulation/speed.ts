/** How fast time goes: what takes minutes in production takes a hundredth of it here, in objects and cloud alike. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { DEFAULT_KNOBS, type Knobs } from "../../../simulator/model/knobs.ts";
import { defaultPolicy, type Policy } from "../../../src/bot/model/policy.ts";
import { readSettings, type Settings } from "../../../src/env.ts";
import { privatesOf } from "./privates.ts";

const SPEED = 100;

/** What is not a hundredth: the real clock has its own pace, and some waits are not what is simulated. */
const OWN_PACE: Partial<Policy> = {
  // A busy machine must not look like a provider that does not answer.
  call_timeout_ms: 1_000,
  safety_margin_ms: 300,
  // Every poll is a real alarm and goes through to the disk.
  poll_due_ms: 100,
  poll_young_ms: 120,
  poll_old_ms: 250,
  confirm_gone_poll_ms: 100,
  backoff_base_ms: 40,
  outbox_backoff_max_ms: 1_000,
  blocked_retry_min_ms: 300,
  blocked_retry_max_ms: 600,
  // Nobody falls silent: the gate settles for two real minutes before it lets anybody be healed.
  silent_after_ms: defaultPolicy.silent_after_ms,
  last_seen_coalesce_ms: defaultPolicy.last_seen_coalesce_ms,
  registration_token_ttl_ms: defaultPolicy.registration_token_ttl_ms,
};

export const policy: Policy = { ...inHurry(defaultPolicy), ...OWN_PACE };

/** @param ms as production has it */
export function hurried(ms: number): number {
  return ms / SPEED;
}

/** In real time. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The cloud's ways, in a hurry; nothing is rate limited but by a fault. @param knobs as the fast layer draws them */
export function hurriedKnobs(knobs: Partial<Knobs>): Knobs {
  return { ...inHurry({ ...DEFAULT_KNOBS, ...knobs }), per_minute: 100_000, per_hour: 1_000_000 };
}

/** Every time in it; all else stays. */
function inHurry<T extends object>(settings: T): T {
  const entries = Object.entries(settings).map(([key, value]) => {
    return [key, key.endsWith("_ms") && typeof value === "number" ? hurried(value) : value];
  });
  return Object.fromEntries(entries) as T;
}

/**
 * Gives the objects of this test file these settings. The platform hands them all one `env`, whose settings are parsed
 * once: changed in place, they hold for every object that is made from now on.
 */
export async function hurryObjects(): Promise<void> {
  await runInDurableObject(env.BOT.getByName(crypto.randomUUID()), (bot) => {
    const settings: Settings = readSettings(privatesOf(bot).env);
    Object.assign(settings.POLICY, policy);
    settings.SWEEP_MODE = "delete";
  });
}
