/** Somebody who watches a bot's history as it is written. */
import { WebSocket } from "ws";
import type { EventView } from "../../src/wire/bot.ts";

export class Follower {
  /** Of each change of the status since the stream was open: from its commit until it was here, ms. */
  readonly delays_ms: number[] = [];
  readonly #socket: WebSocket;
  readonly #opened = Promise.withResolvers<void>();
  readonly #seen = Promise.withResolvers<void>();
  #opened_at = Number.POSITIVE_INFINITY;

  /** @param until the status whose coming ends the watch */
  constructor(url: URL, operator: string, botId: string, until: string) {
    const stream = new URL(`/bots/${botId}/events/stream?after=0`, url);
    stream.protocol = "ws:";
    this.#socket = new WebSocket(stream, { headers: { authorization: `Bearer ${operator}` } });
    this.#socket.on("open", () => {
      this.#opened_at = Date.now();
      this.#opened.resolve();
    });
    this.#socket.on("message", (data) => this.#note(JSON.parse(String(data)), until));
    this.#socket.on("error", (error) => {
      this.#opened.reject(error);
      this.#seen.reject(error);
    });
    this.#socket.on("close", () => this.#seen.reject(new Error("the stream ended before the bot was there")));
    // Whoever awaits neither has failed already, of something else.
    this.#seen.promise.catch(() => undefined);
  }

  opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Resolves with all delays once the awaited status was seen; the stream is closed. */
  async end(): Promise<number[]> {
    await this.#seen.promise;
    this.#socket.terminate();
    return this.delays_ms;
  }

  #note({ at, before, after }: EventView, until: string): void {
    if (before?.status !== after?.status && Date.parse(at) >= this.#opened_at) {
      this.delays_ms.push(Date.now() - Date.parse(at));
    }
    if (after?.status === until) this.#seen.resolve();
  }
}
