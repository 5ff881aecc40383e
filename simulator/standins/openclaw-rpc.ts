/**
 * The part of OpenClaw's RPC that our agent uses, as the real one answers it: suspension, sessions with runs that come back
 * after a kill, and what it says of the model provider's key. A run is one request to the model server, where its config
 * names one, and lasts as long as that does not answer.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { type WebSocket, WebSocketServer } from "ws";
import { keyVariable, providerId } from "../../src/wire/models.ts";

/** From its readiness to the work that was interrupted. */
const RESUMES_AFTER_MS = 500;
/** From a run's acceptance to its request. */
const REQUEST_AFTER_MS = 1000;
const LEASE_MS = 120_000;

interface Session {
  status: "running" | "done" | "killed" | "failed";
  message: string;
}

type Params = Readonly<Record<string, unknown>>;
type Suspension = { id: string; timer: NodeJS.Timeout };

/** What is refused, with the code that OpenClaw has for it. */
class Refusal extends Error {
  override name = "Refusal";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface RpcDeps {
  server: Server;
  token: string;
  config: unknown;
  /** Where what runs is noted; null: nowhere. */
  state_dir: string | null;
  isReady: () => boolean;
}

/** Where OpenClaw may reach its model. */
interface Provider {
  id: string;
  model: string;
  base_url: string | null;
  key: string | null;
}

export class Rpc {
  readonly #deps: RpcDeps;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #sessions: Map<string, Session>;
  readonly #runs = new Map<string, AbortController>();
  readonly #interrupted: string[];
  #suspension: Suspension | null = null;

  constructor(deps: RpcDeps) {
    this.#deps = deps;
    this.#sessions = this.#read();
    this.#interrupted = [...this.#sessions].filter(([, { status }]) => status === "running").map(([key]) => key);
    deps.server.on("upgrade", (request, stream, head) => {
      this.#sockets.handleUpgrade(request, stream, head, (socket) => this.#greet(socket));
    });
  }

  /** Nothing is let in. */
  get suspended(): boolean {
    return this.#suspension !== null;
  }

  /** To be called once it is ready. */
  resumeInterrupted(): void {
    setTimeout(() => {
      for (const key of this.#interrupted.splice(0)) {
        if (this.#sessions.get(key)?.status === "running") this.#run(key);
      }
    }, RESUMES_AFTER_MS);
  }

  #greet(socket: WebSocket): void {
    let known = false;
    send(socket, { type: "event", event: "connect.challenge", payload: { nonce: randomUUID(), ts: Date.now() } });
    socket.on("message", (data) => {
      const frame = parseObject(String(data));
      if (frame === null) return socket.close(1000);
      const answer = (outcome: object) => send(socket, { type: "res", id: frame.id, ...outcome });
      const refuse = (error: unknown) => {
        const code = error instanceof Refusal ? error.code : "INVALID_REQUEST";
        answer({ ok: false, error: { code, message: error instanceof Error ? error.message : String(error) } });
      };
      if (!known) {
        const why = this.#whyNot(frame);
        if (why === null) known = true;
        else {
          refuse(why);
          return socket.close(why.code === "UNAVAILABLE" ? 1013 : 1008, why.message);
        }
        return answer({ ok: true, payload: { type: "hello-ok", protocol: 4 } });
      }
      this.#call(String(frame.method), asObject(frame.params)).then(
        (payload) => answer({ ok: true, payload }),
        (error: unknown) => refuse(error),
      );
    });
  }

  #whyNot({ method, params }: Params): Refusal | null {
    const { auth } = asObject(params);
    if (method !== "connect") return new Refusal("INVALID_REQUEST", "the first request must be connect");
    if (!this.#deps.isReady()) return new Refusal("UNAVAILABLE", "gateway starting; retry shortly");
    if (asObject(auth).token !== this.#deps.token)
      return new Refusal("INVALID_REQUEST", "unauthorized: token mismatch");
    return null;
  }

  async #call(method: string, params: Params): Promise<unknown> {
    if (this.suspended && !method.startsWith("gateway.suspend.")) {
      throw new Refusal("UNAVAILABLE", "the gateway is suspended");
    }
    switch (method) {
      case "gateway.suspend.prepare":
        return this.#prepare(params);
      case "gateway.suspend.status":
        return { status: this.#suspension?.id === params.suspensionId ? this.#drained() : "running" };
      case "gateway.suspend.resume":
        return this.#resume();
      case "sessions.list":
        return { sessions: this.#list(params.activeOnly === true) };
      case "sessions.abort":
        return this.#abort(String(params.key));
      case "agent":
        return this.#accept(params);
      case "models.authStatus": {
        const { id, base_url, key } = this.#provider();
        const status = key === null ? "missing" : "static";
        // Without a key only what its config describes is listed.
        return { ts: Date.now(), providers: (key ?? base_url) ? [{ provider: id, status }] : [] };
      }
      case "models.probe":
        return this.#probe(String(params.provider));
      default:
        throw new Refusal("INVALID_REQUEST", `unknown method: ${method}`);
    }
  }

  #prepare({ requestId, drain }: Params): object {
    if (typeof requestId !== "string") throw new Refusal("INVALID_REQUEST", "requestId is required");
    if (this.#runs.size > 0 && drain !== true) return { status: "busy", reason: "active-work" };
    if (this.#suspension !== null) clearTimeout(this.#suspension.timer);
    const timer = setTimeout(() => this.#resume(), LEASE_MS);
    timer.unref();
    this.#suspension = { id: randomUUID(), timer };
    return { status: this.#drained(), suspensionId: this.#suspension.id };
  }

  #drained(): "ready" | "draining" {
    return this.#runs.size === 0 ? "ready" : "draining";
  }

  #resume(): object {
    if (this.#suspension !== null) clearTimeout(this.#suspension.timer);
    this.#suspension = null;
    return { ok: true, status: "running" };
  }

  #list(active_only: boolean): object[] {
    return [...this.#sessions]
      .map(([key, { status }]) => ({ key, status, hasActiveRun: this.#runs.has(key) }))
      .filter(({ hasActiveRun }) => hasActiveRun || !active_only);
  }

  /** Of what was interrupted and has not come back yet there is nothing to abort. */
  #abort(key: string): object {
    const run = this.#runs.get(key);
    if (run === undefined) return { ok: true, abortedRunId: null, status: "no-active-run" };
    run.abort();
    this.#end(key, "killed");
    return { ok: true, abortedRunId: key, status: "aborted" };
  }

  #accept({ message, sessionKey }: Params): object {
    const key = `agent:main:${String(sessionKey)}`;
    this.#sessions.set(key, { status: "running", message: String(message) });
    this.#run(key);
    return { runId: randomUUID(), status: "accepted" };
  }

  #run(key: string): void {
    const run = new AbortController();
    this.#runs.set(key, run);
    this.#write();
    const { message = "" } = this.#sessions.get(key) ?? {};
    setTimeout(() => {
      if (run.signal.aborted) return;
      this.#ask(message, run.signal).then(
        (status) => run.signal.aborted || this.#end(key, status === "ok" ? "done" : "failed"),
        () => run.signal.aborted || this.#end(key, "failed"),
      );
    }, REQUEST_AFTER_MS);
  }

  #end(key: string, status: Session["status"]): void {
    this.#runs.delete(key);
    this.#sessions.set(key, { status, message: this.#sessions.get(key)?.message ?? "" });
    this.#write();
  }

  get #path(): string | null {
    return this.#deps.state_dir === null ? null : join(this.#deps.state_dir, "stand-in-sessions.json");
  }

  #read(): Map<string, Session> {
    try {
      const text = this.#path === null ? "{}" : readFileSync(this.#path, "utf8");
      return new Map(Object.entries(JSON.parse(text) as Record<string, Session>));
    } catch {
      return new Map();
    }
  }

  #write(): void {
    if (this.#path !== null) writeFileSync(this.#path, JSON.stringify(Object.fromEntries(this.#sessions)));
  }

  async #probe(provider: string): Promise<object> {
    const { id, key } = this.#provider();
    if (provider !== id || key === null) return { provider, status: "unknown", results: [] };
    const status = await this.#ask("Reply with OK.", AbortSignal.timeout(15_000)).catch(() => "timeout");
    return { provider, status, results: [{ label: "Environment credential", status }] };
  }

  /** One request, as an OpenAI-compatible server takes it. Where the config names no server, any key will do. */
  async #ask(content: string, signal: AbortSignal): Promise<string> {
    const { base_url, key, model } = this.#provider();
    if (base_url === null) return "ok";
    const answer = await fetch(`${base_url}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content }] }),
      signal,
    });
    await answer.text();
    return answer.ok ? "ok" : (STATUS[answer.status] ?? "unknown");
  }

  /** That of the default model. */
  #provider(): Provider {
    const { agents, models } = asObject(this.#deps.config);
    const { primary } = asObject(asObject(asObject(agents).defaults).model);
    const [name = "", ...rest] = String(primary ?? "openai/gpt-6-astra").split("/");
    const id = providerId(name);
    const { baseUrl } = asObject(asObject(asObject(models).providers)[id]);
    const key = process.env[keyVariable(id)] ?? null;
    return { id, model: rest.join("/"), base_url: typeof baseUrl === "string" ? baseUrl : null, key };
  }
}

/** What OpenClaw makes of a provider's answer. */
const STATUS: Readonly<Record<number, string>> = {
  401: "auth",
  402: "billing",
  403: "auth",
  404: "format",
  429: "rate_limit",
};

function send(socket: WebSocket, frame: object): void {
  socket.send(JSON.stringify(frame));
}

function parseObject(text: string): Params | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

function asObject(value: unknown): Params {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
