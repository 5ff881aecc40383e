/** The workload as this machine has it: is it installed, which version, on which port; and its start. */
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import * as z from "zod";
import { MAX_DEGRADED } from "../../../src/wire/agent.ts";
import type { AgentConfig } from "../../../src/wire/config.ts";
import { makePrivateDirectory } from "../base/files.ts";
import { ForeignFileError, makeForeignDirectory, readForeign, setAside, writeForeign } from "../base/foreign-files.ts";
import { describeError, type Log } from "../base/log.ts";
import type { Store } from "../base/store.ts";
import type { Settings } from "../settings.ts";
import { admit } from "./admission.ts";
import { checkConfig } from "./config-check.ts";
import { keepGood, type Prepared, prepareConfigFile } from "./config-file.ts";
import { GatewayClient } from "./gateway-client.ts";
import { endLeft, type Launch, launch } from "./launcher.ts";
import { areOwnedBy, holderOf, socketsOn } from "./listener.ts";
import type { LogFile } from "./log-file.ts";
import {
  gatewayArguments,
  openclawConfig,
  plainEnvironment,
  rulesFile,
  type WorkloadPaths,
  workloadEnvironment,
} from "./openclaw.ts";
import { startTicks } from "./process-tree.ts";
import { whyStartAnew } from "./renewal.ts";
import type { Launched, Plan } from "./supervisor.ts";
import { SKILL_NAME, tradingSkill, withTradingRules } from "./trading-rules.ts";
import type { Vitals } from "./watch.ts";

const PROBE_TIMEOUT_MS = 2000;
const PROBE_MAX_CHARS = 4096;
const Readiness = z.object({ failing: z.array(z.string().transform((name) => name.slice(0, 64))) });
const VERSION_TIMEOUT_MS = 20_000;
const RPC_TIMEOUT_MS = 5000;
/** Of the command that is run before the workload is stopped. */
const WARN_TIMEOUT_MS = 10_000;
/** Below the workload's state directory while it is being stopped. */
const WIND_DOWN_FILE = "wind-down.json";
/** Of a file that the workload, a person or a tool may have written. */
const OWN_FILE_MAX_BYTES = 1024 * 1024;

export interface RunnerDeps {
  settings: Settings["workload"];
  store: Store;
  log: Log;
  log_file: LogFile;
  gateway_token: string;
  /** Where the agent keeps the `openclaw.json` of the last healthy start. */
  good_config_path: string;
  env: Readonly<Record<string, string | undefined>>;
  fetch: typeof fetch;
}

interface Start {
  environment: Record<string, string>;
  port: number;
}

type Spawned = Omit<Launched, "repaired" | "checked" | "healthy">;

export class Runner {
  readonly #deps: RunnerDeps;
  #version: string | null = null;
  /** What the child was started with. */
  #started: Start | null = null;

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
  }

  get #dirs() {
    const { state_dir } = this.#deps.settings;
    return { state_dir, tmp_dir: join(state_dir, "tmp") };
  }

  get version(): string | null {
    return this.#version;
  }

  installed(): boolean {
    const { installed_file, command } = this.#deps.settings;
    if (installed_file !== null && !existsSync(installed_file)) return false;
    const folders = command.includes("/") ? [""] : (this.#deps.env.PATH ?? "").split(":");
    return folders.some((folder) => isExecutable(folder === "" ? command : join(folder, command)));
  }

  plan(config: AgentConfig): Plan {
    const launch = (superseded: AbortSignal) => this.#launch(config, superseded);
    return { config_id: config.id, launch, renew: () => this.#renew(config) };
  }

  get #paths(): WorkloadPaths {
    const { settings } = this.#deps;
    const workspace = settings.workspace_dir;
    return {
      ...this.#dirs,
      config_path: settings.config_path,
      rules_path: join(settings.state_dir, "spawnpoint.json"),
      report_path: settings.report_path,
      workspace_dir: workspace !== null && existsSync(workspace) ? workspace : null,
    };
  }

  #environment(config: AgentConfig, paths: WorkloadPaths): Record<string, string> {
    return workloadEnvironment(config, paths, this.#deps.gateway_token, this.#deps.env);
  }

  async #launch(config: AgentConfig, superseded: AbortSignal): Promise<Launched> {
    const { log } = this.#deps;
    const paths = this.#paths;
    const environment = this.#environment(config, paths);
    makePrivateDirectory(paths.state_dir);
    makeForeignDirectory(paths.state_dir, paths.tmp_dir);
    makePrivateDirectory(dirname(paths.config_path));
    rmSync(join(paths.state_dir, WIND_DOWN_FILE), { force: true, recursive: true });
    this.#write(paths.state_dir, paths.rules_path, rulesFile(config, paths.report_path));
    try {
      this.#writeTradingRules(config, paths);
    } catch (error) {
      // The rules are in `rules_path` as well, and a bot that never starts helps nobody.
      log("workload_rules_not_written", { error: describeError(error) });
    }
    const { text, repaired, checked } = await this.#prepareConfigFile(config, environment, superseded);
    const port = await this.#choosePort();
    this.#version = await this.#readVersion();
    superseded.throwIfAborted();
    this.#started = { environment, port };
    const spawned = this.#spawn(config, this.#started, paths.state_dir);
    return { ...spawned, repaired, checked, healthy: () => this.#keepGood(text) };
  }

  #prepareConfigFile(config: AgentConfig, environment: Record<string, string>, signal: AbortSignal): Promise<Prepared> {
    const { settings, good_config_path, log } = this.#deps;
    const path = settings.config_path;
    return prepareConfigFile({
      path,
      good_path: good_config_path,
      read: () => this.#read(dirname(path), path),
      render: (present) => openclawConfig(present, config),
      check: (candidate) => checkConfig(settings.command, { ...environment, OPENCLAW_CONFIG_PATH: candidate }, signal),
      log,
    });
  }

  #keepGood(text: string | null): void {
    const { good_config_path, log } = this.#deps;
    try {
      keepGood(good_config_path, text);
    } catch (error) {
      log("workload_config_not_kept", { error: describeError(error) });
    }
  }

  /** The rules alone are read anew at each turn; whatever else differs takes a start. */
  #renew(config: AgentConfig): boolean {
    const { settings, log } = this.#deps;
    const paths = this.#paths;
    const path = settings.config_path;
    try {
      const present = this.#read(dirname(path), path);
      const next = { environment: this.#environment(config, paths), file: openclawConfig(present, config) };
      const running = { environment: this.#started?.environment ?? null, file: present };
      const why = whyStartAnew(running, next);
      if (why !== null) {
        log("workload_starts_anew", { why });
        return false;
      }
      this.#write(paths.state_dir, paths.rules_path, rulesFile(config, paths.report_path));
      this.#writeTradingRules(config, paths);
      return true;
    } catch (error) {
      log("workload_starts_anew", { why: describeError(error) });
      return false;
    }
  }

  #spawn(config: AgentConfig, { environment, port }: Start, cwd: string): Spawned {
    const { settings, store, log_file, log } = this.#deps;
    const interrupted = store.get("runs_unsettled") ?? false;
    if (!interrupted) store.set("runs_unsettled", true);
    const child = launch({ file: settings.command, args: gatewayArguments(port), env: environment, cwd }, (pids) =>
      log("workload_left_behind", { pids: pids.slice(0, 20) }),
    );
    const lost = (error: unknown) => log("workload_output_lost", { error: String(error) });
    if (child.stdout !== null) log_file.follow(child.stdout, lost);
    const lastWords = child.stderr === null ? () => null : log_file.follow(child.stderr, lost);
    const ticks = child.pid === undefined ? null : startTicks(child.pid);
    if (child.pid !== undefined && ticks !== null) {
      store.set("child", { pid: child.pid, start_ticks: ticks, mark: child.mark });
    }
    log("workload_spawned", { pid: child.pid ?? null, port, config_id: config.id, version: this.#version });
    const gateway = () => GatewayClient.connect({ port, token: this.#deps.gateway_token, timeout_ms: RPC_TIMEOUT_MS });
    return {
      child,
      probe: this.#prober(child, port),
      lastWords,
      admit: (over) => admit({ config, interrupted, gateway, store, log, now_ms: () => performance.now(), over }),
      settled: () => this.#noteSettled(),
      gateway,
      warn: (end) => this.#warn(end),
    };
  }

  #noteSettled(): void {
    try {
      this.#deps.store.set("runs_unsettled", null);
    } catch (error) {
      // The next start then looks for what is not there.
      this.#deps.log("end_not_noted", { error: describeError(error) });
    }
  }

  /** For whatever trades: a file, which is gone at the next start, and a command where one is set. */
  async #warn({ reason, within_ms }: { reason: string | null; within_ms: number }): Promise<void> {
    const { settings, env, log } = this.#deps;
    const { state_dir, wind_down_command } = settings;
    const ends_at = new Date(Date.now() + within_ms).toISOString();
    try {
      this.#write(state_dir, join(state_dir, WIND_DOWN_FILE), `${JSON.stringify({ reason, ends_at })}\n`);
    } catch (error) {
      // A full disk keeps nobody from stopping it.
      log("wind_down_file_not_written", { error: describeError(error) });
    }
    if (wind_down_command === null) return;
    const options = {
      timeout: WARN_TIMEOUT_MS,
      env: { ...plainEnvironment(this.#dirs, env), WIND_DOWN_ENDS_AT: ends_at },
    };
    await new Promise<void>((done, fail) => {
      execFile(wind_down_command, [], options, (error) => (error === null ? done() : fail(error)));
    });
  }

  /** For the model to read, wherever OpenClaw looks first. */
  #writeTradingRules(config: AgentConfig, { workspace_dir, state_dir }: WorkloadPaths): void {
    const workspace = workspace_dir ?? join(state_dir, "workspace");
    makeForeignDirectory(dirname(workspace), workspace);
    const agents = join(workspace, "AGENTS.md");
    this.#write(workspace, agents, withTradingRules(this.#read(workspace, agents), config));
    const skill = join(workspace, "skills", SKILL_NAME);
    makeForeignDirectory(workspace, skill);
    this.#write(workspace, join(skill, "SKILL.md"), tradingSkill(config));
  }

  /** What stands in the way of the file is moved aside, once. */
  #write(root: string, path: string, text: string): void {
    try {
      writeForeign(root, path, text);
    } catch (error) {
      if (!existsSync(path)) throw error;
      this.#setAside(path, error);
      writeForeign(root, path, text);
    }
  }

  /** What the workload may have put there is moved out of the way where it is no ordinary file. */
  #read(root: string, path: string): string | null {
    try {
      return readForeign(root, path, OWN_FILE_MAX_BYTES);
    } catch (error) {
      this.#setAside(path, error);
      return null;
    }
  }

  /** @throws the error where it is not about the file itself */
  #setAside(path: string, error: unknown): void {
    if (!(error instanceof ForeignFileError)) throw error;
    this.#deps.log("workload_file_set_aside", { reason: error.message, to: setAside(path) });
  }

  /** What outlived its agent (killed without a word) is ended, all of it, before another workload may start. */
  async endLeftover(signal: AbortSignal): Promise<void> {
    const { store, settings, log } = this.#deps;
    const child = store.get("child");
    if (child !== null) {
      const alive = startTicks(child.pid) === child.start_ticks;
      if (alive) log("workload_leftover_ended", { pid: child.pid });
      const root = { mark: child.mark ?? "", pid: alive ? child.pid : null };
      await endLeft(root, settings.ladder.stop_ms, () => signal.aborted);
    }
    store.set("child", null);
  }

  /** A foreign listener may answer in the workload's place, also that it is ready: it is not asked. */
  #prober(child: Launch, port: number): (signal: AbortSignal) => Promise<Vitals> {
    let proven: string | null = null;
    let foreign = false;
    return (signal) => {
      const sockets = socketsOn(port);
      if (sockets.join() !== proven) {
        if (!areOwnedBy(sockets, child.members())) {
          if (sockets.length > 0 && !foreign) this.#deps.log("port_is_foreign", { port, holder: holderOf(port) });
          foreign = sockets.length > 0;
          return Promise.resolve({ answers: false, ready: false, failing: [] });
        }
        proven = sockets.join();
      }
      return this.#probe(port, signal);
    };
  }

  async #probe(port: number, signal: AbortSignal): Promise<Vitals> {
    const readiness = await this.#ask(port, "/readyz", signal);
    if (readiness !== null) {
      return { answers: true, ready: readiness.status === 200, failing: failingOf(readiness.text) };
    }
    // What takes long to say whether it is ready may well be alive.
    const life = await this.#ask(port, "/healthz", signal);
    return { answers: life?.status === 200, ready: false, failing: [] };
  }

  async #ask(port: number, path: string, signal: AbortSignal): Promise<{ status: number; text: string } | null> {
    try {
      const answer = await this.#deps.fetch(`http://127.0.0.1:${port}${path}`, {
        redirect: "error",
        signal: AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]),
      });
      return { status: answer.status, text: await beginningOf(answer) };
    } catch {
      return null;
    }
  }

  async #choosePort(): Promise<number> {
    const { settings, store } = this.#deps;
    if (settings.port !== 0) {
      // OpenClaw would take 20 s to say so, and not by whom.
      if ((await bindable(settings.port)) === null) {
        throw new Error(`port ${settings.port} is taken by ${holderOf(settings.port)}`);
      }
      return settings.port;
    }
    const kept = store.get("workload_port");
    const port = (kept === null ? null : await bindable(kept)) ?? (await bindable(0));
    if (port === null) throw new Error("no free loopback port");
    store.set("workload_port", port);
    return port;
  }

  #readVersion(): Promise<string | null> {
    const { settings, env } = this.#deps;
    return new Promise((resolve) => {
      execFile(
        settings.command,
        ["--version"],
        { timeout: VERSION_TIMEOUT_MS, env: plainEnvironment(this.#dirs, env) },
        (error, stdout) =>
          resolve(error === null ? (/\d+\.\d+\.\d+[\w.+-]*/.exec(stdout)?.[0]?.slice(0, 64) ?? null) : null),
      );
    });
  }
}

/** The body as far as anybody asks for it; the rest is not read. */
async function beginningOf(answer: Response): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length >= PROBE_MAX_CHARS) break;
  }
  return text.slice(0, PROBE_MAX_CHARS);
}

/** The names in `failing` of OpenClaw's answer; none where there are none to be read. */
function failingOf(text: string): string[] {
  try {
    return Readiness.parse(JSON.parse(text)).failing.slice(0, MAX_DEGRADED);
  } catch {
    return [];
  }
}

/** @param port 0 for any. @returns the port, if it can be listened on. */
function bindable(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === "object" ? address.port : null));
    });
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
