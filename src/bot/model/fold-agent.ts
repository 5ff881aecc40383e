/** How agents and configs change the state. Pure. */
import type { WorkloadState } from "../../wire/enums.ts";
import { withToken } from "./enrolment.ts";
import type { AgentEvents } from "./events.ts";
import { commit, type Folds, remember, revoked, withoutAgent } from "./fold-parts.ts";
import { stopByPerson } from "./holds.ts";
import { passedGate } from "./rollout-state.ts";
import { type BotState, KEEP_REFUSED_DROPLETS } from "./state.ts";

const SILENCE_ERRORS = ["heal_failed", "agent_not_heard"];
const NOT_READY = "workload_not_ready";
const CONFIG_ERRORS = ["config_failed", "config_not_applied"];
/** Of these a workload runs with no config at all. */
const DOWN: WorkloadState[] = ["stopped", "failed", "crashed"];

export const agentFolds: Folds<keyof AgentEvents> = {
  registration_claimed: (bot, data) => ({ claims: [...bot.claims, data] }),
  claim_dropped: (bot, data) => ({
    claims: bot.claims.filter((claim) => claim.droplet_id !== data.droplet_id),
    // A droplet that is not there yet may be there when its agent asks again.
    ...(data.why === "foreign"
      ? { refused_droplets: remember(bot.refused_droplets, data.droplet_id, KEEP_REFUSED_DROPLETS) }
      : {}),
  }),
  agent_registered: (bot, data, at) => ({
    agent: {
      credential_sha256: data.credential_sha256,
      droplet_id: data.droplet_id,
      boot_id: data.boot_id,
      bound_at: at,
      ...(data.proven ? { proven: true } : {}),
    },
    presence: "heard",
    // One that was never used may have been in the place of this one.
    revoked_credentials: revoked(bot),
    intents: bot.intents.map((intent) => {
      const { state } = intent.enrolment;
      return withToken(intent, intent.id === data.intent_id ? "used" : state === "live" ? "killed" : state);
    }),
  }),
  agent_booted: (bot, data, at) => ({
    agent: bot.agent && { ...bot.agent, boot_id: data.boot_id },
    start_held: data.expected ? bot.start_held : true,
    starting_since: data.starting ? at : bot.starting_since,
  }),
  agent_heard: (bot, data, at) => ({
    presence: "heard",
    starting_since: data.starting ? at : null,
    // What was given up as silent has spoken.
    ...without(bot, data.starting ? SILENCE_ERRORS : [...SILENCE_ERRORS, NOT_READY]),
  }),
  agent_silent: () => ({ presence: "silent" }),
  agent_refused: (bot, data) => ({
    refused_droplets: remember(bot.refused_droplets, data.droplet_id, KEEP_REFUSED_DROPLETS),
    flags: remember(bot.flags, data.code, Number.POSITIVE_INFINITY),
  }),
  credential_revoked: (bot) => ({
    operation: commit(bot),
    ...withoutAgent(bot),
    intents: bot.intents.map((intent) => withToken(intent, "killed")),
  }),
  credential_rotated: (bot, data) => ({
    agent: bot.agent && {
      ...bot.agent,
      credential_sha256: data.credential_sha256,
      rotated_from: bot.agent.credential_sha256,
    },
    revoked_credentials: revoked(bot),
  }),
  stage_reported: (bot, data, at) => ({
    stage: { stage: data.stage, at, count: (bot.stage?.count ?? 0) + 1 },
  }),
  flag_raised: (bot, data) => ({ flags: remember(bot.flags, data.flag, Number.POSITIVE_INFINITY) }),
  // Whoever comes again is told of again.
  security_acknowledged: (bot, data) => ({
    flags: bot.flags.filter((flag) => !data.flags.includes(flag)),
    refused_droplets: [],
  }),

  wind_down_ended: (bot) => ({ operation: { ...bot.operation, wound_down: true } }),
  workload_ready: (bot) => ({ starting_since: null, ...without(bot, [NOT_READY]) }),
  workload_not_ready: (_bot, data) => ({ error: { code: NOT_READY, detail: data.detail } }),
  workload_crashed: (_bot, { first_at, count }, at) => ({ crashes: { first_at, count, told_at: at } }),
  runs_aborted: () => ({}),

  command_requested: (bot, data) => ({
    commands_pending: true,
    ...(data.kind === "stop" ? stopByPerson(bot, true) : {}),
    ...(data.kind === "start" || data.kind === "restart" ? { ...stopByPerson(bot, false), start_held: false } : {}),
  }),
  command_ended: (_bot, data) => ({ commands_pending: data.left }),

  config_published: (bot, data) => ({
    config: { ...bot.config, desired: data.config, delivered: false },
    paper_mode: data.paper_mode,
  }),
  config_delivered: (bot) => ({ config: { ...bot.config, delivered: true } }),
  config_applied: (bot, data, at) => ({
    config: {
      ...bot.config,
      applied: data.config,
      effective: data.config,
      last_good: passedGate(data.workload) ? data.config : bot.config.last_good,
      failed: null,
    },
    // It may have been owed since before a boot: readiness that is awaited is told by a beat.
    starting_since: bot.starting_since ?? (data.starting ? at : null),
    ...without(bot, CONFIG_ERRORS),
  }),
  config_effective: (bot, data) => ({ config: { ...bot.config, effective: data.config } }),
  config_failed: (bot, data, at) => ({
    config: {
      ...bot.config,
      failed: { ...data.config, reason: data.reason, at },
      effective: DOWN.includes(data.workload ?? "running") ? null : bot.config.effective,
    },
  }),
  rolled_back: (bot, data, at) => ({ config: { ...bot.config, rolled_back: { ...data, at } } }),
  config_given_up: (_bot, data) => ({ error: { code: "config_failed", detail: data.reason } }),
};

/** An error with one of these codes is over. */
function without({ error }: BotState, codes: readonly string[]): Partial<BotState> {
  return error !== null && codes.includes(error.code) ? { error: null } : {};
}
