/** Switching a droplet off and on, judged by what a read says and never by what was asked. Pure. */
import { awaitAgent, awaitConfig } from "./building.ts";
import type { Decision } from "./decision.ts";
import { isUp } from "./fold-droplets.ts";
import { callNow, fail, lastRead, pollDroplet, record, succeed } from "./pacing.ts";
import { confirmMissing } from "./removal.ts";
import type { Situation } from "./situation.ts";
import { adoptedDroplet, type Droplet } from "./state.ts";
import { isServing } from "./status.ts";

/** Pause: ask the guest to shut down, then insist. Done only when a read says `off`. */
export function ensureOff(s: Situation): Decision {
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
export function ensureOn(s: Situation): Decision {
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
export function powerOn(s: Situation, droplet: Droplet): Decision | null {
  const { bot, now, policy } = s;
  // After a refusal the droplet is read again: it may be on by now, or gone.
  if (lastRead(s, droplet) < bot.operation.started_at)
    return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
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
