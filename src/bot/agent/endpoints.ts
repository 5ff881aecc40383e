/** What a droplet's agent asks of its Bot. An agent that is not the accepted one (authenticate.ts) changes nothing. */

import type { AgentCaller } from "../../records/caller.ts";
import type {
  AgentRelease,
  ConfigAckAnswer,
  ConfigAckRequest,
  HeartbeatAnswer,
  HeartbeatRequest,
  RegisterRequest,
  StageRequest,
} from "../../wire/agent.ts";
import type { AgentConfig } from "../../wire/config.ts";
import { effectiveModel } from "../../wire/models.ts";
import { constantTimeEqual } from "../../wire/tokens.ts";
import { concludeCommands } from "../calls/commands.ts";
import { openSecrets, type Secrets } from "../config/secrets.ts";
import type { EventBody } from "../model/events.ts";
import { isOfNewerRelease } from "../model/newer-release.ts";
import { type BotState, type Intent, isRunning } from "../model/state.ts";
import { isFenced, startPolicy, stopping } from "../model/workload-order.ts";
import { abortedRuns, countCrashes, crashNews } from "../reconcile/crashes.ts";
import type { Runtime, Telemetry } from "../reconcile/decision.ts";
import { learnAck } from "../reconcile/rollout.ts";
import { hasStopped, isWindingDown } from "../reconcile/wind-down.ts";
import { type Answer, ok, type Refusal, refuse } from "../shell/answer.ts";
import type { BotShell, Live } from "../shell/shell.ts";
import { iso } from "../view/bot.ts";
import {
  authenticate,
  authenticateOn,
  intentOf,
  invalidCredential,
  MAX_CLAIMS,
  nobody,
  raise,
  recognise,
  wrongDroplet,
} from "./authenticate.ts";
import { ordersOf } from "./directives.ts";
import { awaitRelease, isBound, onlyHear } from "./newer-release.ts";
import { hearReport } from "./trading.ts";

const REGISTRATION_RETRY_S = 5;
/** Bounds how much a bootstrap in a loop can write into the history. */
const MAX_STAGE_REPORTS = 64;

/** `proven`: the credential was shown, and later requests that carry it will be let in. */
export type Registration = Omit<RegisterRequest, "credential"> & { proven?: boolean };

export interface Registered {
  heartbeat_interval_s: number;
}

/** The exchange: a valid registration token against the hash of a credential that only the agent knows. */
export function register(shell: BotShell, caller: AgentCaller, request: Registration): Answer<Registered> {
  const live = shell.live();
  if (live === null) return nobody(shell);
  const { bot } = live;
  const intent = intentOf(bot, caller, shell.platform.now());
  if (intent === null) return invalidCredential();
  if (isOfNewerRelease(bot) && !isBound(bot, request)) return awaitRelease();
  const { agent } = bot;
  if (agent !== null) {
    if (agent.droplet_id !== request.droplet_id) return wrongDroplet(shell, live, request.droplet_id, intent);
    if (constantTimeEqual(agent.credential_sha256, request.credential_sha256)) return ok(registered(shell));
    if (!givesWay(live) || !request.proven) {
      raise(shell, live, "credential_conflict", request.droplet_id);
      return refuse("credential_conflict");
    }
    return bind(shell, live, intent, request, [{ kind: "flag_raised", data: REPLACED }]);
  }
  if (intent.enrolment.state !== "live") return invalidCredential();
  if (bot.adopted === null) return claim(shell, live, intent, request.droplet_id);
  if (bot.adopted !== request.droplet_id) return wrongDroplet(shell, live, request.droplet_id, intent);
  return bind(shell, live, intent, request);
}

/** For people to see: whoever came first may have been a thief, or an agent that makes its credentials wrong. */
const REPLACED = {
  flag: "credential_conflict",
  detail: "A credential that was never used gave way to another one.",
};

/**
 * A credential that nobody has shown, and that has not been used, may be one that no request can carry: it does not keep
 * out for good who can show another.
 */
function givesWay({ bot, rt }: Live): boolean {
  return bot.agent?.proven !== true && rt.telemetry === null && rt.channel === null;
}

function bind(
  shell: BotShell,
  { rt }: Live,
  intent: Intent,
  { credential_sha256, droplet_id, boot_id, proven }: Registration,
  besides: EventBody[] = [],
): Answer<Registered> {
  const data = { intent_id: intent.id, credential_sha256, droplet_id, boot_id, ...(proven ? { proven } : {}) };
  shell.commit({
    events: [{ kind: "agent_registered", data }, ...besides],
    actor: "agent",
    rt: { ...rt, last_seen_at: shell.platform.now(), telemetry: null },
  });
  return ok(registered(shell));
}

function registered(shell: BotShell): Registered {
  return { heartbeat_interval_s: shell.platform.policy.heartbeat_interval_s };
}

/** A droplet that we have not adopted holds our token: that is evidence, to be checked by its name. */
function claim(shell: BotShell, { bot }: Live, intent: Intent, droplet_id: number): Refusal {
  const known =
    bot.claims.some((other) => other.droplet_id === droplet_id) || bot.refused_droplets.includes(droplet_id);
  if (!known && bot.claims.length < MAX_CLAIMS) {
    shell.commit({
      events: [{ kind: "registration_claimed", data: { intent_id: intent.id, droplet_id } }],
      actor: "agent",
    });
  }
  return refuse("registration_pending", undefined, {
    retry_after_s: REGISTRATION_RETRY_S,
  });
}

const STOPPED: EventBody = { kind: "wind_down_ended", data: { how: "stopped" } };

/** Over which transport the agent spoke. */
type Transport = "http" | "channel";

export function heartbeat(
  shell: BotShell,
  caller: AgentCaller,
  beat: HeartbeatRequest,
  via: Transport = "http",
): Answer<HeartbeatAnswer> {
  const known = authenticateOn(shell, caller, beat.droplet_id);
  if (!known.ok) return known;
  const { bot, rt } = known.live;
  const now = shell.platform.now();
  const { policy } = shell.platform;
  const telemetry = telemetryOf(beat, now);
  const crashes = countCrashes(rt, telemetry, beat.workload.last_crash ?? null, policy);
  const heard: Runtime = { ...rt, last_seen_at: now, telemetry, crashes };
  if (isOfNewerRelease(bot)) return onlyHear(shell, heard);
  const { events: ended, concluded } = concludeCommands(shell, beat.command_results ?? []);
  const { trading, events: judged } = hearReport(shell, known.live, beat, now);
  const crashed = crashNews(bot, crashes, now, policy);
  const aborted = abortedRuns(rt.telemetry, telemetry);
  const stopped = isWindingDown(bot, rt.telemetry) && hasStopped(beat.workload);
  const events = [
    ...eventsOfBeat(bot, beat, via),
    ...(stopped ? [STOPPED] : []),
    ...(crashed ? [crashed] : []),
    ...(aborted ? [aborted] : []),
    ...ended,
    ...judged,
  ];
  const told: Runtime = { ...heard, trading };
  if (events.length > 0) shell.commit({ events, actor: "agent", rt: told, commands: concluded });
  else if (isWorthStoring(rt, told, via, policy.last_seen_coalesce_ms)) shell.note(told);
  else if (via === "channel") shell.see(told);
  return ok(ordersOf(shell));
}

/**
 * Last-seen is written when the stored one is a minute old, or when what is shown to people has changed. An open channel
 * tells by itself when it was last heard.
 */
function isWorthStoring(stored: Runtime, heard: Runtime, via: Transport, coalesceMs: number): boolean {
  const seen_at = stored.last_seen_at ?? 0;
  if (via === "http" && (heard.last_seen_at ?? 0) - seen_at >= coalesceMs) return true;
  // The first beat after the channel's end, or after we were away, is waited for.
  if (Math.max(stored.channel_closed_at ?? 0, stored.deaf_until) >= seen_at) return true;
  return stored.trading !== heard.trading || !showsTheSame(stored.telemetry, heard.telemetry);
}

function showsTheSame(a: Runtime["telemetry"], b: Runtime["telemetry"]): boolean {
  if (a === null || b === null) return a === b;
  const [was, is] = [a.workload, b.workload];
  return (
    a.agent_version === b.agent_version &&
    was.state === is.state &&
    was.version === is.version &&
    was.restarts === is.restarts &&
    was.crashes === is.crashes &&
    was.aborted_runs === is.aborted_runs &&
    was.wind_down?.rung === is.wind_down?.rung &&
    String(was.degraded ?? []) === String(is.degraded ?? [])
  );
}

function telemetryOf(beat: HeartbeatRequest, at: number): Telemetry {
  const { agent_version, workload, load, mem, disk } = beat;
  return { at, agent_version, workload, load, mem, disk };
}

function eventsOfBeat(bot: BotState, beat: HeartbeatRequest, via: Transport): EventBody[] {
  const events: EventBody[] = [];
  const ready = beat.workload.state === "running";
  const starting = ready ? {} : { starting: true as const };
  if (bot.agent?.boot_id !== beat.boot_id) {
    const expected = isRunning(bot.operation) || bot.suspension !== null || startPolicy(bot) === "auto";
    events.push({ kind: "agent_booted", data: { boot_id: beat.boot_id, expected, ...starting } });
  }
  if (bot.presence !== "heard" && !stopping(bot)) {
    events.push({ kind: "agent_heard", data: { via, ...starting } });
  } else if (ready && bot.starting_since !== null) {
    events.push({ kind: "workload_ready", data: {} });
  }
  return events;
}

/**
 * The desired config with its secrets in plain text: the one reply that carries it. From the first time on that it is
 * handed over it may be judged.
 * @param dropletId null: an older agent, which does not say where it is
 */
export async function agentConfig(
  shell: BotShell,
  caller: AgentCaller,
  dropletId: number | null = null,
): Promise<Answer<AgentConfig>> {
  const known = dropletId === null ? authenticate(shell, caller) : authenticateOn(shell, caller, dropletId);
  if (!known.ok) return known;
  if (isFenced(known.live.bot)) return refuse("config_fenced");
  const { version } = known.live.bot.config.desired;
  const row = shell.store.config(version);
  if (row === null) return refuse("config_not_found");
  let secrets: Secrets;
  try {
    secrets = await openSecrets(shell.platform.vault, row);
  } catch (error) {
    shell.log({ level: "error", event: "secret_unreadable", detail: String(error) });
    return refuse("secret_unreadable");
  }
  // While the secrets were being opened the credential may have been revoked, the bot stopped, another version desired.
  const still = authenticate(shell, caller);
  if (!still.ok) return still;
  const { config } = still.live.bot;
  if (config.desired.id !== row.id || isFenced(still.live.bot)) return agentConfig(shell, caller, dropletId);
  if (!config.delivered) {
    shell.commit({ events: [{ kind: "config_delivered", data: { config: config.desired } }], actor: "agent" });
  }
  const { id, bot_id, restored_from, trading_config, risk_config, llm_provider, note, created_at } = row;
  return ok({
    id,
    bot_id,
    version: row.version,
    restored_from,
    trading_config,
    risk_config,
    llm_model: effectiveModel(row),
    llm_base_url: row.llm_base_url,
    secrets: { llm_provider, ...secrets },
    note,
    created_at: iso(created_at),
  });
}

/** An acknowledgement never moves `desired`. */
export function acknowledge(shell: BotShell, caller: AgentCaller, ack: ConfigAckRequest): Answer<ConfigAckAnswer> {
  const known = authenticate(shell, caller);
  if (!known.ok) return known.code === "credential_revoked" && !hasRotated(shell, caller) ? generationOver() : known;
  const { bot } = known.live;
  if (isOfNewerRelease(bot)) return awaitRelease();
  const version = shell.store.configVersion(ack.config_id);
  if (version === null) return refuse("config_not_found", "The bot has no config version with this id.");
  const event = learnAck(bot, ack, version);
  if (event)
    shell.commit({ events: [event], actor: "agent", rt: withWorkload(known.live.rt, ack, shell.platform.now()) });
  return ok({ status: "acknowledged", desired_config_id: bot.config.desired.id });
}

/** An agent that acknowledges before its first heartbeat has said of its workload no more than this. */
function withWorkload(rt: Runtime, { workload: state }: ConfigAckRequest, at: number): Runtime {
  if (rt.telemetry !== null || state === undefined) return rt;
  const workload = { state, version: null, restarts: 0 };
  return { ...rt, telemetry: { at, agent_version: "", workload, load: null, mem: null, disk: null } };
}

/** Not 401, after which an agent asks again: what became of that generation's configs is nobody's interest any more. */
function generationOver(): Refusal {
  return refuse("generation_over");
}

/** Its agent is the present one, and says it again with the credential that it has now. */
function hasRotated(shell: BotShell, { token_sha256 }: AgentCaller): boolean {
  return constantTimeEqual(shell.live()?.bot.agent?.rotated_from ?? "", token_sha256);
}

/** How far a bootstrap has come: each new stage earns it more time. */
export function reportStage(shell: BotShell, caller: AgentCaller, report: StageRequest): Answer<{ status: "ok" }> {
  const live = shell.live();
  if (live === null) return nobody(shell);
  const { bot } = live;
  const known = recognise(shell, live, caller);
  if (!known.ok) return known;
  if (isOfNewerRelease(bot)) return awaitRelease();
  if (bot.adopted !== null && bot.adopted !== report.droplet_id)
    return wrongDroplet(shell, live, report.droplet_id, null);
  if (bot.stage?.stage !== report.stage && (bot.stage?.count ?? 0) < MAX_STAGE_REPORTS) {
    const { stage, detail } = report;
    shell.commit({ events: [{ kind: "stage_reported", data: { stage, detail: detail ?? null } }], actor: "agent" });
  }
  return ok({ status: "ok" });
}

/** Any token of the present generation may ask where the present agent is. */
export function agentRelease(shell: BotShell, caller: AgentCaller, release: AgentRelease): Answer<AgentRelease> {
  const live = shell.live();
  if (live === null) return nobody(shell);
  const known = recognise(shell, live, caller);
  return known.ok ? ok(release) : known;
}
