/** Sockets of one simulated object: they outlive its eviction, and vanish without a word when it is reset. */
import type { Socket, Sockets, SocketTag } from "../../src/cloudflare/sockets-port.ts";

export interface FakeSocket extends Socket {
  /** What the other end was sent and has not read. */
  readonly inbox: string[];
  closed: { code: number; reason: string } | null;
  pinged_at: number | null;
}

export class FakeSockets implements Sockets {
  #open: FakeSocket[] = [];

  open(tag: SocketTag): FakeSocket[] {
    return this.#open.filter((socket) => socket.tag === tag);
  }

  accept(tag: SocketTag, attachment: unknown): FakeSocket {
    let attached = structuredClone(attachment);
    const inbox: string[] = [];
    const close = (code: number, reason: string) => {
      socket.closed = { code, reason };
      this.drop(socket);
    };
    const socket: FakeSocket = {
      tag,
      inbox,
      closed: null,
      pinged_at: null,
      attachment: () => attached,
      attach: (value) => {
        attached = structuredClone(value);
      },
      send: (text) => {
        inbox.push(text);
      },
      close,
      lastPingAt: () => socket.pinged_at,
    };
    this.#open.push(socket);
    return socket;
  }

  /** The connection is no more. */
  drop(socket: FakeSocket): void {
    this.#open = this.#open.filter((open) => open !== socket);
  }

  /** The object was reset: its sockets are gone, and nobody is told. */
  reset(): void {
    this.#open = [];
  }
}
