/**
 * Absence as evidence, for the droplet: what the mechanism of `src/resources` says, as decisions. An intent is absent and
 * a droplet gone only after looks of every kind that began late enough. Pure.
 */

import { type AbsenceStep, removeResource, confirmMissing as stepsToConfirm } from "../../resources/absence.ts";
import { type DropletLook, dropletKind } from "../../resources/droplet.ts";
import { resolveIntent as stepsToResolve } from "../../resources/intent.ts";
import type { Evidence } from "../../resources/kind.ts";
import { type Droplet, type Intent, openIntent } from "../model/state.ts";
import type { Decision } from "./decision.ts";
import type { Situation } from "./situation.ts";
import { callNow, lastRead, record, waitUntil } from "./steps.ts";
import { windDown } from "./wind-down.ts";

/** An open intent: its POST's outcome is unknown, so look until the droplet is found or cannot exist. */
export function resolveIntent(s: Situation, intent: Intent): Decision {
  const { bot, now, policy } = s;
  const claim = bot.claims.find(({ intent_id }) => intent_id === intent.id);
  if (claim) return verifyClaim(s, claim.droplet_id);
  const step = stepsToResolve(dropletKind, intent, now, policy);
  switch (step.step) {
    case "wait":
      return waitUntil(step.until, "create_confirmation");
    case "look": {
      const subject = { intent_id: intent.id };
      return callNow(s, { kind: "list", how: step.how, generation: intent.generation, subject });
    }
    case "absent":
      return record({ kind: "intent_absent", data: { intent_id: intent.id } });
  }
}

/** A droplet that registered with a valid token before we had adopted it: its name tells whether it is ours. */
export function verifyClaim(s: Situation, dropletId: number): Decision {
  return callNow(s, { kind: "get_droplet", droplet_id: dropletId });
}

/** Deletes it and waits for the evidence that it is gone. */
export function removeDroplet(s: Situation, droplet: Droplet): Decision {
  const { now, policy } = s;
  const doomed = { sent_at: droplet.delete_sent_at, ended_at: droplet.delete_ended_at };
  const step = removeResource(dropletKind, { evidence: evidenceOf(s, droplet), doomed }, now, policy);
  if (step.step === "delete") return callNow(s, { kind: "delete_droplet", droplet_id: droplet.id });
  return gather(s, droplet, step) ?? record({ kind: "droplet_gone", data: { droplet_id: droplet.id } });
}

/** Null once the droplet, which was not deleted by us, is gone beyond doubt. */
export function confirmMissing(s: Situation, droplet: Droplet): Decision | null {
  return gather(s, droplet, stepsToConfirm(dropletKind, evidenceOf(s, droplet), 0, s.now, s.policy));
}

function evidenceOf(s: Situation, droplet: Droplet): Evidence<DropletLook> {
  const { found_at, seen_by_id, missing } = droplet;
  const { by_id, by_name, by_tag } = missing;
  const read_at = lastRead(s, droplet);
  return { found_at, seen_by_id, read_at, missed_at: by_id, absent_at: { name: by_name, tag: by_tag } };
}

function gather(s: Situation, { id, generation }: Droplet, step: AbsenceStep<DropletLook>): Decision | null {
  switch (step.step) {
    case "wait":
      return waitUntil(step.until, "droplet_gone");
    case "read":
      return callNow(s, { kind: "get_droplet", droplet_id: id });
    case "look":
      return callNow(s, { kind: "list", how: step.how, generation, subject: { droplet_id: id } });
    case "gone":
      return null;
  }
}

/** Null once no droplet of this bot is left and none can still come. */
export function ensureGone(s: Situation): Decision | null {
  const { bot } = s;
  // An agent whose credential is revoked can say nothing any more.
  const winding = windDown(s);
  if (winding) return winding;
  const accepted = bot.agent !== null || bot.intents.some((intent) => intent.enrolment.state === "live");
  if (accepted) return record({ kind: "credential_revoked", data: {} });
  const intent = openIntent(bot);
  if (intent) return resolveIntent(s, intent);
  const claim = bot.claims[0];
  if (claim) return verifyClaim(s, claim.droplet_id);
  const droplet = bot.droplets[0];
  return droplet ? removeDroplet(s, droplet) : null;
}
