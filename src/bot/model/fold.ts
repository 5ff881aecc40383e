/** The fold of a bot's events into its state. Pure; every change of state is an event. */

import type { BotEvent, EventKind } from "./events.ts";
import { agentFolds } from "./fold-agent.ts";
import { dropletFolds } from "./fold-droplets.ts";
import { holdFolds } from "./fold-holds.ts";
import { operationFolds } from "./fold-operations.ts";
import { type Folds, newOperation } from "./fold-parts.ts";
import { standsElsewhere } from "./rollout-state.ts";
import { BotState } from "./state.ts";
import { deriveStatus } from "./status.ts";
import { orderOf } from "./workload-order.ts";

const folds: Folds<EventKind> = { ...operationFolds, ...dropletFolds, ...agentFolds, ...holdFolds };

/** Folds one event in. Events of kinds that this release does not know change nothing but the revision. */
export function apply(bot: BotState | null, event: BotEvent): BotState {
  if (bot === null) return applyFirst(event);
  const fold = folds[event.kind] as ((...args: unknown[]) => Partial<BotState>) | undefined;
  const changed = fold ? fold(bot, event.data, event.at, event.actor) : {};
  const next: BotState = { ...bot, ...changed, revision: event.seq, updated_at: event.at };
  const { status, reason, confirmed_by } = deriveStatus(next);
  const order = orderOf(next);
  return {
    ...next,
    status,
    reason,
    confirmed_by,
    since: status === bot.status ? bot.since : event.at,
    presence_since: next.presence === bot.presence ? bot.presence_since : event.at,
    order,
    order_since: order === orderOf(bot) ? bot.order_since : event.at,
    config: standsElsewhere(bot, next) ? { ...next.config, since: event.at } : next.config,
  };
}

/** Where a history begins: `accepted` makes a bot of nothing, a snapshot brings the one that was pruned before it. */
export function applyFirst(event: BotEvent): BotState {
  if (event.kind === "snapshot") return apply(BotState.parse(event.data.bot), event);
  if (event.kind !== "accepted") throw new Error(`a history begins with accepted or a snapshot, not ${event.kind}`);
  const { id, account_id, name, persona, policies, paper_mode, fleet, config, operation_id } = event.data;
  return {
    id,
    account_id,
    name,
    persona,
    policies,
    paper_mode,
    fleet,
    created_at: event.at,
    updated_at: event.at,
    revision: event.seq,
    generation: 1,
    status: "pending",
    since: event.at,
    reason: "accepted",
    confirmed_by: "spawnpoint",
    operation: newOperation(operation_id, "create", event.actor, event.at),
    waiting: null,
    intents: [],
    droplets: [],
    adopted: null,
    claims: [],
    agent: null,
    revoked_credentials: [],
    presence: "never",
    presence_since: event.at,
    order: "run",
    order_since: event.at,
    heals: [],
    stage: null,
    start_held: false,
    starting_since: null,
    crashes: null,
    workload_stopped: false,
    commands_pending: false,
    config: {
      desired: config,
      since: event.at,
      delivered: false,
      applied: null,
      effective: null,
      last_good: null,
      failed: null,
      rolled_back: null,
    },
    off_by_us: false,
    suspension: null,
    holds: [],
    breaches: [],
    error: null,
    flags: [],
    refused_droplets: [],
    destroyed_at: null,
    secrets_erased_at: null,
  };
}
