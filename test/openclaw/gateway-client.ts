/** OpenClaw's RPC over its WebSocket, protocol 4, as a program on the same machine speaks it: no Origin, the shared token. */
import { WebSocket } from "ws";
import { z } from "zod";

const Frame = z.object({
  type: z.string(),
  id: z.string().optional(),
  event: z.string().optional(),
  ok: z.boolean().optional(),
  payload: z.unknown().optional(),
  error: z.unknown().optional(),
});

export class GatewayClient {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, (frame: z.infer<typeof Frame>) => void>();
  #sent = 0;

  private constructor(port: number) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  }

  static async connect(port: number, token: string): Promise<GatewayClient> {
    const client = new GatewayClient(port);
    const challenged = new Promise<void>((done, fail) => {
      client.#socket.once("error", fail);
      client.#socket.on("message", (data) => {
        const frame = Frame.parse(JSON.parse(String(data)));
        if (frame.event === "connect.challenge") done();
        if (frame.type === "res" && frame.id) client.#waiting.get(frame.id)?.(frame);
      });
    });
    await challenged;
    await client.call("connect", {
      minProtocol: 4,
      maxProtocol: 4,
      client: { id: "gateway-client", version: "1", platform: "linux", mode: "backend" },
      role: "operator",
      scopes: ["operator.admin", "operator.read", "operator.write"],
      auth: { token },
    });
    return client;
  }

  /** @throws what the gateway refuses it with */
  async call(method: string, params: unknown): Promise<unknown> {
    const id = String(++this.#sent);
    const answered = new Promise<z.infer<typeof Frame>>((done) => this.#waiting.set(id, done));
    this.#socket.send(JSON.stringify({ type: "req", id, method, params }));
    const { ok, payload, error } = await answered;
    if (!ok) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return payload;
  }

  close(): void {
    this.#socket.close();
  }
}
