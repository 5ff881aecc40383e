/**
 * One alarm of a Bot: takes the steps that `reconcile` names until it says wait. Every call is preceded by a commit that
 * would wake us if we died during it, and followed by one that records what it taught.
 */

import type { Outcome } from "../../provider/outcome.ts";
import type { OperationKind } from "../../wire/enums.ts";
import { quote } from "../../wire/redact.ts";
import { tendChannel } from "../agent/channel.ts";
import type { EventBody } from "../model/events.ts";
import { isOfNewerRelease } from "../model/newer-release.ts";
import { backoffMs } from "../model/policy.ts";
import { adoptedDroplet, type BotState, openIntent, type RolledBack } from "../model/state.ts";
import { type Effect, learn, needsLease, sameEffect } from "../reconcile/effects.ts";
import { permitOf } from "../reconcile/operations.ts";
import { reconcile } from "../reconcile/reconcile.ts";
import { afterCall } from "../reconcile/schedule.ts";
import { silenceDeadline } from "../reconcile/silence.ts";
import type { BotShell } from "../shell/shell.ts";
import { pruneHistory } from "./compaction.ts";
import { prepare, undertake } from "./effects.ts";
import { rollBack } from "./roll-back.ts";

/** Bounds one alarm; whatever is left goes on in the next, which is set to now. */
const MAX_STEPS = 24;
const MAX_DELIVERIES = 8;

/** The alarm. Never throws: the platform would drop the alarm after six throws. */
export async function runAlarm(shell: BotShell): Promise<void> {
  const { platform } = shell;
  try {
    const loaded = shell.load();
    if (loaded.kind === "absent") return;
    if (loaded.kind === "broken") return shell.holdBroken(loaded.detail);
    tendChannel(shell);
    noticeLateAlarm(shell);
    await takeSteps(shell);
    await deliver(shell);
    if (isOfNewerRelease(shell.present().bot)) shell.log({ level: "warn", event: "bot_of_newer_release" });
    else prune(shell);
    shell.rest();
  } catch (error) {
    shell.log({
      level: "error",
      event: "alarm_failed",
      detail: error instanceof Error ? error.message : String(error),
    });
    const tries = (shell.live()?.rt.tries ?? 0) + 1;
    platform.setAlarm(platform.now() + backoffMs(platform.policy, tries, platform.random()));
  }
}

/** A history that cannot be read is kept as it is: work goes on. */
function prune(shell: BotShell): void {
  try {
    pruneHistory(shell);
  } catch (error) {
    shell.log({ level: "error", event: "prune_failed", detail: String(error) });
  }
}

/** The alarm comes when silence would become evidence. One that is late means that we were away: nobody was heard. */
function noticeLateAlarm(shell: BotShell): void {
  const { bot, rt } = shell.present();
  if (bot.agent === null || bot.presence !== "heard") return;
  const { now, policy } = shell.platform;
  const deadline = silenceDeadline(rt, bot.agent.bound_at, policy);
  if (now() > deadline + policy.alarm_late_ms) shell.note({ ...rt, deaf_until: now() });
}

async function takeSteps(shell: BotShell): Promise<void> {
  const { policy } = shell.platform;
  for (let step = 0; step < MAX_STEPS; step++) {
    const { bot, rt } = shell.present();
    const decision = reconcile(bot, rt, shell.platform.now(), policy);
    if ("record" in decision) shell.commit({ events: [decision.record] });
    else if ("begin" in decision) begin(shell, decision.begin);
    else if ("do" in decision) await call(shell, decision.do);
    else if ("restore" in decision) await restore(shell, decision.restore);
    else return;
  }
}

async function restore(shell: BotShell, back: RolledBack): Promise<void> {
  rearm(shell);
  await rollBack(shell, back);
}

async function call(shell: BotShell, effect: Effect): Promise<void> {
  const { platform } = shell;
  rearm(shell);
  const asked = shell.present().bot;
  const permit = await platform.gate.permit({ bot_id: asked.id, kind: permitOf(asked, effect) });
  const preparing = prepare(platform, shell.present().bot, effect);
  const token = preparing === null ? null : await preparing;
  const { bot, rt } = shell.present();
  if (!permit.granted) {
    const events: EventBody[] =
      bot.waiting === permit.reason ? [] : [{ kind: "waiting", data: { reason: permit.reason } }];
    shell.commit({ events, rt: { ...rt, not_before: platform.now() + permit.wait_ms } });
    return;
  }
  // The world may have moved on while we waited: the permit is then simply not used.
  const decision = reconcile(bot, rt, platform.now(), platform.policy);
  if (!("do" in decision) || !sameEffect(decision.do, effect)) return giveBack(shell, effect);
  const began_at = platform.now();
  if (needsLease(effect)) shell.note({ ...rt, create_ms: permit.create_ms });
  const undertaking = undertake(platform, bot, effect, token);
  if ("impossible" in undertaking) {
    shell.commit({ events: undertaking.impossible });
    return giveBack(shell, effect);
  }
  if (undertaking.intent.length > 0) rearm(shell, undertaking.intent);
  const finished = await undertaking.run();
  const after = shell.present();
  const ended_at = platform.now();
  shell.commit({
    events: learn(after.bot, finished, { began_at, ended_at, policy: platform.policy }),
    rt: afterCall(after.rt, effect, finished.outcome, ended_at, platform.random(), platform.policy),
  });
  await tellGate(shell, bot, finished.outcome);
  await giveBack(shell, effect);
}

/** A create that came to nothing frees its place among the ten at once, not when its lease ends. */
async function giveBack(shell: BotShell, effect: Effect): Promise<void> {
  const { bot } = shell.present();
  if (!needsLease(effect) || isCreating(bot)) return;
  await shell.platform.gate.report({ kind: "create_refused", bot_id: bot.id });
}

/** What the call taught about the budget that all bots share. Lost where we die here: leases end by themselves. */
async function tellGate(shell: BotShell, before: BotState, { kind, ...outcome }: Outcome<unknown>): Promise<void> {
  const { gate } = shell.platform;
  if (kind === "rate_limited" && "wait_ms" in outcome) await gate.report({ kind, wait_ms: outcome.wait_ms });
  if (kind === "unauthorized") await gate.report({ kind });
  const after = shell.present().bot;
  if (isCreating(before) && !isCreating(after)) await gate.report({ kind: "create_done", bot_id: after.id });
}

/** A droplet of ours is being made, or may be: that is what DigitalOcean allows ten of at a time. */
function isCreating(bot: BotState): boolean {
  const droplet = adoptedDroplet(bot);
  return openIntent(bot) !== null || (droplet !== null && droplet.active_at === null && droplet.condemned === null);
}

function begin(shell: BotShell, kind: OperationKind): void {
  const operation_id = shell.platform.uuid();
  shell.commit({ events: [{ kind: "operation_requested", data: { operation_id, kind } }] });
}

function rearm(shell: BotShell, events: EventBody[] = []): void {
  const { platform } = shell;
  const { call_timeout_ms, safety_margin_ms } = platform.policy;
  shell.commit({ events, safety_at: platform.now() + call_timeout_ms + safety_margin_ms });
}

/** Hands what is in the outbox to the index. A failure backs off, to one try an hour, and never gives up. */
async function deliver(shell: BotShell): Promise<void> {
  const { platform, store } = shell;
  for (let count = 0; count < MAX_DELIVERIES; count++) {
    const delivery = store.nextDelivery();
    if (delivery === null || delivery.next_at > platform.now()) return;
    rearm(shell);
    try {
      await platform.index.push(delivery.entry);
      store.delivered(delivery);
    } catch (error) {
      const ceiling = { ...platform.policy, backoff_max_ms: platform.policy.outbox_backoff_max_ms };
      const nextAt = platform.now() + backoffMs(ceiling, delivery.attempts + 1, platform.random());
      // It quotes the row.
      const detail = quote(error instanceof Error ? error.message : String(error), 500);
      store.undelivered(delivery, nextAt, detail);
      shell.log({ level: "warn", event: "index_push_failed", key: delivery.key, attempts: delivery.attempts + 1 });
    }
  }
}
