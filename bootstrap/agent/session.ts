/** The conversation with the control plane: enrolment, beats, configs, acks, stages. Each loop outlives its failures. */
import { type HeartbeatAnswer, type HeartbeatRequest, MAX_COMMAND_RESULTS } from "../../src/wire/agent.ts";
import type { ControlPlane } from "./control-plane.ts";
import { type Credential, isRegistered, markRegistered } from "./credential.ts";
import { readText } from "./files.ts";
import type { Log } from "./log.ts";
import type { Settings } from "./settings.ts";
import { pendingStages } from "./stages.ts";
import { judgeBeat, judgeRegister, NO_STANDING, type Standing } from "./standing.ts";
import type { Steward } from "./steward.ts";
import type { Store } from "./store.ts";
import type { Snapshot } from "./supervisor.ts";
import type { Telemetry } from "./telemetry.ts";
import { Bell, backoff, sleep } from "./timing.ts";

export interface SessionDeps {
  settings: Settings;
  agent_version: string;
  control_plane: ControlPlane;
  credential: Credential;
  store: Store;
  steward: () => Steward;
  workload: () => Snapshot & { version: string | null };
  telemetry: () => Promise<Telemetry>;
  log: Log;
  now_ms: () => number;
  monotonic_ms: () => number;
  random: () => number;
}

type CommandResult = NonNullable<HeartbeatRequest["command_results"]>[number];

const DEFAULT_INTERVAL_S = 30;
const STAGES_EVERY_MS = 5000;
/** As many as one heartbeat carries. */
const RESULTS_MAX = MAX_COMMAND_RESULTS;

export class Session {
  readonly beat_bell = new Bell();
  readonly ack_bell = new Bell();
  readonly #config_bell = new Bell();
  readonly #deps: SessionDeps;
  #standing: Standing = NO_STANDING;
  #etag: string | null = null;
  #results: readonly CommandResult[] = [];
  readonly #answered = new Set<string>();

  constructor(deps: SessionDeps) {
    this.#deps = deps;
  }

  get standing(): Standing {
    return this.#standing;
  }

  /** Returns once the credential is bound (or the agent stops). */
  async enrol(signal: AbortSignal): Promise<void> {
    const { settings, control_plane, credential, store, log, random, agent_version } = this.#deps;
    const limits = { backoff: settings.backoff, slow_retry_ms: settings.slow_retry_ms };
    for (let failures = 0; !signal.aborted && !isRegistered(settings.state_dir); failures++) {
      const token = readText(settings.registration_token_file);
      if (token === null) {
        log("no_registration_token", { file: settings.registration_token_file });
        await sleep(backoff(failures, settings.backoff, random()), signal);
        continue;
      }
      const outcome = await control_plane.register(token, {
        bot_id: settings.bot_id,
        credential_sha256: credential.sha256,
        droplet_id: settings.droplet_id,
        boot_id: settings.boot_id,
        agent_version,
      });
      if (signal.aborted) return;
      const verdict = judgeRegister(outcome, failures, limits, random());
      if (verdict.do === "registered") {
        store.set("heartbeat_interval_s", verdict.heartbeat_interval_s);
        markRegistered(settings.state_dir, settings.registration_token_file);
        log("registered", { heartbeat_interval_s: verdict.heartbeat_interval_s });
        break;
      }
      log("register_failed", { reason: verdict.reason, ban: verdict.ban, again_in_ms: verdict.after_ms });
      this.#stand({ ...this.#standing, ban: verdict.ban });
      await sleep(verdict.after_ms, signal);
    }
    this.#stand({ ...this.#standing, ban: null });
  }

  async beats(signal: AbortSignal): Promise<void> {
    const { settings, store, control_plane, credential, log, now_ms, monotonic_ms } = this.#deps;
    while (!signal.aborted) {
      const interval_ms = (store.get("heartbeat_interval_s") ?? DEFAULT_INTERVAL_S) * 1000;
      const results = this.#results;
      const outcome = await control_plane.heartbeat(credential.token, await this.#status(results));
      if (signal.aborted) return;
      const { slow_retry_ms, revoked_confirm_ms } = settings;
      const limits = { interval_ms, slow_retry_ms, revoked_confirm_ms };
      const { standing, next_beat_ms } = judgeBeat(this.#standing, outcome, monotonic_ms(), limits);
      this.#stand(standing);
      if (outcome.is === "ok") {
        store.set("last_heartbeat_ms", now_ms());
        this.#results = this.#results.filter((result) => !results.includes(result));
        this.#take(outcome.value);
      } else {
        log("heartbeat_failed", { ...outcome, next_beat_ms });
      }
      // A longer wait than usual was asked for (Retry-After, revoked): then nothing of ours cuts it short.
      const gap_ms = next_beat_ms > interval_ms ? next_beat_ms : Math.min(settings.beat_gap_ms, next_beat_ms);
      await sleep(gap_ms, signal);
      await this.beat_bell.wait(Math.max(0, next_beat_ms - gap_ms), signal);
    }
  }

  async configs(signal: AbortSignal): Promise<void> {
    const { settings, control_plane, credential, steward, log, random } = this.#deps;
    let failures = 0;
    while (!signal.aborted) {
      const etag = steward().held === null ? null : this.#etag;
      const outcome = await control_plane.config(credential.token, etag);
      if (signal.aborted) return;
      if (outcome.is === "ok") {
        this.#etag = outcome.value.etag;
        const { config } = outcome.value;
        log("config_fetched", { config_id: config.id, version: config.version });
        steward().hold(config);
      }
      if (outcome.is === "ok" || outcome.is === "unchanged") {
        failures = 0;
        await this.#config_bell.wait(settings.config_poll_ms, signal);
        continue;
      }
      log("config_fetch_failed", { ...outcome });
      const own_ms = Math.min(backoff(failures++, settings.backoff, random()), settings.config_poll_ms);
      const asked_ms = outcome.is === "unreachable" ? (outcome.retry_after_ms ?? 0) : settings.config_poll_ms;
      await sleep(Math.max(own_ms, Math.min(asked_ms, settings.slow_retry_ms)), signal);
    }
  }

  async acks(signal: AbortSignal): Promise<void> {
    const { settings, control_plane, credential, store, log, random } = this.#deps;
    let failures = 0;
    while (!signal.aborted) {
      const ack = store.nextAck();
      if (ack === null) {
        await this.ack_bell.wait(settings.config_poll_ms, signal);
        continue;
      }
      const outcome = await control_plane.ack(credential.token, ack.body);
      if (signal.aborted) return;
      const { is } = outcome;
      // Who asks for authority gets it later; any other refusal is the control plane's last word on this ack.
      const heard = is === "ok" || (is === "refused" && outcome.status !== 401 && outcome.status !== 403);
      log("config_ack", { config_id: ack.body.config_id, result: ack.body.result, ...outcome });
      if (heard) {
        failures = 0;
        store.ackDelivered(ack);
        this.beat_bell.ring();
        continue;
      }
      const asked_ms = is === "unreachable" ? (outcome.retry_after_ms ?? 0) : settings.slow_retry_ms;
      const own_ms = backoff(failures++, settings.backoff, random());
      await sleep(Math.max(own_ms, Math.min(asked_ms, settings.slow_retry_ms)), signal);
    }
  }

  /** Sends on what the bootstrap, whose token is spent, left to be reported. */
  async stages(signal: AbortSignal): Promise<void> {
    const { settings, control_plane, credential, store, log } = this.#deps;
    const directory = settings.bootstrap_stages_dir;
    while (directory !== null && !signal.aborted) {
      for (const stage of pendingStages(directory, store.get("last_stage"))) {
        const { droplet_id, boot_id } = settings;
        const outcome = await control_plane.stage(credential.token, { ...stage.report, droplet_id, boot_id });
        if (signal.aborted || outcome.is === "unreachable") break;
        if (outcome.is === "refused") log("stage_refused", { stage: stage.report.stage, ...outcome });
        store.set("last_stage", stage.name);
      }
      await sleep(STAGES_EVERY_MS, signal);
    }
  }

  #stand(next: Standing): void {
    const before = this.#standing;
    this.#standing = next;
    if (next.order === before.order && next.ban === before.ban) return;
    this.#deps.log("standing", { order: next.order, ban: next.ban });
    this.#deps.steward().bell.ring();
  }

  #take(answer: HeartbeatAnswer): void {
    if (answer.desired_config_id !== this.#deps.steward().held?.id) this.#config_bell.ring();
    for (const { id, kind } of answer.commands) {
      if (this.#answered.has(id) || this.#results.length >= RESULTS_MAX) continue;
      this.#answered.add(id);
      this.#results = [...this.#results, { id, ok: false, detail: `this agent does not know the command ${kind}` }];
      this.beat_bell.ring();
    }
  }

  async #status(results: readonly CommandResult[]): Promise<HeartbeatRequest> {
    const { settings, agent_version, workload, store, telemetry } = this.#deps;
    const { state, version, restarts } = workload();
    return {
      agent_version,
      boot_id: settings.boot_id,
      droplet_id: settings.droplet_id,
      workload: { state, version, restarts },
      applied_config_id: store.get("applied"),
      ...(await telemetry()),
      ...(results.length > 0 ? { command_results: [...results] } : {}),
    };
  }
}
