/** Stands in for a model provider: an OpenAI-compatible server that notes what it is asked, and answers a few words. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  authorization: string;
  /** The whole request, as text. */
  body: string;
}

export class ModelServer {
  readonly asked: Asked[] = [];
  /** Keys that are refused with 401. */
  readonly refused = new Set<string>();
  /** A model that is answered with 404, by its name here. */
  unknown_model: string | null = null;
  /** Whoever asks is told to pay first. */
  unpaid = false;
  /** A request that holds this text is never answered. */
  held: string | null = null;
  readonly #server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { authorization = "" } = request.headers;
    this.asked.push({ authorization, body });
    if (this.held !== null && body.includes(this.held)) return;
    const refuse = (status: number, error: object) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify({ error }));
    };
    if (this.refused.has(authorization.replace(/^Bearer /, ""))) {
      return refuse(401, { message: "Incorrect API key", code: "invalid_api_key" });
    }
    if (this.unknown_model !== null && body.includes(`"model":"${this.unknown_model}"`)) {
      return refuse(404, { message: "The model does not exist", code: "model_not_found" });
    }
    if (this.unpaid) return refuse(402, { message: "Insufficient credits", code: "insufficient_quota" });
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const choice of [
      { index: 0, delta: { role: "assistant", content: "Understood." }, finish_reason: null },
      { index: 0, delta: {}, finish_reason: "stop" },
    ]) {
      const chunk = { id: "1", object: "chat.completion.chunk", created: 1, model: "stand-in", choices: [choice] };
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    }
    response.end("data: [DONE]\n\n");
  });

  /** @param port 0 takes a free one */
  async start(port = 0): Promise<this> {
    await new Promise<void>((done, fail) => this.#server.once("error", fail).listen(port, "127.0.0.1", done));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
