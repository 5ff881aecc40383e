/**
 * The simulator's HTTP face: DigitalOcean's API under `/v2`, the control endpoints under `/_sim`, and what a droplet
 * reaches from inside under `/_machine/<droplet id>` (its metadata service and its init). Loopback only.
 */
import { timingSafeEqual } from "node:crypto";
import { mkdirSync, realpathSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { serveControl } from "./machine/control.ts";
import { HttpError, readBody, sendJson, sendResponse, sendText } from "./machine/http.ts";
import { claimDirectory, killLeftovers } from "./machine/leftovers.ts";
import { Machines } from "./machine/machines.ts";
import { metadata } from "./machine/metadata.ts";
import { hostBootId } from "./machine/process-table.ts";
import { readState, StateFile } from "./machine/state-file.ts";
import type { Knobs } from "./model/knobs.ts";
import { Simulator, type SimulatorOptions } from "./model/simulator.ts";

export interface SimulatorServerOptions {
  /** 0 takes a free one. */
  port: number;
  /** Default 127.0.0.1; must be a loopback address, since the machines' inits answer here. */
  host?: string;
  /** Where the cloud and the machines' disks are kept. Another simulator cannot use it at the same time. */
  state_dir: string;
  /** The bearer token of the API and of the control endpoints. */
  token: string;
  knobs?: Partial<Knobs>;
  droplet_limit?: number;
  /** Whether droplets are real processes. */
  machines: boolean;
  /** The file that droplets run as OpenClaw; without it a stand-in, or what `SPAWNPOINT_SIM_OPENCLAW` says. */
  openclaw?: string;
  log: (line: string) => void;
}

export interface RunningSimulator {
  url: string;
  token: string;
  simulator: Simulator;
  /** Cuts every machine's power, saves, and stops listening. */
  close(): Promise<void>;
}

const TICK_MS = 100;
const SAVE_MS = 1_000;
const MACHINE_PATH = /^\/_machine\/(\d{1,15})(\/.*)$/;

/** Starts the simulator; what an earlier one left in `state_dir` comes back. */
export async function startSimulator(options: SimulatorServerOptions): Promise<RunningSimulator> {
  mkdirSync(options.state_dir, { recursive: true });
  // Processes are recognised by paths below it, so it has to have one name only.
  const state_dir = realpathSync(options.state_dir);
  const release = claimDirectory(state_dir);
  const server = createServer();
  try {
    const url = await listen(server, options.host ?? "127.0.0.1", options.port);
    return run(options, state_dir, server, url, release);
  } catch (error) {
    server.close();
    release();
    throw error;
  }
}

function run(options: SimulatorServerOptions, state_dir: string, server: Server, url: string, release: () => void) {
  const { log } = options;
  const state_path = join(state_dir, "simulator.json");
  const saved = readState(state_path);
  const killed = killLeftovers(state_dir, saved);
  if (killed.length > 0) log(`killed ${killed.length} processes that an earlier run had left behind`);

  const simulator = restore(options, url, saved?.cloud);
  const machines = options.machines
    ? new Machines({
        state_dir,
        url,
        records: saved?.machines ?? [],
        openclaw: options.openclaw ?? process.env.SPAWNPOINT_SIM_OPENCLAW ?? "",
        onHalted: (id) => {
          if (simulator.droplet(id)?.powered) simulator.powerOffByHand(id);
        },
        onChange: () => persist(),
        log,
      })
    : null;
  const file = new StateFile(state_path, () => ({
    version: 1,
    cloud: simulator.snapshot(),
    machines: machines?.records() ?? [],
    host_boot_id: hostBootId(),
    processes: machines?.processes() ?? [],
  }));
  const persist = () => {
    file.save().catch((error: unknown) => log(`the state could not be saved: ${String(error)}`));
  };
  simulator.onTransition((transition) => {
    log(`${transition.droplet.name} (${transition.droplet.id}): ${transition.kind}`);
    machines?.follow(transition);
    persist();
  });
  machines?.restore(simulator.droplets());

  const context: Context = { options, simulator, machines, file, persist, host: new URL(url).host };
  server.on("request", (request, response) => void serve(context, request, response));
  const timers = [setInterval(() => simulator.advance(), TICK_MS), setInterval(() => persist(), SAVE_MS)];
  let closing: Promise<void> | null = null;
  const close = async () => {
    for (const timer of timers) clearInterval(timer);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await machines?.close();
    await file.save();
    await file.settle();
    release();
  };
  return {
    url,
    token: options.token,
    simulator,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function restore(options: SimulatorServerOptions, url: string, state: ReturnType<Simulator["snapshot"]> | undefined) {
  const settings: SimulatorOptions = {
    now: Date.now,
    random: Math.random,
    token: options.token,
    base_url: url,
    hang_until_abort: true,
    ...(options.knobs === undefined ? {} : { knobs: options.knobs }),
    ...(options.droplet_limit === undefined ? {} : { droplet_limit: options.droplet_limit }),
  };
  return state === undefined ? new Simulator(settings) : Simulator.restore(state, settings);
}

interface Context {
  options: SimulatorServerOptions;
  simulator: Simulator;
  machines: Machines | null;
  file: StateFile;
  persist: () => void;
  host: string;
}

async function serve(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    refuseStrangers(context, request);
    const url = new URL(request.url ?? "/", `http://${context.host}`);
    const machine = MACHINE_PATH.exec(url.pathname);
    if (machine !== null) return await serveMachine(context, Number(machine[1]), machine[2] ?? "", request, response);
    if (!url.pathname.startsWith("/_sim/")) return await serveApi(context, url, request, response);
    if (!isToken(request.headers.authorization, context.options.token)) throw new HttpError(401, "unknown token");
    if (request.method !== "GET") response.once("finish", context.persist);
    await serveControl(context, url.pathname, request, response);
  } catch (error) {
    if (!(error instanceof HttpError)) context.options.log(`request failed: ${String(error)}`);
    if (response.headersSent) return void response.destroy();
    if (error instanceof HttpError) return sendJson(response, error.status, { error: error.message });
    sendJson(response, 500, { error: "the simulator failed, see its log" });
  }
}

/** DigitalOcean itself. A simulated broken connection breaks this one. */
async function serveApi(context: Context, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const method = request.method ?? "GET";
  const body = await readBody(request);
  let answer: Response;
  try {
    answer = await context.simulator.fetch(url, {
      method,
      headers: { authorization: request.headers.authorization ?? "" },
      signal: gone.signal,
      ...(body === "" ? {} : { body }),
    });
  } catch {
    request.socket.destroy();
    return;
  } finally {
    // What has been answered must survive; a write that the caller never hears of as well.
    if (method !== "GET") await context.file.save();
  }
  await sendResponse(response, answer);
}

async function serveMachine(
  { simulator, machines }: Context,
  id: number,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const init = /^\/init\/([0-9a-f]+)$/.exec(path);
  if (init !== null) {
    const machine = machines?.isKey(id, init[1] ?? "") ? machines.get(id) : undefined;
    if (machine === undefined || request.method !== "POST") throw new HttpError(404, "no such machine");
    const words = (await readBody(request)).split("\0").slice(0, -1);
    const { code, text } = await machine.systemctl(words);
    return sendText(response, 200, `${code}\n${text}`);
  }
  const droplet = simulator.droplet(id);
  const asked = /^\/metadata\/v1(.*)$/.exec(path)?.[1];
  const answer = droplet === undefined || asked === undefined ? null : metadata(droplet, asked);
  if (answer === null) return sendText(response, 404, "not found\n");
  sendText(response, 200, answer);
}

/** Other hosts, and web pages that a browser on this host was led to (their host name gives them away). */
function refuseStrangers({ host }: Context, request: IncomingMessage): void {
  const port = host.slice(host.lastIndexOf(":"));
  if (request.headers.host !== host && request.headers.host !== `localhost${port}`) {
    throw new HttpError(421, "this simulator answers by its own address only");
  }
}

function isToken(authorization: string | undefined, token: string): boolean {
  const given = Buffer.from(authorization ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function listen(server: Server, host: string, port: number): Promise<string> {
  if (!/^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(host)) throw new Error(`${host} is not a loopback address`);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : port;
      resolve(`http://${host === "::1" ? "[::1]" : host}:${bound}`);
    });
  });
}
