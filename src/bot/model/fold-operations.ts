/** How operations change the state. Pure. */
import type { OperationEvents } from "./events.ts";
import { commit, type Folds, newOperation, troubled, withoutAgent } from "./fold-parts.ts";
import { withSuspension } from "./holds.ts";
import { factsOf } from "./operations.ts";
import { type BotState, isRunning } from "./state.ts";

const KEEP_HEALS = 8;

export const operationFolds: Folds<keyof OperationEvents> = {
  accepted: () => ({}),
  snapshot: () => ({}),
  changed: (bot, data) => ({
    name: data.name ?? bot.name,
    persona: data.persona ?? bot.persona,
    policies: {
      ...bot.policies,
      healing: data.policies?.healing ?? bot.policies.healing,
      start: data.policies?.start === undefined ? bot.policies.start : data.policies.start,
    },
    start_held: data.policies?.start === "auto" ? false : bot.start_held,
  }),

  operation_requested: (bot, data, at, actor) => ({
    operation: newOperation(data.operation_id, data.kind, actor, at, data.begun),
    waiting: null,
    stage: null,
    // Whoever takes a suspension away has not looked at why the start was held.
    ...(data.kind === "resume" && data.why !== "unsuspended" ? { start_held: false } : {}),
    ...(data.kind === "heal" ? { heals: [...bot.heals, at].slice(-KEEP_HEALS) } : {}),
  }),
  operation_succeeded: (bot, _data, at) => ({
    operation: { ...bot.operation, state: "succeeded", ended_at: at },
    waiting: null,
    error: null,
    ...(factsOf(bot.operation.kind).course === "switches_off" ? { off_by_us: true, presence: "never" as const } : {}),
    suspension:
      bot.operation.kind === "suspend" && bot.suspension ? { ...bot.suspension, confirmed_at: at } : bot.suspension,
  }),
  operation_failed: (bot, data, at) => ({
    operation: { ...bot.operation, state: "failed", ended_at: at, last_error: data.detail },
    waiting: null,
    error: { code: data.code, detail: data.detail },
  }),
  operation_cancelled: (bot, data, at) => ({
    operation: { ...bot.operation, state: "cancelled", ended_at: at },
    waiting: null,
    // What it was online with has stopped meanwhile.
    ...(bot.status === "provisioning" && bot.agent !== null && bot.operation.wound_down ? { starting_since: at } : {}),
    // A suspended bot without a droplet is no error: it gets one when it may run again.
    ...(bot.agent === null && bot.suspension === null && !data.pre_empted
      ? { error: bot.error ?? cancelled(bot) }
      : {}),
  }),
  attempt_failed: (bot, data) => ({
    operation: { ...bot.operation, failures: bot.operation.failures + 1, last_error: data.detail },
    droplets: bot.droplets.map((droplet) =>
      droplet.id === bot.adopted ? { ...droplet, condemned: droplet.condemned ?? data.code } : droplet,
    ),
    ...withoutAgent(bot),
  }),
  waiting: (bot, data) => ({
    waiting: data.reason,
    operation: data.reason ? troubled(bot, data.reason) : bot.operation,
  }),
  replacement_begun: (bot, data) => ({
    operation: { ...commit(bot), replacing: true, last_error: data.why },
  }),
  generation_started: (bot, data) => ({
    generation: data.generation,
    operation: { ...commit(bot), recreating: true, power: null },
    config: { ...bot.config, delivered: false, applied: null, effective: null, failed: null },
    intents: bot.intents.filter((intent) => intent.state === "open"),
    claims: [],
    adopted: null,
    stage: null,
    start_held: false,
    starting_since: null,
    commands_pending: false,
    off_by_us: false,
    flags: [],
    refused_droplets: [],
    ...withoutAgent(bot),
  }),
  suspended: (bot, data, at, actor) =>
    withSuspension(bot, { since: at, reason: data.reason, by: actor, paused: isWantedOff(bot), confirmed_at: null }),
  unsuspended: (bot) => ({
    ...withSuspension(bot, null as BotState["suspension"]),
    // Of a bot that stays off nothing more is asked, so that its suspend did not succeed is of no interest any more.
    error: bot.suspension?.paused ? null : bot.error,
  }),

  destroyed: (bot, _data, at) => ({
    destroyed_at: at,
    suspension: null,
    holds: [],
    breaches: [],
    adopted: null,
    waiting: null,
    operation: { ...bot.operation, state: "succeeded", ended_at: at },
  }),
  secrets_erased: (_bot, _data, at) => ({ secrets_erased_at: at }),
};

/** Nothing that is under way any more would bring the bot back. */
function cancelled({ operation, adopted }: BotState): BotState["error"] {
  const lacks = adopted === null ? "droplet" : "agent";
  return { code: "cancelled", detail: `The ${operation.kind} was cancelled; the bot has no ${lacks}.` };
}

/** A person has paused the bot, or is about to. */
function isWantedOff(bot: BotState): boolean {
  return isRunning(bot.operation) ? bot.operation.kind === "pause" : bot.status === "paused";
}
