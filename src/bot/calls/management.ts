/** What management asks of a Bot: each call reads, decides, commits and answers. None makes a call to the outside. */
import { type Caller, inScope, type Scope } from "../../records/caller.ts";
import type { NewBot } from "../../records/rows.ts";
import type { BotView, EventView, Operation, PatchBotRequest } from "../../wire/bot.ts";
import type { ConfigVersion } from "../../wire/config.ts";
import type { BotAction } from "../../wire/enums.ts";
import type { EventBody } from "../model/events.ts";
import { isOfNewerRelease } from "../model/newer-release.ts";
import { factsOf } from "../model/operations.ts";
import { type BotState, isRunning, type OperationState } from "../model/state.ts";
import { allowedActions, judgeAction, takingOver } from "../reconcile/action-matrix.ts";
import { Runtime } from "../reconcile/decision.ts";
import { reconcile } from "../reconcile/reconcile.ts";
import { type Answer, ok, type Refusal, refuse } from "../shell/answer.ts";
import type { BotShell, Live } from "../shell/shell.ts";
import { viewBot, viewConfig, viewOperation } from "../view/bot.ts";
import { viewEvent } from "../view/event.ts";
import { tooSoon } from "./restart-limit.ts";

/** Makes the bot exist; where it does already, nothing happens. */
export function createBot(shell: BotShell, bot: NewBot): void {
  if (shell.load().kind !== "absent") return;
  const { id, account_id, name, persona, fleet, config, retired_keys, actor } = bot;
  const accepted: EventBody = {
    kind: "accepted",
    data: {
      id,
      account_id,
      name,
      persona,
      policies: { healing: "reboot", start: null },
      paper_mode: config.trading_config.paper_mode,
      fleet,
      config: { id: config.id, version: config.version },
      operation_id: shell.platform.uuid(),
    },
  };
  shell.create(accepted, Runtime.parse({}), {
    config,
    actor,
    ...(retired_keys.rotation > 0 ? { retired_keys } : {}),
  });
}

/** The bot if it exists, can be read and is the caller's; another account's bot is answered like an unknown one. */
export function reach(shell: BotShell, scope: Scope): { ok: true; live: Live } | Refusal {
  const loaded = shell.load();
  if (loaded.kind === "broken") {
    return refuse("bot_unreadable");
  }
  if (loaded.kind === "absent" || !inScope(scope, loaded.bot.account_id)) return notFound();
  return { ok: true, live: loaded };
}

/** As `reach`, for whoever would change the bot: one of a newer release is left as that release has made it. */
export function reachToChange(shell: BotShell, scope: Scope): { ok: true; live: Live } | Refusal {
  const reached = reach(shell, scope);
  if (!reached.ok || !isOfNewerRelease(reached.live.bot)) return reached;
  return refuse("newer_release");
}

function notFound(): Refusal {
  return refuse("bot_not_found");
}

export function snapshot(shell: BotShell, scope: Scope): Answer<BotView> {
  const reached = reach(shell, scope);
  return reached.ok ? ok(view(shell, reached.live)) : reached;
}

function view(shell: BotShell, { bot, rt }: Live): BotView {
  return viewBot(bot, rt, shell.platform.now(), shell.platform.policy);
}

const FORCED: EventBody = { kind: "wind_down_ended", data: { how: "forced" } };

/** @param force whether not to wait for the workload to stop */
export function act(shell: BotShell, caller: Caller, action: BotAction, force = false): Answer<Operation> {
  return once(shell, caller, (remember) => {
    const reached = reach(shell, caller.scope);
    if (!reached.ok) return reached;
    const { bot } = reached.live;
    const { verdict } = judgeAction(bot, action);
    if (verdict === "refuse") {
      return refuseAction(bot, action);
    }
    if (verdict === "same") {
      const { id } = bot.operation;
      const hurries = force && isRunning(bot.operation) && !bot.operation.wound_down;
      shell.commit({ ...(hurries ? { events: [FORCED], by: caller } : {}), ...remember(id) });
      return ok(id);
    }
    const early = factsOf(action).interrupts ? tooSoon(shell) : null;
    if (early) return early;
    const operation_id = shell.platform.uuid();
    const events = [...takingOver(bot, operation_id, action), ...(force ? [FORCED] : [])];
    shell.commit({ events, by: caller, rt: unheld(reached.live.rt), ...remember(operation_id) });
    return ok(operation_id);
  });
}

/** Of a suspended bot that is what matters, whatever else it is. */
export function refuseAction(bot: BotState, action: string): Refusal {
  const is = bot.suspension === null || bot.destroyed_at !== null ? bot.status : "suspended";
  const during = isRunning(bot.operation) ? ` while its ${bot.operation.kind} operation is running` : "";
  const code = bot.destroyed_at === null ? "action_not_allowed" : "bot_destroyed";
  return refuse(code, `The bot is ${is} and cannot ${action}${during}.`, { allowed: allowedActions(bot) });
}

/** What held the work before need not hold what comes instead; a rate limit will say so again. */
export function unheld(rt: Runtime): Runtime {
  return { ...rt, not_before: 0, tries: 0 };
}

export function cancelOperation(shell: BotShell, caller: Caller, operationId: string): Answer<Operation> {
  return once(shell, caller, (remember) => {
    const reached = reach(shell, caller.scope);
    if (!reached.ok) return reached;
    const { operation } = reached.live.bot;
    if (!shell.store.operations().some(({ id }) => id === operationId)) {
      return refuse("operation_not_found");
    }
    if (operation.id === operationId && operation.state === "cancelled") return ok(operationId);
    if (operation.id !== operationId || !isRunning(operation)) {
      return refuse("operation_committed", "The operation has already ended.");
    }
    if (operation.committed) {
      return refuse("operation_committed");
    }
    shell.commit({
      events: [{ kind: "operation_cancelled", data: { operation_id: operationId, why: "asked for" } }],
      by: caller,
      ...remember(operationId),
    });
    return ok(operationId);
  });
}

/**
 * Runs a call at most once for each request id and each Idempotency-Key, and answers with the operation that it led to.
 * The answer's id is remembered in the effect's own commit; the operation is shown as it is now.
 */
export function once(
  shell: BotShell,
  caller: Caller,
  run: (remember: (operationId: string) => { answer?: AnswerToRemember }) => Answer<string>,
  reachIt: typeof reach = reachToChange,
): Answer<Operation> {
  const asked = recall(shell, caller, reachIt);
  if (!asked.ok) return asked;
  const { known, remember } = asked;
  const result = known ? { ok: true as const, value: String(known.result), replayed: true } : run(remember);
  if (!result.ok) return result;
  const operation = showOperation(shell, result.value);
  return operation ? { ...result, value: operation } : refuse("operation_not_found");
}

/** As `once`, for a change that is answered with the bot. @param change commits it, with what is to be remembered */
export function onceOnBot(
  shell: BotShell,
  caller: Caller,
  change: (bot: BotState, remembered: { answer: AnswerToRemember }) => Refusal | null,
): Answer<BotView> {
  const asked = recall(shell, caller);
  if (!asked.ok) return asked;
  const refused = asked.known ? null : change(asked.live.bot, asked.remember(null));
  if (refused) return refused;
  const answer = snapshot(shell, caller.scope);
  return answer.ok && asked.known ? { ...answer, replayed: true } : answer;
}

interface Asked {
  ok: true;
  live: Live;
  /** What this very request was answered with before. */
  known: { result: unknown } | null;
  remember: (result: unknown) => { answer: AnswerToRemember };
}

/** The bot, and whether this very request came before; a key of another request is refused. */
export function recall(shell: BotShell, caller: Caller, reachIt: typeof reach = reachToChange): Asked | Refusal {
  // Nobody learns from a key what is not theirs, and an object that does not exist remembers nothing.
  const reached = reachIt(shell, caller.scope);
  if (!reached.ok) return reached;
  const { key, body_hash } = answerKey(caller);
  const known = shell.store.answered(key);
  if (known && known.body_hash !== body_hash) {
    return refuse("idempotency_key_reused");
  }
  return { ...reached, known, remember: (result) => ({ answer: { key, body_hash, result } }) };
}

type AnswerToRemember = { key: string; body_hash: string; result: unknown };

/** An Idempotency-Key outlives its request; without one, the request id covers our own retries. */
export function answerKey(caller: Caller): { key: string; body_hash: string } {
  const { idempotency, request_id } = caller;
  return idempotency
    ? { key: `idem:${idempotency.key}`, body_hash: idempotency.body_hash }
    : { key: `req:${request_id}`, body_hash: "" };
}

function showOperation(shell: BotShell, id: string): Operation | null {
  const { bot } = shell.present();
  const operation = bot.operation.id === id ? bot.operation : shell.store.operations().find((past) => past.id === id);
  return operation ? viewOne(shell, operation) : null;
}

function viewOne(shell: BotShell, operation: OperationState): Operation {
  const { bot, rt } = shell.present();
  const { policy } = shell.platform;
  return viewOperation(operation, bot, rt, reconcile(bot, rt, shell.platform.now(), policy), policy);
}

/** Newest first. */
export function listOperations(shell: BotShell, scope: Scope): Answer<Operation[]> {
  const reached = reach(shell, scope);
  return reached.ok ? ok(shell.store.operations().map((operation) => viewOne(shell, operation))) : reached;
}

/** A part of the history. */
export interface Excerpt {
  events: EventView[];
  /** The lowest number that is still kept. */
  first_seq: number | null;
}

/** Events with numbers above `after`, oldest first. */
export function listEvents(shell: BotShell, scope: Scope, after: number, limit: number): Answer<Excerpt> {
  const reached = reach(shell, scope);
  if (!reached.ok) return reached;
  const { history } = shell.store;
  return ok({ events: history.events(after, limit).map(viewEvent), first_seq: history.firstSeq() });
}

export function patchBot(shell: BotShell, caller: Caller, patch: PatchBotRequest): Answer<BotView> {
  const reached = reachToChange(shell, caller.scope);
  if (!reached.ok) return reached;
  const { bot } = reached.live;
  if (bot.destroyed_at !== null) return refuse("bot_destroyed");
  const { name, persona, policies } = patch;
  const same =
    (name ?? bot.name) === bot.name &&
    (persona ?? bot.persona) === bot.persona &&
    (policies?.healing ?? bot.policies.healing) === bot.policies.healing &&
    (policies?.start === undefined || policies.start === bot.policies.start);
  if (same) return ok(view(shell, reached.live));
  return ok(
    view(shell, shell.commit({ events: [{ kind: "changed", data: { name, persona, policies } }], by: caller })),
  );
}

/** The desired version, as management sees it. */
export function desiredConfig(shell: BotShell, scope: Scope): Answer<ConfigVersion> {
  const reached = reach(shell, scope);
  if (!reached.ok) return reached;
  const row = shell.store.config(reached.live.bot.config.desired.version);
  return row ? ok(viewConfig(row)) : refuse("config_not_found");
}
