/**
 * The lifecycle: looks at what is and answers with at most one next step. Level-triggered and pure, so it may be asked
 * at any time, after any crash, as often as one likes.
 */
import type { Decision, Runtime } from "./decision.ts";
import type { EventBody } from "./events.ts";
import { isUp } from "./fold-droplets.ts";
import { callNow, pollDroplet, record, waitUntil } from "./pacing.ts";
import type { Policy } from "./policy.ts";
import { confirmMissing, removeDroplet, resolveIntent, verifyClaim } from "./removal.ts";
import { adoptedDroplet, type BotState, type Droplet, type Instant, isRunning, openIntent } from "./state.ts";
import { isServing } from "./status.ts";

/** Everything that a decision looks at. */
export interface Situation {
  bot: BotState;
  rt: Runtime;
  now: Instant;
  policy: Policy;
}

export function reconcile(bot: BotState, rt: Runtime, now: Instant, policy: Policy): Decision {
  const s: Situation = { bot, rt, now, policy };
  if (bot.destroyed_at !== null) return { settled: true };
  return isRunning(bot.operation) ? reconcileOperation(s) : reconcileAtRest(s);
}

function reconcileOperation(s: Situation): Decision {
  const { bot } = s;
  switch (bot.operation.kind) {
    case "create":
      return ensureRunning(s);
    case "redeploy":
      if (bot.operation.recreating) return ensureRunning(s);
      return (
        ensureGone(s) ??
        record({ kind: "generation_started", data: { generation: bot.generation + 1, why: "redeploy" } })
      );
    case "destroy":
      return ensureGone(s) ?? record({ kind: "destroyed", data: {} });
    case "resume":
      return bot.operation.recreating ? ensureRunning(s) : ensureOn(s);
    case "pause":
    case "suspend":
      return ensureOff(s);
    // Nothing asks for a heal yet: a bot that holds one (written by a newer release) goes on as it is.
    case "heal":
      return reconcileAtRest(s);
  }
}

/** Brings the bot to: one droplet of this generation, active, its agent heard, a config applied. */
function ensureRunning(s: Situation): Decision {
  const { bot, now, policy } = s;
  const intent = openIntent(bot);
  if (intent) return resolveIntent(s, intent);
  const doomed = bot.droplets.find((droplet) => droplet.condemned !== null);
  if (doomed) return removeDroplet(s, doomed);
  const droplet = adoptedDroplet(bot);
  if (droplet === null) return ensureDroplet(s);
  if (isServing(bot)) return succeed(s);
  if (droplet.missing.by_id.length > 0) {
    return confirmMissing(s, droplet) ?? record({ kind: "droplet_gone", data: { droplet_id: droplet.id } });
  }
  if (droplet.active_at === null) {
    if (now >= droplet.found_at + policy.active_deadline_ms) {
      return failAttempt(s, "droplet_not_active", "The droplet did not become active in time.");
    }
    return pollDroplet(s, droplet, droplet.found_at + policy.active_deadline_ms, "droplet_active");
  }
  if (droplet.status === "off")
    return powerOn(s, droplet) ?? failAttempt(s, "power_on_failed", "The droplet went off and did not come on again.");
  if (bot.agent === null || bot.presence !== "heard") return awaitAgent(s, droplet, droplet.active_at);
  return awaitConfig(s, bot.agent.bound_at);
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
    return fail(s, "create_blocked", `No droplet could be had in time: ${operation.last_error ?? "unknown"}`);
  }
  const used = bot.intents.some((intent) => intent.generation === bot.generation && intent.state === "adopted");
  if (used) return record({ kind: "generation_started", data: { generation: bot.generation + 1, why: "retry" } });
  const refused = bot.intents.at(-1);
  if (refused?.refused_for_good && refused.generation === bot.generation) {
    return fail(s, "create_refused", operation.last_error ?? "DigitalOcean refused the droplet.");
  }
  return callNow(s, { kind: "create_droplet", generation: bot.generation });
}

function awaitAgent(s: Situation, droplet: Droplet, activeAt: Instant): Decision {
  const { bot, now, policy } = s;
  const extension = (bot.stage?.count ?? 0) * policy.stage_extension_ms;
  const allowance = Math.min(policy.register_deadline_ms + extension, policy.register_deadline_max_ms);
  const deadline = activeAt + allowance;
  if (now < deadline) {
    const look = Math.max(lastRead(s, droplet), activeAt) + policy.boot_look_ms;
    if (now >= look) return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
    return waitUntil(Math.min(look, deadline), "agent_registration");
  }
  if (bot.agent !== null) return fail(s, "agent_not_heard", "The agent was not heard after the start.");
  return failAttempt(
    s,
    "agent_not_registered",
    `No agent registered from droplet ${droplet.id} in time${lastStage(bot)}.`,
  );
}

function lastStage(bot: BotState): string {
  return bot.stage ? `; its bootstrap last reported ${bot.stage.stage}` : "; its bootstrap never reported";
}

function awaitConfig(s: Situation, boundAt: Instant): Decision {
  const { bot, now, policy } = s;
  const { failed, desired } = bot.config;
  if (failed && failed.id === desired.id) return fail(s, "config_failed", failed.reason);
  const deadline = boundAt + policy.config_deadline_ms;
  if (now >= deadline) return fail(s, "config_not_applied", "The agent did not apply its config in time.");
  return waitUntil(deadline, "config_applied");
}

/** Null once no droplet of this bot is left and none can still come. */
function ensureGone(s: Situation): Decision | null {
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

/** Pause: ask the guest to shut down, then insist. Done only when a read says `off`. */
function ensureOff(s: Situation): Decision {
  const { bot, now, policy } = s;
  const droplet = adoptedDroplet(bot);
  if (droplet === null) return fail(s, "droplet_gone", "There is no droplet to stop.");
  if (droplet.missing.by_id.length > 0) {
    return confirmMissing(s, droplet) ?? record({ kind: "droplet_gone", data: { droplet_id: droplet.id } });
  }
  const fresh = lastRead(s, droplet) >= bot.operation.started_at;
  if (!fresh) return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
  if (droplet.status === "off") return succeed(s);
  const { power } = bot.operation;
  if (power === null) return callNow(s, { kind: "power", droplet_id: droplet.id, action: "shutdown" });
  const patience = power.action === "shutdown" ? policy.shutdown_patience_ms : policy.power_patience_ms;
  if (now < power.sent_at + patience) return pollDroplet(s, droplet, power.sent_at + patience, "droplet_off");
  if (power.action === "power_off" && power.count >= policy.power_tries) {
    return fail(s, "power_off_failed", `The droplet is still on after ${power.count} power-offs.`);
  }
  return callNow(s, { kind: "power", droplet_id: droplet.id, action: "power_off" });
}

/** Resume: power on and hear the agent. A droplet that is gone makes it a redeploy, which the history says. */
function ensureOn(s: Situation): Decision {
  const { bot } = s;
  const droplet = adoptedDroplet(bot);
  if (droplet === null) {
    return record({ kind: "generation_started", data: { generation: bot.generation + 1, why: "droplet_gone" } });
  }
  if (droplet.missing.by_id.length > 0) {
    return confirmMissing(s, droplet) ?? record({ kind: "droplet_gone", data: { droplet_id: droplet.id } });
  }
  const fresh = lastRead(s, droplet) >= bot.operation.started_at;
  if (!fresh) return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
  if (!isUp(droplet)) return powerOn(s, droplet) ?? fail(s, "power_on_failed", "The droplet does not come on.");
  if (isServing(bot)) return succeed(s);
  const poweredAt = Math.max(bot.operation.started_at, bot.operation.power?.sent_at ?? 0);
  if (bot.presence === "heard" && bot.agent) return awaitConfig(s, poweredAt);
  return awaitAgent(s, droplet, poweredAt);
}

/** Null once the tries are spent. */
function powerOn(s: Situation, droplet: Droplet): Decision | null {
  const { bot, now, policy } = s;
  const { power } = bot.operation;
  if (power?.action !== "power_on") {
    return callNow(s, { kind: "power", droplet_id: droplet.id, action: "power_on" });
  }
  if (now < power.sent_at + policy.power_patience_ms) {
    return pollDroplet(s, droplet, power.sent_at + policy.power_patience_ms, "droplet_active");
  }
  if (power.count >= policy.power_tries) return null;
  return callNow(s, { kind: "power", droplet_id: droplet.id, action: "power_on" });
}

function reconcileAtRest(s: Situation): Decision {
  const { bot, now, policy } = s;
  const claim = bot.claims[0];
  if (claim) return verifyClaim(s, claim.droplet_id);
  // What is not adopted should not exist; it is read again after a quarantine, then deleted.
  const surplus = bot.droplets.find((droplet) => droplet.id !== bot.adopted);
  const alive = liveness(s);
  // A surplus droplet that does not go away must not keep the bot from being judged.
  if (!surplus || "do" in alive || "record" in alive) return alive;
  const release = surplus.found_at + policy.surplus_quarantine_ms;
  return earliest(now < release ? waitUntil(release, "surplus_quarantine") : removeDroplet(s, surplus), alive);
}

function liveness(s: Situation): Decision {
  const { bot, rt, now, policy } = s;
  const droplet = adoptedDroplet(bot);
  if (bot.agent !== null && bot.presence === "heard") {
    const deadline = silenceDeadline(rt, bot.agent.bound_at, policy);
    if (now >= deadline) return record({ kind: "agent_silent", data: { last_seen_at: rt.last_seen_at } });
    // A paused bot that speaks: somebody has switched its droplet on, or it has not gone off yet.
    if (droplet !== null && bot.off_by_us) return pollDroplet(s, droplet, deadline, "droplet_read");
    return waitUntil(deadline, "heartbeat");
  }
  if (droplet !== null && bot.presence === "silent") {
    if (droplet.missing.by_id.length > 0) {
      return confirmMissing(s, droplet) ?? record({ kind: "droplet_gone", data: { droplet_id: droplet.id } });
    }
    const next = lastRead(s, droplet) + policy.silent_look_ms;
    if (now >= next) return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
    return waitUntil(next, "droplet_read");
  }
  return { settled: true };
}

/** When silence becomes evidence: stored last-seen may lag by the coalescing, and we may have been deaf meanwhile. */
function silenceDeadline(rt: Runtime, boundAt: Instant, policy: Policy): Instant {
  const heard = Math.max(rt.last_seen_at ?? 0, boundAt, rt.deaf_until);
  return heard + policy.last_seen_coalesce_ms + policy.silent_after_ms;
}

function lastRead({ rt }: Situation, droplet: Droplet): Instant {
  return rt.done[`get_droplet:${droplet.id}`] ?? 0;
}

function earliest(a: Decision, b: Decision): Decision {
  if (!("wait" in a)) return "settled" in a ? b : a;
  return "wait" in b && b.wait < a.wait ? b : a;
}

function succeed({ bot }: Situation): Decision {
  return record({ kind: "operation_succeeded", data: { operation_id: bot.operation.id } });
}

function fail({ bot }: Situation, code: string, detail: string): Decision {
  return record({ kind: "operation_failed", data: { operation_id: bot.operation.id, code, detail } });
}

function failAttempt({ bot }: Situation, code: string, detail: string): Decision {
  const failed: EventBody = { kind: "attempt_failed", data: { operation_id: bot.operation.id, code, detail } };
  return record(failed);
}
