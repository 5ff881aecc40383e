import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import { isOff } from "../../../src/bot/model/state.ts";
import { allowedActions, judgeAction, judgeSuspend, judgeUnsuspend } from "../../../src/bot/reconcile/action-matrix.ts";
import type { Effect, Finished } from "../../../src/bot/reconcile/effects.ts";
import { reconcile } from "../../../src/bot/reconcile/reconcile.ts";
import { afterCall } from "../../../src/bot/reconcile/schedule.ts";
import { dropletName, dropletTags } from "../../../src/naming/fleet.ts";
import type { Outcome } from "../../../src/provider/outcome.ts";
import type { ProviderDroplet } from "../../../src/provider/schema.ts";
import { type BotAction, DROPLET_STATUSES, type DropletStatus } from "../../../src/wire/enums.ts";
import { deepFreeze, FLEET, Life, MINUTE, SECOND } from "./life.ts";

/** Picks among things: the only source of chance, so that fast-check can shrink it. */
type Pick = <T>(things: readonly [T, ...T[]]) => T;

/** Numbers as dice: each pick uses one up; once they are used up the first thing is picked. */
function dice(rolls: readonly number[]): Pick {
  let next = 0;
  return (things) => things[(rolls[next++] ?? 0) % things.length] ?? things[0];
}

/**
 * Drives a bot through whatever can happen to it: the real core decides and learns, the outcomes and what people and
 * agents do meanwhile are picked. Every input of the core is frozen, so that it fails where it would write to one.
 */
export function drive(rolls: readonly number[], steps: number): Life {
  const life = new Life();
  const pick = dice(rolls);
  for (let step = 0; step < steps; step++) {
    meanwhile(life, pick);
    const decision = reconcile(deepFreeze(life.bot), deepFreeze(life.rt), life.now, deepFreeze(defaultPolicy));
    if ("record" in decision) life.tell(decision.record);
    else if ("wait" in decision) life.now = pick([decision.wait, decision.wait + MINUTE, life.now + SECOND]);
    else if ("begin" in decision) life.requested(decision.begin);
    else if ("restore" in decision) life.rolledBack();
    else if ("do" in decision) call(life, decision.do, pick);
  }
  return life;
}

function call(life: Life, effect: Effect, pick: Pick): void {
  announce(life, effect);
  const began_at = life.now;
  life.wait(pick([200, 2 * SECOND, 29 * SECOND]));
  // The world moves on while the call is under way, and it may be the last thing that this process did.
  meanwhile(life, pick);
  if (pick([false, ...Array.from({ length: 14 }, () => false), true])) return;
  const finished = finish(life, effect, pick, began_at);
  const context = { began_at, ended_at: life.now, policy: defaultPolicy };
  deepFreeze(life.bot);
  life.tell(...life.learn(deepFreeze(finished), life.now - context.began_at));
  life.rt = afterCall(life.rt, effect, finished.outcome, life.now, 0.5, defaultPolicy);
}

function announce(life: Life, effect: Effect): void {
  if (effect.kind === "create_droplet") life.posted();
  if (effect.kind === "delete_droplet")
    life.tell({ kind: "droplet_delete_sent", data: { droplet_id: effect.droplet_id } });
  if (effect.kind === "power") {
    life.tell({ kind: "power_sent", data: { droplet_id: effect.droplet_id, action: effect.action } });
  }
}

function finish(life: Life, effect: Effect, pick: Pick, began_at: number): Finished {
  const shown = (id: number, generation: number) => showDroplet(life, id, generation, pick);
  switch (effect.kind) {
    case "create_droplet": {
      const fresh = 5000 + life.history.length;
      return {
        kind: effect.kind,
        intent_id: life.intentId,
        outcome: outcomeOf(pick, () => shown(fresh, effect.generation)),
      };
    }
    case "get_droplet": {
      const { droplet_id } = effect;
      const generation = life.bot.droplets.find(({ id }) => id === droplet_id)?.generation ?? life.bot.generation;
      return { kind: effect.kind, droplet_id, outcome: outcomeOf(pick, () => shown(droplet_id, generation)) };
    }
    case "delete_droplet":
      return { kind: effect.kind, droplet_id: effect.droplet_id, outcome: outcomeOf(pick, () => null) };
    case "power":
      return { ...effect, outcome: outcomeOf(pick, () => null) };
    case "list": {
      const { how, subject, generation } = effect;
      const known = life.bot.droplets.filter(() => pick([false, true])).map(({ id, generation: g }) => shown(id, g));
      const surprises = pick([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
      const more = Array.from({ length: surprises }, (_, n) => shown(9000 + life.history.length + n, generation));
      return {
        kind: "list",
        how,
        subject,
        outcome: outcomeOf(pick, () => ({ began_at, droplets: [...known, ...more] })),
      };
    }
  }
}

function showDroplet(life: Life, id: number, generation: number, pick: Pick): ProviderDroplet {
  const off = life.bot.operation.power !== null && life.bot.operation.kind !== "resume";
  const status = pick<DropletStatus>([off ? "off" : "active", off ? "off" : "active", "active", ...DROPLET_STATUSES]);
  const name = dropletName(FLEET, life.bot.id, generation);
  const ours = dropletTags(FLEET, life.bot.id, generation);
  const tags = pick([ours, ours, ours, [], [], ["bot-of-somebody-else"]]);
  return { id, name, status, tags, ip_address: status === "new" ? null : pick(["203.0.113.7", "203.0.113.7", null]) };
}

function outcomeOf<T>(pick: Pick, value: () => T): Outcome<T> {
  const ok = (): Outcome<T> => ({ kind: "ok", value: value() });
  return pick<() => Outcome<T>>([
    ok,
    ...Array.from({ length: 9 }, () => ok),
    () => ({ kind: "missing" }),
    () => ({ kind: "missing" }),
    () => ({ kind: "unknown", detail: "no answer" }),
    () => ({ kind: "unknown", detail: "no answer" }),
    () => ({ kind: "rate_limited", wait_ms: 5 * SECOND }),
    () => ({ kind: "unauthorized", status: 401, detail: "no" }),
    () => ({ kind: "refused", reason: "pending_event", status: 422, detail: "busy" }),
    () => ({ kind: "refused", reason: "quota", status: 422, detail: "full" }),
    () => ({ kind: "refused", reason: "invalid", status: 422, detail: "wrong" }),
  ])();
}

/** What an agent and its config's authors do to the rollout. */
function rollOut(life: Life, pick: Pick): void {
  const { delivered, failed, desired } = life.bot.config;
  const fails = failed?.id === desired.id ? [] : [() => life.configFailed()];
  pick([() => life.published(), ...(delivered ? [] : [() => life.delivered()]), ...fails, ...fails])();
}

/** What people and agents do, now and then. */
function meanwhile(life: Life, pick: Pick): void {
  const nothing = () => undefined;
  const speaks = () => speak(life, pick);
  const often = Array.from({ length: 6 }, () => [nothing, nothing, speaks]).flat();
  pick([nothing, ...often, () => act(life, pick), () => cancel(life), () => suspend(life), () => unsuspend(life)])();
}

function act(life: Life, pick: Pick): void {
  const [first, ...rest] = allowedActions(life.bot).filter((action) => action !== "destroy");
  const action = pick<BotAction>([first ?? "destroy", ...rest, ...(rest.length < 2 ? rest : ["destroy" as const])]);
  if (judgeAction(life.bot, action).verdict !== "start") return;
  if (life.bot.operation.ended_at === null) life.cancelled();
  life.requested(action);
  life.rt = { ...life.rt, not_before: 0, tries: 0 };
}

function suspend(life: Life): void {
  if (judgeSuspend(life.bot).verdict !== "start") return;
  if (life.bot.suspension === null) life.tell({ kind: "suspended", data: { reason: "payment_failed" } });
  if (life.bot.operation.ended_at === null) life.cancelled();
  life.requested("suspend");
}

function unsuspend(life: Life): void {
  if (judgeUnsuspend(life.bot).verdict !== "start") return;
  const paused = life.bot.suspension?.paused;
  if (life.bot.operation.ended_at === null) life.cancelled();
  life.unsuspended();
  if (!paused) life.requested("resume");
  else if (!isOff(life.bot)) life.requested("pause");
}

function cancel(life: Life): void {
  if (life.bot.operation.state === "queued") life.cancelled();
}

function speak(life: Life, pick: Pick): void {
  const { bot } = life;
  if (bot.destroyed_at !== null) return;
  const live = bot.intents.find((intent) => intent.token_state === "live" && intent.generation === bot.generation);
  if (bot.agent !== null) {
    life.beat();
    if (bot.presence !== "heard") life.tell({ kind: "agent_heard", data: { via: "http" } });
    else
      pick([
        () => life.applied(),
        () => rollOut(life, pick),
        () => life.tell({ kind: "agent_booted", data: { boot_id: "b2", expected: false } }),
      ])();
  } else if (live && bot.adopted !== null) {
    life.registered();
  } else if (live && bot.claims.length < 4 && pick([false, false, false, false, false, false, false, true])) {
    const droplet_id = 7000 + life.history.length;
    life.tell({ kind: "registration_claimed", data: { intent_id: live.id, droplet_id } });
  }
}
