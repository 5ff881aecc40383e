/** Readers of the bots' histories, one a bot: whatever dies, each event comes to them once and in its order. */
import { admitReader, catchUp } from "../../src/bot/stream.ts";
import type { FakeSocket } from "./fake-sockets.ts";
import type { Host } from "./host.ts";

interface Follower {
  /** The number of the last event that came. */
  last: number;
  socket: FakeSocket | null;
}

export class Followers {
  readonly #followers = new Map<string, Follower>();
  /** What came twice, too early or not at all. */
  readonly violations: string[] = [];

  /** Reads what has come; comes back where the connection was lost, and asks for what it has not had. */
  attend(id: string, host: Host): void {
    const follower = this.#followers.get(id) ?? { last: 0, socket: null };
    this.#followers.set(id, follower);
    if (follower.socket !== null) this.#read(id, follower, follower.socket);
    if (follower.socket !== null && host.sockets.open("events").includes(follower.socket)) return;
    const { shell } = host;
    // Its very first commit is not over yet.
    if (shell.live() === null) return;
    const reader = admitReader(shell, { tag: "events", scope: { every_account: true }, after: follower.last });
    if (!reader.ok) {
      this.violations.push(`the history of ${id} cannot be followed: ${reader.code}`);
      return;
    }
    // What was pruned meanwhile is lost to it.
    follower.last = Math.max(follower.last, (shell.store.history.firstSeq() ?? 1) - 1);
    follower.socket = host.sockets.accept("events", reader.value);
    catchUp(shell, follower.socket);
    this.#read(id, follower, follower.socket);
  }

  /** The number of the last event that the bot's reader has. */
  last(id: string, host: Host): number {
    this.attend(id, host);
    return this.#followers.get(id)?.last ?? 0;
  }

  #read(id: string, follower: Follower, socket: FakeSocket): void {
    for (const text of socket.inbox.splice(0)) {
      const { seq } = JSON.parse(text) as { seq: number };
      if (seq !== follower.last + 1) this.violations.push(`a reader of ${id} got event ${seq} after ${follower.last}`);
      follower.last = seq;
    }
  }
}
