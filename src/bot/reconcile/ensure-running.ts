/** Towards a running bot: one droplet of this generation, active, its agent heard, a config applied. Pure. */

import { adoptedDroplet, type BotState, type Droplet, type Instant, openIntent } from "../model/state.ts";
import { isServing } from "../model/status.ts";
import type { Decision } from "./decision.ts";
import { confirmMissing, ensureGone, removeDroplet, resolveIntent, verifyClaim } from "./ensure-gone.ts";
import { awaitReady } from "./readiness.ts";
import { goBack, notAcknowledged } from "./rollout.ts";
import type { Situation } from "./situation.ts";
import {
  callNow,
  fail,
  failAttempt,
  lastRead,
  lookOnceMore,
  pollDroplet,
  powerOn,
  record,
  succeed,
  waitUntil,
} from "./steps.ts";

/** Brings the bot to: one droplet of this generation, active, its agent heard, a config applied. */
export function ensureRunning(s: Situation): Decision {
  const { bot, now, policy } = s;
  const intent = openIntent(bot);
  if (intent) return resolveIntent(s, intent);
  const doomed = bot.droplets.find((droplet) => droplet.condemned !== null);
  if (doomed) return removeDroplet(s, doomed);
  const droplet = adoptedDroplet(bot);
  if (droplet === null) return ensureDroplet(s);
  const activeBy = Math.max(droplet.found_at, droplet.on_sent_at ?? 0) + policy.active_deadline_ms;
  // An agent that serves proves that its droplet runs; it is still read once, for its address.
  if (isServing(bot) && (droplet.active_at !== null || now >= activeBy)) return awaitReady(s) ?? succeed(s);
  if (droplet.missing.by_id.length > 0) {
    return confirmMissing(s, droplet) ?? record({ kind: "droplet_gone", data: { droplet_id: droplet.id } });
  }
  // Also before it was ever seen active: nobody else would switch it on, and it would be given up for another one.
  if (droplet.status === "off" && !isServing(bot))
    return (
      powerOn(s, droplet) ?? failAttempt(s, "power_on_failed", "The droplet powered off and did not power on again.")
    );
  if (droplet.active_at === null) {
    if (now < activeBy) return pollDroplet(s, droplet, activeBy, "droplet_active");
    return lookOnceMore(s, droplet, activeBy) ?? notActive(s);
  }
  if (bot.agent === null || bot.presence !== "heard") return awaitAgent(s, droplet, droplet.active_at);
  return awaitConfig(s, bot.agent.bound_at);
}

export function notActive(s: Situation): Decision {
  return failAttempt(s, "droplet_not_active", "The droplet did not become active in time.");
}

/** No droplet: ask for one, or begin again where this generation has used up its name or the tries are spent. */
function ensureDroplet(s: Situation): Decision {
  const { bot, now, policy } = s;
  const { operation } = bot;
  // A droplet that holds our token may be the one of a POST that was given up: it is cheaper to read it than to ask again.
  const claim = bot.claims[0];
  if (claim) return verifyClaim(s, claim.droplet_id);
  if (operation.failures >= policy.create_tries) {
    return fail(s, "create_failed", `Gave up after ${operation.failures} tries: ${operation.last_error ?? "unknown"}`);
  }
  if (now >= operation.started_at + policy.blocked_for_ms) {
    return fail(s, "create_blocked", `No droplet was available in time: ${operation.last_error ?? "unknown"}`);
  }
  const used = bot.intents.some((intent) => intent.generation === bot.generation && intent.state === "adopted");
  if (used) return record({ kind: "generation_started", data: { generation: bot.generation + 1, why: "retry" } });
  const refused = bot.intents.at(-1);
  if (refused?.refused_for_good && refused.generation === bot.generation) {
    return fail(s, "create_refused", operation.last_error ?? "DigitalOcean refused the droplet.");
  }
  return callNow(s, { kind: "create_droplet", generation: bot.generation });
}

export function awaitAgent(s: Situation, droplet: Droplet, activeAt: Instant): Decision {
  const { bot, now, policy } = s;
  const extension = (bot.stage?.count ?? 0) * policy.stage_extension_ms;
  const allowance = Math.min(policy.register_deadline_ms + extension, policy.register_deadline_max_ms);
  const deadline = activeAt + allowance;
  if (now < deadline) {
    const look = Math.max(lastRead(s, droplet), activeAt) + policy.boot_look_ms;
    if (now >= look) return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
    return waitUntil(Math.min(look, deadline), "agent_registration");
  }
  const look = lookOnceMore(s, droplet, deadline);
  if (look) return look;
  if (bot.agent !== null)
    return fail(s, "agent_not_heard", "The agent did not respond after the droplet was powered on.");
  return failAttempt(
    s,
    "agent_not_registered",
    `No agent registered from droplet ${droplet.id} in time${lastStage(bot)}.`,
  );
}

function lastStage(bot: BotState): string {
  return bot.stage ? `; its bootstrap last reported ${bot.stage.stage}` : "; its bootstrap never reported";
}

export function awaitConfig(s: Situation, boundAt: Instant): Decision {
  const { bot, now, policy } = s;
  const { failed, desired, delivered, since } = bot.config;
  if (failed?.id === desired.id) return goBack(s) ?? fail(s, "config_failed", failed.reason);
  const deadline = Math.max(boundAt, since) + policy.config_deadline_ms;
  if (now < deadline) return waitUntil(deadline, "config_applied");
  return delivered ? notAcknowledged(s) : fail(s, "config_not_applied", "The agent did not fetch its config in time.");
}

/** Takes everything of the present generation away, then builds the next. */
export function redeploy(s: Situation, why: string): Decision {
  const { operation, generation } = s.bot;
  if (operation.recreating) return ensureRunning(s);
  return ensureGone(s) ?? record({ kind: "generation_started", data: { generation: generation + 1, why } });
}
