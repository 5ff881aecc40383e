/** The whole system as its users start it: one process that starts all others, driven over HTTP. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { signalGroup } from "../../scripts/dev/child.ts";
import { demoBot } from "../../scripts/dev/demo.ts";
import { readDevState, reapLeftovers } from "../../scripts/dev/dev-state.ts";
import { killLeftovers } from "../../simulator/machine/leftovers.ts";
import { readState } from "../../simulator/machine/state-file.ts";
import type { BotView, EventView } from "../../src/wire/bot.ts";
import type { CommandView } from "../../src/wire/command.ts";
import { PATIENCE_MS } from "../depth.ts";

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const POLL_MS = 50;
/** The documented behaviour with shorter waits, so that a test is done in seconds. */
const QUICK: Readonly<Record<string, string>> = {
  WORKLOAD_READY_WINDOW_S: "1",
  REQUESTS_PER_MINUTE: "10000",
  PROVIDER_LIMITS: JSON.stringify({ background_per_minute: 230, usual_create_ms: 2_000 }),
  POLICY: JSON.stringify({
    call_timeout_ms: 5_000,
    safety_margin_ms: 2_000,
    heartbeat_interval_s: 1,
    poll_young_ms: 500,
    confirm_gone_poll_ms: 500,
    look_window_ms: 10_000,
    restart_interval_ms: 1,
  }),
};

export interface Dev {
  base_url: string;
  admin_token: string;
  simulator_url: string;
  digitalocean_token: string;
  pid: number;
  worker_pid: number;
}

export interface SimulatedDroplet {
  id: number;
  name: string;
  status: string;
  foreign: boolean;
  machine: { state: string; boots: number; user_data_ran: boolean } | null;
}

export class System {
  readonly state_dir: string;
  protected readonly settings: Readonly<Record<string, string>>;
  #process: ChildProcess | null = null;
  #output = "";
  dev: Dev | null = null;

  readonly #options: readonly string[];

  protected constructor(
    state_dir: string,
    settings: Readonly<Record<string, string>>,
    options: readonly string[] = [],
  ) {
    this.state_dir = state_dir;
    this.#options = options;
    this.settings = { ...QUICK, ...settings };
  }

  /** @param settings instead of the short waits, or besides. @param options further ones of `npm start` */
  static async start(
    settings: Readonly<Record<string, string>> = {},
    options: readonly string[] = [],
  ): Promise<System> {
    const system = new System(await mkdtemp(join(tmpdir(), "spawnpoint-e2e-")), settings, options);
    try {
      await system.boot("0");
    } catch (error) {
      await system.remove();
      throw error;
    }
    return system;
  }

  /** Starts it, on the same state where it has run before. @param port 0: any; absent: the one used before */
  async boot(port?: string): Promise<void> {
    const settings = Object.entries(this.settings).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
    const args = [
      "scripts/start.ts",
      "--state-dir",
      this.state_dir,
      "--no-demo",
      ...this.#options,
      ...(port ? ["--port", port] : []),
      ...settings,
    ];
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (this.#output += chunk));
    await this.until("the system tells where to look", async () => {
      if (child.exitCode !== null) throw new Error(`npm start ended:\n${this.#output}`);
      return this.#output.includes("Where to look");
    });
    this.#output = "";
    await this.readDev();
  }

  async readDev(): Promise<Dev> {
    this.dev = JSON.parse(await readFile(join(this.state_dir, "dev.json"), "utf8")) as Dev;
    return this.dev;
  }

  /** What it has said since it told where to look. */
  said(): string {
    return this.#output;
  }

  /** As Ctrl-C does. @returns the exit code */
  async stop(): Promise<number | null> {
    const child = this.#process;
    if (child === null || child.exitCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
    child.kill("SIGINT");
    return ended;
  }

  /** SIGKILL to the Worker; what started it notices, and starts it again. */
  async killWorker(): Promise<void> {
    signalGroup((await this.readDev()).worker_pid, "SIGKILL");
  }

  /** SIGKILL to what started everything, and with it to the simulated cloud; the Worker is left to itself. */
  async killStarter(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop();
    // Whoever was killed could not stop what it had started.
    await reapLeftovers(this.state_dir, await readDevState(this.state_dir));
    const cloud = join(this.state_dir, "simulator");
    killLeftovers(cloud, readState(join(cloud, "simulator.json")));
    await rm(this.state_dir, { recursive: true, force: true });
  }

  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { base_url, admin_token } = this.dev ?? (await this.readDev());
    return call<T>(base_url + path, admin_token, method, body);
  }

  async cloud<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { simulator_url, digitalocean_token } = this.dev ?? (await this.readDev());
    return call<T>(simulator_url + path, digitalocean_token, method, body);
  }

  async newBot(name = "E2E", changes: Readonly<Record<string, unknown>> = {}): Promise<BotView> {
    const account = await this.api<{ id: string }>("POST", "/accounts", {
      external_id: crypto.randomUUID(),
      tier: "pro",
    });
    return this.api<BotView>("POST", "/bots", { ...demoBot(account.id, name), ...changes });
  }

  bot(id: string): Promise<BotView> {
    return this.api<BotView>("GET", `/bots/${id}`);
  }

  async events(id: string): Promise<EventView[]> {
    return (await this.api<{ data: EventView[] }>("GET", `/bots/${id}/events?limit=1000`)).data;
  }

  act(id: string, action: string): Promise<unknown> {
    return this.api("POST", `/bots/${id}/actions`, { action });
  }

  /** Has the agent do it, and waits until it is done. */
  command(id: string, request: { kind: string; lines?: number }): Promise<CommandView> {
    return this.#done(id, "commands", request);
  }

  /** As `command`: another credential for the agent. */
  rotate(id: string): Promise<CommandView> {
    return this.#done(id, "agent/credential/rotate");
  }

  async #done(id: string, asked: string, request?: unknown): Promise<CommandView> {
    let { command } = await this.api<{ command: CommandView }>("POST", `/bots/${id}/${asked}`, request);
    await this.until(`the agent has answered ${command.kind}`, async () => {
      command = await this.api<CommandView>("GET", `/bots/${id}/commands/${command.id}`);
      return command.state !== "pending";
    });
    return command;
  }

  /** Follows a bot's history over a real WebSocket. */
  async follow(id: string): Promise<{ seqs: () => number[]; close: () => void }> {
    const { base_url, admin_token } = await this.readDev();
    const socket = new WebSocket(`${base_url.replace(/^http/, "ws")}/bots/${id}/events/stream`, {
      headers: { authorization: `Bearer ${admin_token}` },
    });
    const seqs: number[] = [];
    socket.addEventListener("message", ({ data }) => seqs.push((JSON.parse(data) as EventView).seq));
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", () => reject(new Error(`the history of ${id} cannot be followed`)));
    });
    return { seqs: () => [...seqs], close: () => socket.close() };
  }

  /** Waits until the bot has this status and nothing is under way. */
  async rests(id: string, status: string): Promise<BotView> {
    let bot = await this.bot(id);
    await this.until(`bot ${id} is ${status}`, async () => {
      bot = await this.bot(id);
      const working = bot.operation?.state === "queued" || bot.operation?.state === "running";
      return bot.status === status && !working;
    });
    return bot;
  }

  /** Everything that the account holds. */
  async droplets(): Promise<SimulatedDroplet[]> {
    return (await this.cloud<{ droplets: SimulatedDroplet[] }>("GET", "/_sim/droplets")).droplets;
  }

  /** The droplets that carry this bot's name. */
  async dropletsOf(id: string): Promise<SimulatedDroplet[]> {
    return (await this.droplets()).filter(({ name }) => name.includes(id.replaceAll("-", "")));
  }

  /** Polls a condition. A call that fails while the Worker is away is simply tried again. */
  async until(what: string, holds: () => Promise<boolean>, patienceMs = PATIENCE_MS): Promise<void> {
    const deadline = Date.now() + patienceMs;
    let trouble = "";
    while (Date.now() < deadline) {
      try {
        if (await holds()) return;
        trouble = "";
      } catch (error) {
        trouble = String(error);
        if (trouble.includes("npm start ended")) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`Waited ${patienceMs / 1000} s in vain until ${what}. ${trouble}\n${this.#output}`);
  }
}

async function call<T>(url: string, token: string, method: string, body?: unknown): Promise<T> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text}`);
  return (text === "" ? undefined : JSON.parse(text)) as T;
}
