/** Pure: where the channel is, what a frame says, and what follows when a channel has ended. */
import type { HeartbeatAnswer } from "../../../src/wire/agent.ts";
import { BotFrame, CLOSE_CODES, MAX_FRAME_BYTES, PONG } from "../../../src/wire/channel.ts";
import { type BackoffLimits, backoff } from "../base/timing.ts";
import type { Outcome } from "./control-plane.ts";
import type { SocketEnd } from "./socket.ts";

export interface Whereabouts {
  /** As the answer to `register` named it; null where that is not known any more. */
  channel_url: string | null;
  control_plane_url: string;
  bot_id: string;
  droplet_id: number;
  boot_id: string;
}

/** Null where the credential may not go: no WebSocket address, or one in the clear beside a control plane with TLS. */
export function channelAddress(at: Whereabouts): URL | null {
  const named = at.channel_url ?? `${at.control_plane_url.replace(/^http/, "ws")}/bot/${at.bot_id}/channel`;
  if (!URL.canParse(named)) return null;
  const url = new URL(named);
  const encrypted = at.control_plane_url.startsWith("https:");
  if (url.protocol !== "wss:" && (url.protocol !== "ws:" || encrypted)) return null;
  url.searchParams.set("droplet_id", String(at.droplet_id));
  url.searchParams.set("boot_id", at.boot_id);
  return url;
}

export type Heard = { is: "pong" } | { is: "orders"; orders: BotFrame } | { is: "nonsense"; detail: string };

export function readFrame(data: unknown): Heard {
  if (typeof data !== "string") return { is: "nonsense", detail: "a frame that is not text" };
  if (data === PONG) return { is: "pong" };
  if (Buffer.byteLength(data) > MAX_FRAME_BYTES) return { is: "nonsense", detail: "a frame that is too big" };
  const parsed = BotFrame.safeParse(parseJson(data));
  if (parsed.success) return { is: "orders", orders: parsed.data };
  const where = parsed.error.issues.map((issue) => issue.path.join(".") || "its top");
  return { is: "nonsense", detail: `a frame that does not fit at ${where.join(", ")}`.slice(0, 200) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface AfterChannel {
  after_ms: number;
  failures: number;
  /** The close said what an answer over HTTP would have said. */
  counts_as: Outcome<HeartbeatAnswer> | null;
}

export interface ChannelLimits {
  backoff: BackoffLimits;
  slow_retry_ms: number;
}

/** A channel that held for this long had no part in the failures before it. */
const STEADY_MS = 60_000;

/**
 * @param lived_ms how long the channel was of use; 0 when it never was. @param failures in a row, before this end.
 * @param random in [0, 1).
 */
export function afterChannel(
  end: SocketEnd,
  lived_ms: number,
  failures: number,
  limits: ChannelLimits,
  random: number,
): AfterChannel {
  const before = lived_ms >= STEADY_MS ? 0 : failures;
  const own_ms = backoff(before, limits.backoff, random);
  // Spread over its second half: a fleet that was refused at one moment does not come back at one.
  const slow_ms = Math.round((limits.slow_retry_ms * (1 + random)) / 2);
  const next = { after_ms: own_ms, failures: before + 1, counts_as: null };
  if (end.is === "refused") {
    const asked_ms = end.retry_after_ms === null ? null : Math.min(end.retry_after_ms, limits.slow_retry_ms);
    // A refusal repeats itself, and so does a proxy that takes an upgrade for a page.
    if (end.status < 500) return { ...next, after_ms: asked_ms ?? slow_ms };
    return { ...next, after_ms: Math.max(own_ms, asked_ms ?? 0) };
  }
  switch (end.code) {
    case CLOSE_CODES.replaced:
      return { ...next, after_ms: slow_ms };
    // Of an agent that took part in it, the rotation explains it; of a copy it is the end.
    case CLOSE_CODES.credential_rotated:
    case CLOSE_CODES.credential_revoked:
      return { ...next, counts_as: { is: "refused", status: 401, code: "credential_revoked" } };
    case CLOSE_CODES.wrong_droplet:
      return { ...next, counts_as: { is: "refused", status: 403, code: "wrong_droplet" } };
    default:
      return next;
  }
}
