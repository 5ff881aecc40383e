/** Switching a droplet off and on, judged by what a read says and never by what was asked. Pure. */

import { isUp } from "../model/fold-droplets.ts";
import { adoptedDroplet, type Droplet, type Instant, isDoomed, openIntent } from "../model/state.ts";
import { isServing } from "../model/status.ts";
import type { Decision } from "./decision.ts";
import { confirmMissing, removeDroplet, resolveIntent, verifyClaim } from "./ensure-gone.ts";
import { awaitAgent, awaitConfig, notActive, redeploy } from "./ensure-running.ts";
import { awaitReady } from "./readiness.ts";
import type { Situation } from "./situation.ts";
import { callNow, fail, lastRead, lookOnceMore, pollDroplet, powerOn, record, succeed } from "./steps.ts";
import { windDown } from "./wind-down.ts";

/** Pause: ask the guest to shut down, then insist. Done only when a read says `off`. */
export function ensureOff(s: Situation): Decision {
  const { bot, now, policy } = s;
  const intent = openIntent(bot);
  if (intent) return resolveIntent(s, intent);
  const droplet = adoptedDroplet(bot);
  if (droplet === null) return fail(s, "droplet_gone", "There is no droplet to power off.");
  if (droplet.missing.by_id.length > 0) {
    return confirmMissing(s, droplet) ?? record({ kind: "droplet_gone", data: { droplet_id: droplet.id } });
  }
  const fresh = lastRead(s, droplet) >= bot.operation.started_at;
  if (!fresh) return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
  if (droplet.status === "off") return awaitEffect(s, droplet, droplet.on_sent_at, "droplet_off") ?? succeed(s);
  const { power } = bot.operation;
  if (power === null) return windDown(s) ?? callNow(s, { kind: "power", droplet_id: droplet.id, action: "shutdown" });
  const deadline =
    power.sent_at + (power.action === "shutdown" ? policy.shutdown_patience_ms : policy.power_patience_ms);
  if (now < deadline) return pollDroplet(s, droplet, deadline, "droplet_off");
  const look = lookOnceMore(s, droplet, deadline);
  if (look) return look;
  if (power.action === "power_off" && power.count >= policy.power_tries) {
    return fail(s, "power_off_failed", `The droplet is still on after ${power.count} power-off attempts.`);
  }
  return callNow(s, { kind: "power", droplet_id: droplet.id, action: "power_off" });
}

/** Suspend: as a pause, of a bot in any state. A droplet that was being made is stopped too; none at all will do. */
export function ensureStopped(s: Situation): Decision {
  const { bot, now, policy } = s;
  const intent = openIntent(bot);
  if (intent) return resolveIntent(s, intent);
  const claim = bot.claims[0];
  if (claim) return verifyClaim(s, claim.droplet_id);
  const droplet = adoptedDroplet(bot);
  if (droplet === null) return succeed(s);
  if (isDoomed(droplet)) return removeDroplet(s, droplet);
  // A machine that is still being made cannot be switched off.
  if (droplet.status !== "new" || droplet.missing.by_id.length > 0) return ensureOff(s);
  const activeBy = droplet.found_at + policy.active_deadline_ms;
  if (now < activeBy) return pollDroplet(s, droplet, activeBy, "droplet_active");
  return lookOnceMore(s, droplet, activeBy) ?? notActive(s);
}

/** Resume: power on and hear the agent. A droplet that is gone makes it a redeploy, which the history says. */
export function ensureOn(s: Situation): Decision {
  const { bot } = s;
  const intent = openIntent(bot);
  if (intent) return resolveIntent(s, intent);
  const droplet = adoptedDroplet(bot);
  // Without a bound agent nobody could come back on it: the operation before was taking it away, or still making it.
  if (droplet === null || bot.agent === null || isDoomed(droplet)) return redeploy(s, "droplet_gone");
  if (droplet.missing.by_id.length > 0) {
    return confirmMissing(s, droplet) ?? record({ kind: "droplet_gone", data: { droplet_id: droplet.id } });
  }
  const fresh = lastRead(s, droplet) >= bot.operation.started_at;
  if (!fresh) return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
  if (!isUp(droplet)) return powerOn(s, droplet) ?? fail(s, "power_on_failed", "The droplet does not power on.");
  const shaky = awaitEffect(s, droplet, droplet.off_sent_at, "droplet_off");
  if (shaky) return shaky;
  if (isServing(bot)) return awaitReady(s) ?? succeed(s);
  const poweredAt = Math.max(bot.operation.started_at, bot.operation.power?.sent_at ?? 0);
  if (bot.presence === "heard") return awaitConfig(s, poweredAt);
  return awaitAgent(s, droplet, poweredAt);
}

/** Null once what was sent can no longer turn round what the last read showed. */
function awaitEffect(s: Situation, droplet: Droplet, sentAt: Instant | null, reason: string): Decision | null {
  if (sentAt === null) return null;
  const settledAt = sentAt + s.policy.power_settle_ms;
  if (lastRead(s, droplet) >= settledAt) return null;
  if (s.now < settledAt) return pollDroplet(s, droplet, settledAt, reason);
  return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
}
