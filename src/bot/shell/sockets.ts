/** WebSockets as the Bot sees them: they survive its hibernation, and are gone without a word after a reset. */
import type { BotStatus } from "../../wire/enums.ts";
import type { Instant } from "../model/state.ts";
import type { AgentCaller, Scope } from "./answer.ts";

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
  /** When the runtime last answered a `ping` on its own; null: never since the socket was accepted. */
  lastPingAt(): Instant | null;
}

export interface Sockets {
  /** Those that are open. */
  open(tag: SocketTag): Socket[];
}

/** Carries a `Connect` as JSON; only the Worker reaches an object, so nobody else can set it. */
export const CONNECT_HEADER = "x-spawnpoint-connect";

/**
 * What the Worker asks of the object by HTTP, once the caller's token has been parsed: a socket, or to be answered when
 * something has happened. Unlike a method call it ends with its caller.
 */
export type Connect =
  | { tag: "agent"; caller: AgentCaller; droplet_id: number; boot_id: string }
  | { tag: "events"; scope: Scope; after: number }
  | { tag: "wait"; scope: Scope; status: BotStatus; timeout_ms: number };
