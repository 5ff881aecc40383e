/**
 * Bringing back a bot that has fallen silent. It looks first, and nothing is deleted on silence alone: only where the
 * owner allowed it, and after a power cycle that did not help. Pure.
 */

import { adoptedDroplet } from "../model/state.ts";
import type { Decision } from "./decision.ts";
import { confirmMissing } from "./ensure-gone.ts";
import { redeploy } from "./ensure-running.ts";
import type { Situation } from "./situation.ts";
import { callNow, fail, lastRead, lookOnceMore, pollDroplet, powerOn, record, succeed, waitUntil } from "./steps.ts";

/** A silent bot at rest: whether to begin healing it now, wait for it, or (null) leave it to people. */
export function healNow({ bot, now, policy }: Situation): Decision | null {
  if (bot.policies.healing === "off" || bot.error !== null) return null;
  const recent = bot.heals.filter((at) => at > now - policy.heal_window_ms);
  const [oldest] = recent;
  if (recent.length >= policy.heals_a_window && oldest !== undefined) {
    return waitUntil(oldest + policy.heal_window_ms, "heal_budget");
  }
  return { begin: "heal" };
}

export function reconcileHeal(s: Situation): Decision {
  const { bot, now, policy } = s;
  const { operation } = bot;
  if (operation.recreating || operation.replacing) return redeploy(s, "heal");
  if (bot.presence === "heard") return succeed(s);
  const droplet = adoptedDroplet(bot);
  if (droplet === null) return replace(s, "droplet_gone", "The droplet is gone.");
  if (droplet.missing.by_id.length > 0) {
    return confirmMissing(s, droplet) ?? record({ kind: "droplet_gone", data: { droplet_id: droplet.id } });
  }
  const { power } = operation;
  const readSince = Math.max(operation.started_at, power?.sent_at ?? 0);
  if (lastRead(s, droplet) < readSince) return callNow(s, { kind: "get_droplet", droplet_id: droplet.id });
  if (droplet.status === "off") {
    return powerOn(s, droplet) ?? replace(s, "heal_failed", "The droplet is off and does not power on.");
  }
  const cycle = { kind: "power", droplet_id: droplet.id, action: "power_cycle" } as const;
  if (power === null) return callNow(s, cycle);
  const deadline = power.sent_at + policy.heal_patience_ms;
  if (now < deadline) return pollDroplet(s, droplet, deadline, "agent_heard");
  const look = lookOnceMore(s, droplet, deadline);
  if (look) return look;
  // One may have been lost on its way, or with us.
  if (power.action === "power_cycle" && power.count < policy.heal_tries) return callNow(s, cycle);
  return replace(s, "heal_failed", "The droplet was power-cycled and its agent is still silent.");
}

/** The last rung: a new droplet, where the owner has allowed that a silent one is given up. */
function replace(s: Situation, code: string, detail: string): Decision {
  if (s.bot.policies.healing !== "redeploy") return fail(s, code, detail);
  return record({ kind: "replacement_begun", data: { operation_id: s.bot.operation.id, why: detail } });
}
