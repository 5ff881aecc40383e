/** WebSockets as an object sees them: they survive its hibernation, and are gone without a word after a reset. */

/** Who is at the other end. */
export type SocketTag = "agent" | "events";

export interface Socket {
  readonly tag: SocketTag;
  /** What was attached last, as it was; at most 2 KiB of JSON. It hibernates with the socket. */
  attachment(): unknown;
  attach(value: unknown): void;
  /** Never throws: what cannot be sent is lost, as over any network. */
  send(text: string): void;
  close(code: number, reason: string): void;
  /** When the runtime last answered a `ping` on its own, ms since the epoch; null: never since the socket was accepted. */
  lastPingAt(): number | null;
}

export interface Sockets {
  /** Those that are open. */
  open(tag: SocketTag): Socket[];
}
