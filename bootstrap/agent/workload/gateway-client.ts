/**
 * OpenClaw's RPC over its WebSocket, protocol 4, as a program on the same machine speaks it: no Origin, the shared token.
 * The other side is a workload, so what it sends is bounded and checked, and each answer has its time.
 */
import * as z from "zod";

const PROTOCOL = 4;
/** The largest answer that is asked for is a list of sessions. */
const FRAME_MAX_CHARS = 4 * 1024 * 1024;
const REASON_MAX_CHARS = 200;

const Frame = z.object({
  type: z.string(),
  id: z.string().optional(),
  event: z.string().optional(),
  ok: z.boolean().optional(),
  /** Absent from a refusal. */
  payload: z.unknown().optional(),
  error: z.object({ code: z.string().optional(), message: z.string().optional() }).optional(),
});
type Frame = z.infer<typeof Frame>;

export interface GatewayAddress {
  port: number;
  token: string;
  /** For the connection, and for each answer, ms. */
  timeout_ms: number;
}

/** Refused, unanswered or unintelligible; its message holds no token. */
export class GatewayError extends Error {
  override name = "GatewayError";
  /** It may be answered later: the gateway starts, drains, or is slow. */
  readonly not_now: boolean;

  constructor(message: string, not_now: boolean) {
    super(message);
    this.not_now = not_now;
  }
}

/** What a gateway says that cannot answer yet, and closes with. */
const NOT_NOW = "UNAVAILABLE";
const CLOSED_NOT_NOW = 1013;

/** What the ladder and the model check ask with. */
export interface Gateway {
  /** @throws GatewayError */
  call(method: string, params: unknown, timeout_ms?: number): Promise<unknown>;
  close(): void;
}

export class GatewayClient implements Gateway {
  readonly #socket: WebSocket;
  readonly #timeout_ms: number;
  readonly #waiting = new Map<string, PromiseWithResolvers<unknown>>();
  readonly #challenged = Promise.withResolvers<unknown>();
  #over: GatewayError | null = null;
  #sent = 0;

  private constructor({ port, timeout_ms }: GatewayAddress) {
    this.#timeout_ms = timeout_ms;
    // Nobody may be waiting for it when the socket ends.
    this.#challenged.promise.catch(() => {});
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    this.#socket.addEventListener("message", ({ data }) => this.#hear(data));
    // An error is followed by the close, which says as much.
    this.#socket.addEventListener("error", () => {});
    this.#socket.addEventListener("close", ({ code, reason }) =>
      this.#end(`closed with ${code} ${reason}`, code === CLOSED_NOT_NOW),
    );
  }

  /** @throws GatewayError where nobody answers, or the token is refused */
  static async connect(address: GatewayAddress): Promise<GatewayClient> {
    const client = new GatewayClient(address);
    try {
      await client.#within(client.#challenged.promise, "connect", address.timeout_ms);
      await client.call("connect", {
        minProtocol: PROTOCOL,
        maxProtocol: PROTOCOL,
        client: { id: "gateway-client", version: "1", platform: "linux", mode: "backend" },
        role: "operator",
        scopes: ["operator.admin", "operator.read", "operator.write"],
        auth: { token: address.token },
      });
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  call(method: string, params: unknown, timeout_ms = this.#timeout_ms): Promise<unknown> {
    if (this.#over !== null) return Promise.reject(this.#over);
    const id = String(++this.#sent);
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    this.#socket.send(JSON.stringify({ type: "req", id, method, params }));
    return this.#within(answer.promise, method, timeout_ms).finally(() => this.#waiting.delete(id));
  }

  close(): void {
    this.#end("closed by us");
    this.#socket.close();
  }

  #hear(data: unknown): void {
    const frame = readFrame(data);
    if (frame === null) {
      this.#end("a frame that does not fit");
      this.#socket.close();
      return;
    }
    if (frame.event === "connect.challenge") this.#challenged.resolve(null);
    if (frame.type !== "res" || frame.id === undefined) return;
    const waiting = this.#waiting.get(frame.id);
    if (frame.ok === true) waiting?.resolve(frame.payload);
    else waiting?.reject(new GatewayError(refusalOf(frame), frame.error?.code === NOT_NOW));
  }

  #end(reason: string, not_now = false): void {
    this.#over ??= new GatewayError(reason.trim().slice(0, REASON_MAX_CHARS), not_now);
    this.#challenged.reject(this.#over);
    for (const { reject } of this.#waiting.values()) reject(this.#over);
  }

  async #within<T>(answer: Promise<T>, what: string, timeout_ms: number): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new GatewayError(`${what}: no answer in time`, true)), timeout_ms);
    try {
      return await Promise.race([answer, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Null where it is none of the protocol's. */
function readFrame(data: unknown): Frame | null {
  if (typeof data !== "string" || data.length > FRAME_MAX_CHARS) return null;
  try {
    return Frame.safeParse(JSON.parse(data)).data ?? null;
  } catch {
    return null;
  }
}

function refusalOf({ error }: Frame): string {
  return `${error?.code ?? "refused"}: ${error?.message ?? "no reason given"}`.slice(0, REASON_MAX_CHARS);
}
