/** What a bot does while nothing is asked of it: it is listened to, and what should not exist is removed. Pure. */

import { adoptedDroplet } from "../model/state.ts";
import { isSuspended } from "../model/status.ts";
import { tellCrashes } from "./crashes.ts";
import { type Decision, lastHeardAt } from "./decision.ts";
import { confirmMissing, removeDroplet, verifyClaim } from "./ensure-gone.ts";
import { healNow } from "./heal.ts";
import { awaitReadyAtRest } from "./readiness.ts";
import { awaitAck, giveUp, goBack } from "./rollout.ts";
import { silenceDeadline } from "./silence.ts";
import type { Situation } from "./situation.ts";
import { callNow, lastRead, pollDroplet, record, waitUntil } from "./steps.ts";

/** What a bot waits for that has nothing to do. */
export const AWAITING_BEAT = "heartbeat";

export function reconcileAtRest(s: Situation): Decision {
  const failed = goBack(s) ?? giveUp(s);
  // A rollback that cannot be made just now must not keep the bot from being judged.
  if (failed !== null && !("wait" in failed)) return failed;
  const claim = s.bot.claims[0];
  if (claim) return verifyClaim(s, claim.droplet_id);
  const surplus = removeSurplus(s);
  const alive = liveness(s);
  if (!("wait" in alive || "settled" in alive)) return alive;
  const calm = failed === null ? alive : earliest(failed, alive);
  // Nor must a surplus droplet that does not go away.
  return surplus === null ? calm : earliest(surplus, calm);
}

/** Destroyed for good; what turns up all the same goes. */
export function reconcileDestroyed(s: Situation): Decision {
  return removeSurplus(s) ?? { settled: true };
}

/** What is not adopted should not exist: after a quarantine it is deleted. Null: there is nothing of that kind. */
function removeSurplus(s: Situation): Decision | null {
  const { bot, now, policy } = s;
  const surplus = bot.droplets.find((droplet) => droplet.id !== bot.adopted);
  if (!surplus) return null;
  const release = surplus.found_at + policy.surplus_quarantine_ms;
  return now < release ? waitUntil(release, "surplus_quarantine") : removeDroplet(s, surplus);
}

function liveness(s: Situation): Decision {
  const { bot, rt, now, policy } = s;
  if (bot.suspension !== null && !isSuspended(bot)) return suspendAgain(s);
  const droplet = adoptedDroplet(bot);
  if (bot.agent !== null && bot.presence === "heard") {
    const deadline = silenceDeadline(rt, bot.agent.bound_at, policy);
    if (now >= deadline) return record({ kind: "agent_silent", data: { last_seen_at: lastHeardAt(rt) } });
    // A paused bot that speaks: somebody has switched its droplet on, or it has not gone off yet.
    if (droplet !== null && bot.off_by_us) return pollDroplet(s, droplet, deadline, "droplet_read");
    const awaited = [awaitAck(s, deadline), awaitReadyAtRest(s), tellCrashes(s)].filter((one) => one !== null);
    const due = awaited.find((one) => !("wait" in one));
    return due ?? awaited.reduce(earliest, waitUntil(deadline, AWAITING_BEAT));
  }
  // Whoever was paused and has spoken once may be silent again: that is no reason to switch it on.
  if (bot.presence !== "silent" || bot.off_by_us) return { settled: true };
  const heal = healNow(s);
  if (heal !== null && !("wait" in heal)) return heal;
  const look = lookAtSilent(s);
  return heal === null ? look : earliest(look, heal);
}

/** A suspended bot that runs or may run: by another hand, by a late droplet, or because it could not be stopped. */
function suspendAgain({ bot, now, policy }: Situation): Decision {
  const again = bot.error === null ? now : (bot.operation.ended_at ?? now) + policy.suspend_retry_ms;
  return now < again ? waitUntil(again, "suspend") : { begin: "suspend" };
}

/** A silent bot that is not healed: what has become of its droplet is looked up now and then. */
function lookAtSilent(s: Situation): Decision {
  const { bot, now, policy } = s;
  const droplet = adoptedDroplet(bot);
  if (droplet !== null) {
    if (droplet.missing.by_id.length > 0) {
      return confirmMissing(s, droplet) ?? record({ kind: "droplet_gone", data: { droplet_id: droplet.id } });
    }
    const next = lastRead(s, droplet) + policy.silent_look_ms;
    if (now >= next) return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
    return waitUntil(next, "droplet_read");
  }
  return { settled: true };
}

function earliest(a: Decision, b: Decision): Decision {
  if (!("wait" in a)) return "settled" in a ? b : a;
  return "wait" in b && b.wait < a.wait ? b : a;
}
