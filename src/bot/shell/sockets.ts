/** What the Worker asks of a Bot by HTTP. */
import type { AgentCaller, Scope } from "../../records/caller.ts";
import type { BotStatus } from "../../wire/enums.ts";

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
