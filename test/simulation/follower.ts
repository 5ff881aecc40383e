/** A reader of one bot's history: whatever dies, each event comes to it once and in its order. */
import { admitReader, catchUp } from "../../src/bot/calls/stream.ts";
import type { FakeSocket } from "./fake-sockets.ts";
import type { Host } from "./host.ts";

export class Follower {
  /** Of the first bot that there is. */
  #id: string | null = null;
  #socket: FakeSocket | null = null;
  /** The number of the last event that came. */
  #last = 0;
  /** What came twice, too early or not at all. */
  readonly violations: string[] = [];

  /** Reads what has come; comes back where the connection was lost, and asks for what it has not had. */
  attend(id: string, host: Host): void {
    this.#id ??= id;
    if (this.#id !== id) return;
    if (this.#socket !== null) this.#read(this.#socket);
    if (this.#socket !== null && host.sockets.open("events").includes(this.#socket)) return;
    const { shell } = host;
    // Its very first commit is not over yet.
    if (shell.live() === null) return;
    const reader = admitReader(shell, { tag: "events", scope: { every_account: true }, after: this.#last });
    if (!reader.ok) {
      this.violations.push(`the history of ${id} cannot be followed: ${reader.code}`);
      return;
    }
    // What was pruned meanwhile is lost to it.
    this.#last = Math.max(this.#last, (shell.store.history.firstSeq() ?? 1) - 1);
    this.#socket = host.sockets.accept("events", reader.value);
    catchUp(shell, this.#socket);
    this.#read(this.#socket);
  }

  /** What it has not had of the bot, though it should; null: nothing. */
  missing(id: string, host: Host, newest: number): string | null {
    this.attend(id, host);
    return this.#id !== id || this.#last === newest ? null : `the reader of ${id} has event ${this.#last} of ${newest}`;
  }

  #read({ inbox }: FakeSocket): void {
    for (const text of inbox.splice(0)) {
      const { seq } = JSON.parse(text) as { seq: number };
      if (seq !== this.#last + 1) this.violations.push(`a reader of ${this.#id} got event ${seq} after ${this.#last}`);
      this.#last = seq;
    }
  }
}
