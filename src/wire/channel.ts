/**
 * The channel between an agent and its Bot: one WebSocket, JSON frames, and the literal `ping`/`pong` that the runtime
 * answers by itself. It carries what a heartbeat carries, so that an agent whose network breaks WebSockets loses only
 * speed. Configs and acknowledgements go over HTTP in either case.
 */
import * as z from "zod";
import { HeartbeatAnswer, HeartbeatRequest } from "./agent.ts";

export const PING = "ping";
export const PONG = "pong";
/** The largest frame is a status with as many command results as one may carry. */
export const MAX_FRAME_BYTES = 512 * 1024;

/** What an agent says: its state, first thing after it has connected, then on every change and every few minutes. */
export const AgentFrame = HeartbeatRequest.extend({ type: z.literal("status") }).meta({
  id: "AgentFrame",
  description: "A message from the agent over GET /bot/{id}/channel",
});
export type AgentFrame = z.infer<typeof AgentFrame>;

/** What a Bot says: what is wanted, in answer to each status and whenever it changes. */
export const BotFrame = HeartbeatAnswer.extend({ type: z.literal("orders") }).meta({
  id: "BotFrame",
  description: "A message to the agent over GET /bot/{id}/channel",
});
export type BotFrame = z.infer<typeof BotFrame>;

/** Why a Bot closes the channel. Registered codes, and 4000 to 4999 for our own (RFC 6455, 7.4.2). */
export const CLOSE_CODES = {
  /** The frame does not parse. */
  invalid_frame: 1007,
  /** Frames come faster than they may. */
  too_many_frames: 1008,
  frame_too_big: 1009,
  /** As 401 `credential_revoked` over HTTP. */
  credential_revoked: 4001,
  /** The agent has a newer credential: whoever has that one connects anew. */
  credential_rotated: 4002,
  /** As 403 `wrong_droplet` over HTTP. */
  wrong_droplet: 4003,
  /** No ping for too long: whatever is at the other end connects anew. */
  unheard: 4008,
  /** The same agent has connected anew. */
  replaced: 4009,
} as const;
export type CloseReason = keyof typeof CLOSE_CODES;
