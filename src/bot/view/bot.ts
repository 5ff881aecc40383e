/** A Bot as the wire shows it. Pure. */
import type { ConfigRow } from "../../records/rows.ts";
import { ERASED } from "../../secrets/sealed.ts";
import type { BotView, Operation } from "../../wire/bot.ts";
import type { ConfigVersion } from "../../wire/config.ts";
import { effectiveModel } from "../../wire/models.ts";
import { asKnown, isOfNewerRelease } from "../model/newer-release.ts";
import type { Policy } from "../model/policy.ts";
import { adoptedDroplet, type BotState, type Instant, isRunning, type OperationState } from "../model/state.ts";
import { type Decision, lastHeardAt, type Runtime } from "../reconcile/decision.ts";
import { readKey } from "../reconcile/effects.ts";
import { deadlineOf } from "../reconcile/operations.ts";
import { reconcile } from "../reconcile/reconcile.ts";
import { viewConfigStanding } from "./config-standing.ts";
import { healthOf } from "./health.ts";
import { withoutGuesses } from "./newer-release.ts";
import { phaseOf } from "./phase.ts";
import { summarise } from "./summary.ts";

export function iso(at: Instant): string {
  return new Date(at).toISOString();
}

function isoOrNull(at: Instant | null | undefined): string | null {
  return at === null || at === undefined ? null : iso(at);
}

export function viewBot(bot: BotState, rt: Runtime, now: Instant, policy: Policy): BotView {
  const view = viewKnown(asKnown(bot), rt, now, policy);
  return isOfNewerRelease(bot) ? withoutGuesses(view, bot) : view;
}

function viewKnown(bot: BotState, rt: Runtime, now: Instant, policy: Policy): BotView {
  const decision = reconcile(bot, rt, now, policy);
  const { desired, applied, failed } = bot.config;
  return {
    id: bot.id,
    account_id: bot.account_id,
    name: bot.name,
    persona: bot.persona,
    status: bot.status,
    phase: phaseOf(bot, decision),
    since: iso(bot.since),
    reason: bot.reason,
    confirmed_by: bot.confirmed_by,
    next: nextStep(decision, now),
    generation: bot.generation,
    droplet_id: bot.adopted,
    droplet: viewDroplet(bot, rt),
    desired_config_version_id: desired.id,
    applied_config_version_id: applied?.id ?? null,
    desired_config_version: desired.version,
    applied_config_version: applied?.version ?? null,
    config_drift: applied?.id !== desired.id,
    config: viewConfigStanding({ bot, rt, now, policy }),
    config_failure: failed && { version: failed.version, reason: failed.reason, at: iso(failed.at) },
    last_heartbeat_at: isoOrNull(lastHeardAt(rt)),
    agent: viewAgent(bot, rt),
    health: viewHealth(bot, rt),
    summary: summarise(bot, rt, decision, now),
    flags: bot.flags,
    policies: { healing: bot.policies.healing, start: bot.policies.start },
    suspension: viewSuspension(bot),
    holds: bot.holds.map(({ owner, reason, by, since }) => ({ owner, reason, by, since: iso(since) })),
    trading_report: viewTrading(rt),
    breaches: bot.breaches.map(({ limit, value, max, since }) => ({ limit, value, max, since: iso(since) })),
    operation: viewOperation(bot.operation, bot, rt, decision, policy),
    revision: bot.revision,
    created_at: iso(bot.created_at),
    updated_at: iso(bot.updated_at),
    observed_at: iso(now),
  };
}

function nextStep(decision: Decision, now: Instant): BotView["next"] {
  if ("settled" in decision) return null;
  if ("wait" in decision) return { what: decision.for, at: iso(decision.wait) };
  return { what: whatIsDone(decision), at: iso(now) };
}

function whatIsDone(decision: Exclude<Decision, { wait: Instant } | { settled: true }>): string {
  if ("do" in decision) return decision.do.kind;
  if ("begin" in decision) return decision.begin;
  return "restore" in decision ? "rollback" : decision.record.kind;
}

function viewSuspension({ suspension }: BotState): BotView["suspension"] {
  return suspension && { since: iso(suspension.since), reason: suspension.reason, by: suspension.by };
}

function viewTrading({ trading }: Runtime): BotView["trading_report"] {
  return trading && { observed_at: iso(trading.received_at), report: trading.report, error: trading.report_error };
}

function viewDroplet(bot: BotState, rt: Runtime): BotView["droplet"] {
  const droplet = adoptedDroplet(bot);
  if (droplet === null) return null;
  const { id, name, generation, status, ip_address, observed_at } = droplet;
  const read = rt.done[readKey(id)] ?? 0;
  return { id, name, generation, status, ip_address, observed_at: iso(Math.max(observed_at, read)) };
}

function viewHealth(bot: BotState, rt: Runtime): BotView["health"] {
  const { channel_since, ...health } = healthOf(bot, rt);
  return { ...health, channel_since: isoOrNull(channel_since) };
}

function viewAgent(bot: BotState, rt: Runtime): BotView["agent"] {
  if (bot.agent === null) return null;
  const { telemetry } = rt;
  return {
    version: telemetry?.agent_version || null,
    boot_id: bot.agent.boot_id,
    workload: telemetry && reportOf(telemetry.workload),
    load: telemetry?.load ?? null,
    mem: telemetry?.mem ?? null,
    disk: telemetry?.disk ?? null,
  };
}

/** What it has lost stands in the bot's health. */
function reportOf({ state, version, restarts }: NonNullable<Runtime["telemetry"]>["workload"]) {
  return { state, version, restarts };
}

/** The present operation with its next attempt; a past one (no decision) with what it ended with. */
export function viewOperation(
  operation: OperationState,
  bot: BotState,
  rt: Runtime,
  decision: Decision,
  policy: Policy,
): Operation {
  const running = isRunning(operation) && operation.id === bot.operation.id && !isOfNewerRelease(bot);
  return {
    id: operation.id,
    kind: operation.kind,
    state: operation.state,
    step: (running ? phaseOf(bot, decision) : null) ?? operation.state,
    attempt: operation.failures + 1,
    next_attempt_at: running && "wait" in decision ? iso(decision.wait) : null,
    deadline: running ? isoOrNull(deadlineOf(operation, policy)) : null,
    last_error: operation.last_error ?? (running && rt.tries > 0 ? bot.waiting : null),
    started_at: iso(operation.started_at),
    ended_at: isoOrNull(operation.ended_at),
  };
}

/** A config version for management: that its secrets exist, never the secrets. */
export function viewConfig(row: ConfigRow): ConfigVersion {
  const { id, bot_id, version, restored_from, trading_config, risk_config, note, author, created_at } = row;
  return {
    id,
    bot_id,
    version,
    restored_from,
    trading_config,
    risk_config,
    llm_model: row.llm_model,
    effective_llm_model: effectiveModel(row),
    llm_base_url: row.llm_base_url,
    secrets: {
      llm_provider: row.llm_provider,
      llm_api_key: {
        set: row.llm_api_key !== ERASED,
        last4: row.llm_api_key_last4,
        updated_at: iso(row.llm_api_key_updated_at),
      },
      environment:
        row.environment === ERASED
          ? []
          : row.environment_names.map(({ name, updated_at }) => ({ name, updated_at: iso(updated_at) })),
    },
    note,
    author,
    created_at: iso(created_at),
  };
}
