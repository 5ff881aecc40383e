/**
 * Absence as evidence. DigitalOcean has no idempotency key, its lists lag and a 404 may be replication: an intent is
 * absent and a droplet gone only after looks of every kind that began late enough. Pure.
 */

import { type Droplet, type Instant, type Intent, openIntent } from "../model/state.ts";
import type { Decision } from "./decision.ts";
import { readKey } from "./effects.ts";
import type { Situation } from "./situation.ts";
import { callNow, record, waitUntil } from "./steps.ts";

/** Looks for an unanswered POST's droplet, as shares of the look window after the POST ended. The last three decide. */
const LOOKS = [
  { share: 1 / 60, how: "name" },
  { share: 1 / 12, how: "tag" },
  { share: 1 / 4, how: "name" },
  { share: 1 / 2, how: "name" },
  { share: 1, how: "name" },
  { share: 1, how: "tag" },
  { share: 1, how: "list" },
] as const;

/** An open intent: its POST's outcome is unknown, so look until the droplet is found or cannot exist. */
export function resolveIntent(s: Situation, intent: Intent): Decision {
  const { bot, now, policy } = s;
  const claim = bot.claims.find(({ intent_id }) => intent_id === intent.id);
  if (claim) return verifyClaim(s, claim.droplet_id);
  const look = LOOKS[intent.looks.length];
  if (!look) return record({ kind: "intent_absent", data: { intent_id: intent.id } });
  const at = postEndedBy(intent, policy.call_timeout_ms) + look.share * policy.look_window_ms;
  if (now < at) return waitUntil(at, "create_confirmation");
  const subject = { intent_id: intent.id };
  return callNow(s, { kind: "list", how: look.how, generation: intent.generation, subject });
}

/** Where we died during the POST nobody saw its end; it cannot have lasted longer than its time-out. */
function postEndedBy(intent: Intent, timeoutMs: number): Instant {
  return intent.ended_at ?? intent.opened_at + timeoutMs;
}

/** A droplet that registered with a valid token before we had adopted it: its name tells whether it is ours. */
export function verifyClaim(s: Situation, dropletId: number): Decision {
  return callNow(s, { kind: "get_droplet", droplet_id: dropletId });
}

/** One DELETE, then evidence; another DELETE only after minutes (repeated ones have got accounts blocked). */
export function removeDroplet(s: Situation, droplet: Droplet): Decision {
  const { now, policy } = s;
  const remove = { kind: "delete_droplet", droplet_id: droplet.id } as const;
  if (droplet.delete_sent_at === null) return callNow(s, remove);
  const alive = droplet.missing.by_id.length === 0;
  if (alive && now >= droplet.delete_sent_at + policy.redelete_after_ms) return callNow(s, remove);
  const endedBy = droplet.delete_ended_at ?? droplet.delete_sent_at + policy.call_timeout_ms;
  return confirmMissing(s, droplet, endedBy) ?? record({ kind: "droplet_gone", data: { droplet_id: droplet.id } });
}

/**
 * Null once the droplet is gone beyond doubt: 404 by id, absent by name and absent by tag.
 * @param since listings that began before it say nothing (the end of the DELETE).
 */
export function confirmMissing(s: Situation, droplet: Droplet, since: Instant = 0): Decision | null {
  const { rt, now, policy } = s;
  const { by_id, by_name, by_tag } = droplet.missing;
  if (!goneById(droplet, policy.replication_window_ms)) {
    const last = rt.done[readKey(droplet.id)] ?? 0;
    const age = now - Math.max(since, by_id[0] ?? 0);
    const interval = age < policy.poll_young_for_ms ? policy.confirm_gone_poll_ms : policy.poll_old_ms;
    const next = Math.max(last, since) + interval;
    if (now < next) return waitUntil(next, "droplet_gone");
    return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
  }
  if (now < since) return waitUntil(since, "droplet_gone");
  const subject = { droplet_id: droplet.id };
  const { generation } = droplet;
  if (by_name === null || by_name < since) return callNow(s, { kind: "list", how: "name", generation, subject });
  if (by_tag === null || by_tag < since) return callNow(s, { kind: "list", how: "tag", generation, subject });
  return null;
}

/** A 404 proves something once a GET has answered 200 before, or twice and late enough after the 202. */
function goneById({ missing, seen_by_id, found_at }: Droplet, replicationMs: number): boolean {
  if (seen_by_id) return missing.by_id.length >= 1;
  return missing.by_id.length >= 2 && (missing.by_id.at(-1) ?? 0) >= found_at + replicationMs;
}

/** Null once no droplet of this bot is left and none can still come. */
export function ensureGone(s: Situation): Decision | null {
  const { bot } = s;
  const accepted = bot.agent !== null || bot.intents.some((intent) => intent.token_state === "live");
  if (accepted) return record({ kind: "credential_revoked", data: {} });
  const intent = openIntent(bot);
  if (intent) return resolveIntent(s, intent);
  const claim = bot.claims[0];
  if (claim) return verifyClaim(s, claim.droplet_id);
  const droplet = bot.droplets[0];
  return droplet ? removeDroplet(s, droplet) : null;
}
