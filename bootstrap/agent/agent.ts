/** Wires the parts together and runs them until the signal; then the workload ends first and the state is closed last. */
import { randomBytes, randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { MAX_DEGRADED } from "../../src/wire/agent.ts";
import type { WorkloadState } from "../../src/wire/enums.ts";
import { lineRedactor, redactText } from "../../src/wire/redact.ts";
import { DiskWatch } from "./base/disk.ts";
import { makePrivateDirectory } from "./base/files.ts";
import { lockInstance } from "./base/instance-lock.ts";
import { createLog, describeError, type Log } from "./base/log.ts";
import { openStore } from "./base/open-store.ts";
import type { Store } from "./base/store.ts";
import { sleep } from "./base/timing.ts";
import { CommandExecutor } from "./commands/command-executor.ts";
import { type LocalFace, startLocal } from "./local/start.ts";
import { Channel } from "./plane/channel.ts";
import { channelAddress } from "./plane/channel-rules.ts";
import { ControlPlane } from "./plane/control-plane.ts";
import { Credentials, filesIn, loadLocalSecret } from "./plane/credential.ts";
import { CredentialRotation } from "./plane/credential-rotation.ts";
import { ReportQueue } from "./plane/report-queue.ts";
import { Session } from "./plane/session.ts";
import { readTelemetry } from "./plane/telemetry.ts";
import type { Settings } from "./settings.ts";
import { ConfigApplier } from "./workload/config-applier.ts";
import { LogFile } from "./workload/log-file.ts";
import { memoryEventsOf } from "./workload/out-of-memory.ts";
import { OwnSites } from "./workload/own-site.ts";
import { ReportWatch } from "./workload/report-file.ts";
import { Runner } from "./workload/runner.ts";
import { runtimeOf } from "./workload/runtime-state.ts";
import type { Sites } from "./workload/site.ts";
import { type Snapshot, Supervisor } from "./workload/supervisor.ts";
import { UnitSites, WORKLOAD_GROUP } from "./workload/unit-site.ts";
import { ladderBudget } from "./workload/wind-down-rules.ts";

const WORKLOAD_LOG_MAX_BYTES = 5 * 1024 * 1024;
const LOOP_AGAIN_MS = 1000;
/** Until there is one. */
const NO_FACE: LocalFace = { tell: () => {}, close: () => {} };
/** The machine may be going down, and systemd waits no longer than its unit says. */
export const CLOSE_DRAIN_MS = 60_000;

export interface AgentDeps {
  settings: Settings;
  agent_version: string;
  env: Readonly<Record<string, string | undefined>>;
  write: (line: string) => void;
  signal: AbortSignal;
}

export async function runAgent({ settings, agent_version, env, write, signal }: AgentDeps): Promise<void> {
  const now_ms = () => Date.now();
  const monotonic_ms = () => performance.now();
  const random = () => Math.random();
  const { state_dir } = settings;
  makePrivateDirectory(state_dir);
  // Before anything of the directory is read or made.
  const lock = lockInstance(join(state_dir, "agent.lock"));
  const gateway_token = loadLocalSecret(join(state_dir, "gateway.token"), randomBytes);
  const api_token = loadLocalSecret(join(state_dir, "api.token"), randomBytes);
  const credentials = await Credentials.load(filesIn(state_dir), settings.bot_id, randomBytes);
  let configSecrets: () => string[] = () => [];
  const known = () => [gateway_token, api_token, ...credentials.secrets, ...configSecrets()];
  const log = createLog(write, () => new Date(), known);
  const { bot_id, droplet_id } = settings;
  log("agent_started", { agent_version, bot_id, droplet_id });
  if (lock.unavailable !== null) log("instance_lock_unavailable", { error: describeError(lock.unavailable) });

  const store = openStore(join(state_dir, "agent.db"), log);
  const { launcher } = settings.workload;
  const disk = new DiskWatch({
    // What is written for a workload of another user is written on its side.
    directories: launcher === null ? [state_dir, settings.workload.state_dir] : [state_dir],
    store,
    log,
    onChange: () => {
      sayChange();
      applier.wake.raise();
    },
  });
  const sites = sitesOf(settings.workload, store, log);
  const runner = new Runner({
    settings: settings.workload,
    sites,
    store,
    log,
    log_file: new LogFile(settings.workload.log_file, WORKLOAD_LOG_MAX_BYTES, lineRedactor(known)),
    gateway_token,
    good_config_path: join(state_dir, "openclaw.good.json"),
    env,
    fetch,
  });
  await sites.endLeftover(signal);
  store.restoreBots(bot_id, now_ms());
  log("bots_restored", { bots: store.bots.list().map(({ id, enabled }) => ({ id, enabled })) });

  const supervisor = new Supervisor({
    now_ms: monotonic_ms,
    random,
    backoff: settings.backoff,
    ladder: settings.workload.ladder,
    short_drain_ms: { restart: settings.workload.restart_drain_ms, close: CLOSE_DRAIN_MS },
    uuid: () => randomUUID(),
    log,
    probe_every_ms: Math.min(1000, settings.workload.ready_window_ms / 5),
    hung_after_ms: settings.workload.hung_after_ms,
    start_deadline_ms: settings.workload.start_deadline_ms,
    degraded_after_ms: settings.workload.degraded_after_ms,
    healthy_after_ms: settings.workload.ready_window_ms,
    onChange: (snapshot) => noteChange(snapshot),
  });
  const control_plane = new ControlPlane({
    base_url: settings.control_plane_url,
    bot_id,
    droplet_id,
    timeout_ms: settings.request_timeout_ms,
    fetch,
    signal,
  });
  const rotation = new CredentialRotation({
    settings,
    control_plane,
    credentials,
    log,
    random,
    onRotated: () => {
      log("credential_rotated");
      session.beat_wake.raise();
      channel.again.raise();
    },
  });
  const session: Session = new Session({
    settings,
    agent_version,
    control_plane,
    credentials,
    rotation,
    store,
    applier: () => applier,
    commands: () => commands,
    workload: () => {
      const snapshot = supervisor.snapshot();
      const degraded = [disk.why ?? [], snapshot.degraded].flat().slice(0, MAX_DEGRADED);
      return { ...snapshot, degraded, version: runner.version };
    },
    telemetry: readTelemetry,
    reported: () => trading.reported,
    onPermission: () => local.tell(),
    log,
    now_ms,
    monotonic_ms,
    random,
  });
  const applier: ConfigApplier = new ConfigApplier({
    store,
    supervisor,
    plan: (config) => runner.plan(config),
    installed: () => runner.installed(),
    permission: () => session.permission,
    unwritable: () => disk.why,
    log,
    now_ms,
    monotonic_ms,
    ready_window_ms: settings.workload.ready_window_ms,
    apply_deadline_ms: settings.workload.apply_deadline_ms,
    onAck: () => reports.wake.raise(),
  });
  const commands: CommandExecutor = new CommandExecutor({
    store,
    applier,
    supervisor,
    permission: () => session.permission,
    unwritable: () => disk.why,
    setStopped,
    log,
    log_path: settings.workload.log_file,
    redact: (line) => redactText(line, known()),
    now_ms,
    monotonic_ms,
    wind_down_ms: ladderBudget(settings.workload.ladder),
    apply_deadline_ms: settings.workload.apply_deadline_ms,
    onResult: sayChange,
    rotate: (done) => rotation.begin(done),
  });
  const trading = new ReportWatch({
    root: dirname(settings.workload.report_path),
    path: settings.workload.report_path,
    ...settings.report,
    redact: (text) => redactText(text, known()),
    now_ms: monotonic_ms,
    log,
    onChange: sayChange,
  });
  const reports = new ReportQueue({
    settings,
    control_plane,
    credentials,
    rotation,
    store,
    log,
    random,
    onAckDelivered: sayChange,
  });
  const channel: Channel = new Channel({
    settings,
    credential: () => credentials.token,
    address: () => channelAddress({ ...settings, channel_url: store.get("channel_url") }),
    permitted: () => session.permission.ban === null && session.permission.revoked_since_ms === null && !rotation.busy,
    status: () => session.status(),
    owes: () => store.countOwedResults() > 0,
    onOrders: (orders, carried) => session.hear(orders, carried),
    onPong: () => session.hearPong(),
    onRefused: (outcome, bearer) => session.judge(outcome, bearer),
    onLink: (up) => {
      session.setLink(up);
      local.tell();
    },
    ping_every_ms: () => session.interval_ms,
    log,
    monotonic_ms,
    random,
  });

  configSecrets = () => applier.secrets();
  let last_state: WorkloadState = "stopped";
  let local: LocalFace = NO_FACE;

  function noteChange({ state, reason, up, degraded, wind_down }: Snapshot): void {
    const started_at = state === "starting" && last_state !== "starting" ? now_ms() : null;
    last_state = state;
    const forbidden = session.permission.order === "stop" || (store.get("stopped_here") ?? false);
    store.bots.setState(bot_id, runtimeOf({ state, reason }, forbidden), started_at);
    log("workload", { state, reason, config_id: up, ...(degraded.length > 0 ? { degraded } : {}), ...wind_down });
    sayChange();
    applier.wake.raise();
    commands.wake.raise();
  }

  /** Over whichever transport carries it. */
  function sayChange(): void {
    session.beat_wake.raise();
    channel.wake.raise();
    local.tell();
  }

  function setStopped(stopped: boolean): void {
    store.set("stopped_here", stopped);
    log(stopped ? "stopped_by_person" : "started_by_person");
    applier.wake.raise();
    local.tell();
  }

  const viewed = { store, session, supervisor, runner };
  local = await startLocal({ ...viewed, settings, token: api_token, setStopped, known, log });
  // An agent that starts anew does not say first that there is no report, or that the disk has room.
  trading.look();
  disk.look();
  await session.enrol(signal);
  const loops = {
    beats: (s: AbortSignal) => session.beats(s),
    configs: (s: AbortSignal) => session.configs(s),
    acks: (s: AbortSignal) => reports.acks(s),
    stages: (s: AbortSignal) => reports.stages(s),
    channel: (s: AbortSignal) => channel.loop(s),
    commands: (s: AbortSignal) => commands.loop(s),
    rotation: (s: AbortSignal) => rotation.loop(s),
    applier: (s: AbortSignal) => applier.loop(s),
    trading: (s: AbortSignal) => trading.loop(s),
    disk: (s: AbortSignal) => disk.loop(s),
  };
  await Promise.all(Object.entries(loops).map(([name, loop]) => forever(name, loop, signal, log)));

  await supervisor.close();
  store.set("child", null);
  local.close();
  store.close();
  lock.release();
  log("agent_stopped");
}

function sitesOf({ launcher, ladder }: Settings["workload"], store: Store, log: Log): Sites {
  if (launcher === null) return new OwnSites({ store, log, stop_ms: ladder.stop_ms, memoryEvents: memoryEventsOf });
  return new UnitSites({ launcher: launcher.socket, directory: launcher.directory, group: WORKLOAD_GROUP, log });
}

/** A loop that throws (a bug) is said and run again: one bad moment does not silence the agent. */
async function forever(
  name: string,
  loop: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await loop(signal);
    } catch (error) {
      log("loop_failed", { loop: name, error: describeError(error) });
    }
    await sleep(LOOP_AGAIN_MS, signal);
  }
}
