/** The workload as this machine has it: is it installed, which version, on which port; and its start. */
import { accessSync, constants, existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import * as z from "zod";
import { MAX_DEGRADED } from "../../../src/wire/agent.ts";
import type { AgentConfig } from "../../../src/wire/config.ts";
import { readText } from "../base/files.ts";
import { describeError, type Log } from "../base/log.ts";
import type { Store } from "../base/store.ts";
import type { Settings } from "../settings.ts";
import { admit } from "./admission.ts";
import { keepGood } from "./config-file.ts";
import { GatewayClient } from "./gateway-client.ts";
import { holderOf, socketsOn } from "./listener.ts";
import type { LogFile } from "./log-file.ts";
import { gatewayArguments, plainEnvironment, type WorkloadPaths, workloadEnvironment } from "./openclaw.ts";
import type { Ready } from "./orders.ts";
import { OUT_OF_MEMORY } from "./out-of-memory.ts";
import type { Site, Sites, StartedWorkload } from "./site.ts";
import type { Launched, Plan } from "./supervisor.ts";
import type { Vitals } from "./watch.ts";

const PROBE_TIMEOUT_MS = 2000;
const PROBE_MAX_CHARS = 4096;
const Readiness = z.object({ failing: z.array(z.string().transform((name) => name.slice(0, 64))) });
const RPC_TIMEOUT_MS = 5000;

export interface RunnerDeps {
  settings: Settings["workload"];
  sites: Sites;
  store: Store;
  log: Log;
  log_file: LogFile;
  gateway_token: string;
  /** Where the agent keeps the `openclaw.json` of the last healthy start. */
  good_config_path: string;
  env: Readonly<Record<string, string | undefined>>;
  fetch: typeof fetch;
}

/** What runs, and what it was started with. */
interface Start {
  site: Site;
  environment: Record<string, string>;
  port: number;
}

export class Runner {
  readonly #deps: RunnerDeps;
  #version: string | null = null;
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
    const site = await this.#deps.sites.open(superseded);
    try {
      return await this.#launchAt(site, config, superseded);
    } catch (error) {
      await site.leave();
      throw error;
    }
  }

  async #launchAt(site: Site, config: AgentConfig, superseded: AbortSignal): Promise<Launched> {
    const { settings, store, good_config_path, log } = this.#deps;
    const paths = this.#paths;
    const environment = this.#environment(config, paths);
    const plain_environment = plainEnvironment(this.#dirs, this.#deps.env);
    const { command } = settings;
    const good = readText(good_config_path);
    const ready = await site.prepare({ command, config, paths, environment, plain_environment, good }, superseded);
    const port = await this.#choosePort();
    this.#version = ready.version;
    superseded.throwIfAborted();
    const started = { site, environment, port };
    const args = gatewayArguments(port);
    store.bots.setConfig(config.bot_id, config, Date.now());
    const interrupted = store.get("runs_unsettled") ?? false;
    if (!interrupted) store.set("runs_unsettled", true);
    const child = await site.start({ file: command, args, env: environment, cwd: paths.state_dir });
    this.#started = started;
    log("workload_spawned", { pid: child.pid ?? null, port, config_id: config.id, version: this.#version });
    const admission = (over: AbortSignal) =>
      admit({ config, interrupted, gateway: this.#gateway(port), store, log, now_ms: () => performance.now(), over });
    return { ...this.#launched(child, started, ready), admit: admission };
  }

  #gateway(port: number): () => Promise<GatewayClient> {
    return () => GatewayClient.connect({ port, token: this.#deps.gateway_token, timeout_ms: RPC_TIMEOUT_MS });
  }

  #launched(child: StartedWorkload, { site, port }: Start, { text, repaired, checked }: Ready) {
    const { log_file, log } = this.#deps;
    const lost = (error: unknown) => log("workload_output_lost", { error: String(error) });
    if (child.stdout !== null) log_file.follow(child.stdout, lost);
    const lastWords = child.stderr === null ? () => null : log_file.follow(child.stderr, lost);
    const probe = this.#prober(child, port);
    return {
      child,
      probe: (signal: AbortSignal) => {
        child.lacksMemory();
        return probe(signal);
      },
      lastWords: () => (child.lacksMemory() ? OUT_OF_MEMORY : lastWords()),
      repaired,
      checked,
      healthy: () => this.#keepGood(text),
      settled: () => this.#noteSettled(),
      gateway: this.#gateway(port),
      warn: (end: Parameters<Launched["warn"]>[0]) => this.#warn(site, end),
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

  #keepGood(text: string | null): void {
    const { good_config_path, log } = this.#deps;
    try {
      keepGood(good_config_path, text);
    } catch (error) {
      log("workload_config_not_kept", { error: describeError(error) });
    }
  }

  async #renew(config: AgentConfig): Promise<boolean> {
    if (this.#started === null) return false;
    const { site, environment } = this.#started;
    const paths = this.#paths;
    try {
      const next = this.#environment(config, paths);
      const why = await site.renew({ config, paths, running: environment, next });
      if (why !== null) this.#deps.log("workload_starts_anew", { why });
      return why === null;
    } catch (error) {
      this.#deps.log("workload_starts_anew", { why: describeError(error) });
      return false;
    }
  }

  #warn(site: Site, { reason, within_ms }: { reason: string | null; within_ms: number }): Promise<void> {
    const command = this.#deps.settings.wind_down_command;
    const environment = plainEnvironment(this.#dirs, this.#deps.env);
    const ends_at = new Date(Date.now() + within_ms).toISOString();
    return site.warn({ paths: this.#paths, command, environment, reason, ends_at });
  }

  /** A foreign listener may answer in the workload's place, also that it is ready: it is not asked. */
  #prober(child: StartedWorkload, port: number): (signal: AbortSignal) => Promise<Vitals> {
    let proven: string | null = null;
    let foreign = false;
    return (signal) => {
      const sockets = socketsOn(port);
      const present = sockets.map(({ inode }) => inode).join();
      if (present !== proven) {
        if (!child.owns(sockets)) {
          if (sockets.length > 0 && !foreign) this.#deps.log("port_is_foreign", { port, holder: holderOf(port) });
          foreign = sockets.length > 0;
          return Promise.resolve({ answers: false, ready: false, failing: [] });
        }
        proven = present;
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
