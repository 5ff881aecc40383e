/** The conversation with the control plane: enrolment, beats, orders, configs. Each loop outlives its failures. */
import { type HeartbeatAnswer, type HeartbeatRequest, MAX_CRASH_CHARS } from "../../../src/wire/agent.ts";
import { readText } from "../base/files.ts";
import { describeError, type Log } from "../base/log.ts";
import type { Store } from "../base/store.ts";
import { aborted, backoff, Signal, sleep } from "../base/timing.ts";
import type { CommandExecutor } from "../commands/command-executor.ts";
import type { Settings } from "../settings.ts";
import type { ConfigApplier } from "../workload/config-applier.ts";
import { NO_PERMISSION, type Permission } from "../workload/permission.ts";
import type { Reported } from "../workload/report-file.ts";
import type { Snapshot } from "../workload/supervisor.ts";
import { judgeBeat, judgeRegister } from "./answers.ts";
import type { ControlPlane, Outcome } from "./control-plane.ts";
import { type Credentials, isRegistered, markRegistered } from "./credential.ts";
import type { CredentialRotation } from "./credential-rotation.ts";
import type { Telemetry } from "./telemetry.ts";

export interface SessionDeps {
  settings: Settings;
  agent_version: string;
  control_plane: ControlPlane;
  credentials: Credentials;
  rotation: CredentialRotation;
  store: Store;
  applier: () => ConfigApplier;
  commands: () => CommandExecutor;
  workload: () => Snapshot & { version: string | null };
  telemetry: () => Promise<Telemetry>;
  /** Of its trading, as the workload has it. */
  reported: () => Reported;
  /** The permission is another one. */
  onPermission: () => void;
  log: Log;
  now_ms: () => number;
  monotonic_ms: () => number;
  random: () => number;
}

const DEFAULT_INTERVAL_S = 30;

/** Whether the channel is up; a change puts another in its place. */
interface Link {
  up: boolean;
  changed: AbortController;
}

export class Session {
  /** Raised when there is something new to say. */
  readonly beat_wake = new Signal();
  readonly #config_wake = new Signal();
  readonly #deps: SessionDeps;
  #permission: Permission = NO_PERMISSION;
  #link: Link = { up: false, changed: new AbortController() };
  #orders_heard = 0;
  #etag: string | null = null;
  /** Registered, and the disk does not say so yet: a restart would do it again, with the same credential. */
  #unmarked: boolean;

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.#unmarked = isRegistered(deps.settings.state_dir);
  }

  get permission(): Permission {
    return this.#permission;
  }

  get channel_up(): boolean {
    return this.#link.up;
  }

  get interval_ms(): number {
    return (this.#deps.store.get("heartbeat_interval_s") ?? DEFAULT_INTERVAL_S) * 1000;
  }

  /** Returns once the credential is bound (or the agent stops). */
  async enrol(signal: AbortSignal): Promise<void> {
    const { settings, control_plane, credentials, store, log, random, agent_version } = this.#deps;
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
        credential_sha256: credentials.sha256,
        credential: credentials.token,
        droplet_id: settings.droplet_id,
        boot_id: settings.boot_id,
        agent_version,
      });
      if (signal.aborted) return;
      const verdict = judgeRegister(outcome, failures, limits, random());
      if (verdict.do === "registered") {
        store.set("heartbeat_interval_s", verdict.heartbeat_interval_s);
        store.set("channel_url", verdict.channel_url);
        this.#unmarked = true;
        log("registered", { heartbeat_interval_s: verdict.heartbeat_interval_s });
        break;
      }
      log("register_failed", { reason: verdict.reason, ban: verdict.ban, again_in_ms: verdict.after_ms });
      this.#setPermission({ ...this.#permission, ban: verdict.ban });
      await sleep(verdict.after_ms, signal);
    }
    this.#setPermission({ ...this.#permission, ban: null });
    this.#mark();
  }

  #mark(): void {
    const { settings, log } = this.#deps;
    if (!this.#unmarked) return;
    try {
      markRegistered(settings.state_dir, settings.registration_token_file);
      this.#unmarked = false;
    } catch (error) {
      log("registration_not_marked", { error: describeError(error) });
    }
  }

  /** Beats over HTTP, for as long as the channel does not carry them. */
  async beats(signal: AbortSignal): Promise<void> {
    const { settings, random } = this.#deps;
    while (!signal.aborted) {
      const { up, changed } = this.#link;
      const here = AbortSignal.any([signal, changed.signal]);
      if (up) {
        await aborted(here);
        // A fleet that loses its channels at one moment does not come all at once.
        const back = AbortSignal.any([signal, this.#link.changed.signal]);
        this.beat_wake.clear();
        await this.beat_wake.wait(random() * settings.loss_beat_ms, back);
        continue;
      }
      this.beat_wake.clear();
      const next_beat_ms = await this.#beat(signal);
      // A longer wait than usual was asked for (Retry-After, revoked): then nothing of ours cuts it short.
      const gap_ms = next_beat_ms > this.interval_ms ? next_beat_ms : Math.min(settings.beat_gap_ms, next_beat_ms);
      await sleep(gap_ms, here);
      await this.beat_wake.wait(Math.max(0, next_beat_ms - gap_ms), here);
    }
  }

  /** @returns how long to the next one, in ms. */
  async #beat(signal: AbortSignal): Promise<number> {
    const { control_plane, credentials, log } = this.#deps;
    const orders_heard = this.#orders_heard;
    const body = await this.status();
    const bearer = credentials.token;
    const outcome = await control_plane.heartbeat(bearer, body);
    if (signal.aborted) return 0;
    // What the channel brought meanwhile may be newer than this answer, and what is newer than both comes there too.
    if (orders_heard !== this.#orders_heard) return this.interval_ms;
    const next_beat_ms = this.judge(outcome, bearer);
    if (outcome.is === "ok") this.#take(outcome.value, carriedBy(body));
    else log("heartbeat_failed", { ...outcome, next_beat_ms });
    return next_beat_ms;
  }

  /** What the control plane said to a beat, or by closing the channel, of `bearer`. @returns ms to the next beat. */
  judge(outcome: Outcome<HeartbeatAnswer>, bearer: string): number {
    if (this.#deps.rotation.explains(outcome, bearer)) return this.interval_ms;
    const { slow_retry_ms, revoked_confirm_ms } = this.#deps.settings;
    const limits = { interval_ms: this.interval_ms, slow_retry_ms, revoked_confirm_ms };
    const { permission, next_beat_ms } = judgeBeat(this.#permission, outcome, this.#deps.monotonic_ms(), limits);
    this.#setPermission(permission);
    return next_beat_ms;
  }

  /** Orders that came over the channel. @param carried ids of the command results in the newest status there. */
  hear(orders: HeartbeatAnswer, carried: readonly string[]): void {
    this.#orders_heard += 1;
    this.judge({ is: "ok", value: orders }, this.#deps.credentials.token);
    this.#take(orders, carried);
  }

  /** A pong: it is there, and its orders hold. */
  hearPong(): void {
    this.#noteHeard();
    this.#setPermission({ ...this.#permission, heard_ms: this.#deps.monotonic_ms() });
  }

  setLink(up: boolean): void {
    const before = this.#link;
    this.#link = { up, changed: new AbortController() };
    before.changed.abort();
  }

  async configs(signal: AbortSignal): Promise<void> {
    const { settings, control_plane, credentials, rotation, applier, log, random } = this.#deps;
    let failures = 0;
    while (!signal.aborted) {
      const etag = applier().held === null ? null : this.#etag;
      const bearer = credentials.token;
      const outcome = await control_plane.config(bearer, etag);
      if (signal.aborted) return;
      if (outcome.is === "ok") {
        this.#etag = outcome.value.etag;
        const { config } = outcome.value;
        log("config_fetched", { config_id: config.id, version: config.version });
        applier().hold(config);
      }
      if (outcome.is === "ok" || outcome.is === "unchanged") {
        failures = 0;
        const { up } = this.#link;
        await this.#config_wake.wait(up ? settings.channel.quiet_ms : settings.config_poll_ms, signal);
        continue;
      }
      log("config_fetch_failed", { ...outcome });
      const own_ms = Math.min(backoff(failures++, settings.backoff, random()), settings.config_poll_ms);
      const passes = outcome.is === "unreachable" || rotation.explains(outcome, bearer);
      const wait_ms = passes ? own_ms : settings.config_poll_ms;
      const asked_ms = outcome.is === "unreachable" ? (outcome.retry_after_ms ?? 0) : 0;
      // Orders that came meanwhile cut the wait short, unless it was asked for.
      const least_ms = Math.max(Math.min(settings.beat_gap_ms, wait_ms), Math.min(asked_ms, settings.slow_retry_ms));
      await sleep(least_ms, signal);
      await this.#config_wake.wait(Math.max(0, wait_ms - least_ms), signal);
    }
  }

  #setPermission(next: Permission): void {
    const before = this.#permission;
    this.#permission = next;
    if (next.order === before.order && next.ban === before.ban) return;
    this.#deps.log("permission", { order: next.order, ban: next.ban });
    this.#deps.applier().wake.raise();
    this.#deps.onPermission();
  }

  #noteHeard(): void {
    const { store, settings, now_ms } = this.#deps;
    store.bots.heard(settings.bot_id, now_ms());
  }

  #take(answer: HeartbeatAnswer, carried: readonly string[]): void {
    const { store, applier, commands } = this.#deps;
    this.#noteHeard();
    this.#mark();
    if (store.get("generation") !== answer.generation) store.set("generation", answer.generation);
    if (answer.desired_config_id !== applier().held?.id) this.#config_wake.raise();
    commands().take(answer.commands, carried);
  }

  /** The agent's state, as both transports carry it. */
  async status(): Promise<HeartbeatRequest> {
    const { settings, agent_version, workload, store, telemetry, reported, commands } = this.#deps;
    const { state, version, restarts, crashes, last_crash, aborted_runs, degraded, wind_down } = workload();
    const report = {
      ...{ state, version, restarts, crashes },
      ...(last_crash === null ? {} : { last_crash: last_crash.slice(0, MAX_CRASH_CHARS) }),
      ...(aborted_runs > 0 ? { aborted_runs } : {}),
      ...(degraded.length > 0 ? { degraded: [...degraded] } : {}),
      ...(wind_down ? { wind_down: { rung: wind_down.rung, ends_in_s: Math.ceil(wind_down.left_ms / 1000) } } : {}),
    };
    const command_results = commands().owed();
    return {
      agent_version,
      boot_id: settings.boot_id,
      droplet_id: settings.droplet_id,
      workload: report,
      applied_config_id: store.get("applied"),
      ...(await telemetry()),
      ...reported(),
      ...(command_results.length > 0 ? { command_results } : {}),
    };
  }
}

export function carriedBy(status: HeartbeatRequest): string[] {
  return (status.command_results ?? []).map(({ id }) => id);
}
