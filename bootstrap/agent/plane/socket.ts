/**
 * One WebSocket, from the attempt to its end. The platform's own tells neither with what a refused upgrade was answered
 * nor lets go of a connection whose other side is silent; what undici says on its diagnostics channels fills that gap.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Socket as TcpSocket } from "node:net";
import * as z from "zod";

export type SocketEnd =
  /** The upgrade was answered, but not with one. */
  { is: "refused"; status: number; retry_after_ms: number | null } | { is: "closed"; code: number; reason: string };

export interface AgentSocket {
  readonly opened: Promise<void>;
  readonly ended: Promise<SocketEnd>;
  /** Aborts with the end. */
  readonly over: AbortSignal;
  send(text: string): void;
  /** Ends it at once as far as the caller sees; the other side has a moment to hear of it. */
  end(code: number, reason: string): void;
}

/** RFC 6455, 7.4.1: no close frame came. */
const CLOSED_ABNORMALLY = 1006;
const CLOSING_MS = 2000;
/** A close frame holds no more than 123 bytes of reason. */
const REASON_MAX_CHARS = 100;

/** @param onData called with each frame's data, until the end. */
export function openSocket(url: URL, bearer: string, onData: (data: unknown) => void): AgentSocket {
  const opened = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<SocketEnd>();
  const over = new AbortController();
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${bearer}` } });
  const handshake = watchHandshake(url);
  const conclude = (end: SocketEnd) => {
    ended.resolve(end);
    over.abort();
  };
  socket.addEventListener("open", () => {
    handshake.stop();
    opened.resolve();
  });
  socket.addEventListener("message", ({ data }) => {
    if (!over.signal.aborted) onData(data);
  });
  // An error is always followed by the close, which says as much.
  socket.addEventListener("error", () => {});
  socket.addEventListener("close", ({ code, reason }) => {
    handshake.stop();
    conclude(handshake.refusal() ?? { is: "closed", code, reason });
  });
  return {
    opened: opened.promise,
    ended: ended.promise,
    over: over.signal,
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    end: (code, reason) => {
      if (over.signal.aborted) return;
      conclude({ is: "closed", code: CLOSED_ABNORMALLY, reason });
      socket.close(code, reason.slice(0, REASON_MAX_CHARS));
      // A peer that does not answer the close would keep the connection for ever.
      setTimeout(() => handshake.tcp()?.destroy(), CLOSING_MS).unref();
    },
  };
}

const Sent = z.object({ request: z.object({ path: z.string() }), socket: z.instanceof(TcpSocket) });
const Answered = z.object({
  request: z.object({ path: z.string() }),
  response: z.object({ statusCode: z.int(), headers: z.array(z.instanceof(Buffer)) }),
});

/** What goes over the wire before there is a WebSocket: the connection in use, and an answer that is not the upgrade. */
function watchHandshake(url: URL) {
  const path = url.pathname + url.search;
  let tcp: TcpSocket | null = null;
  let refusal: SocketEnd | null = null;
  const onSent = (message: unknown) => {
    const sent = Sent.safeParse(message);
    if (sent.success && sent.data.request.path === path) tcp = sent.data.socket;
  };
  const onAnswered = (message: unknown) => {
    const answered = Answered.safeParse(message);
    if (!answered.success || answered.data.request.path !== path) return;
    const { statusCode: status, headers } = answered.data.response;
    if (status !== 101) refusal = { is: "refused", status, retry_after_ms: retryAfter(headers.map(String)) };
  };
  subscribe("undici:client:sendHeaders", onSent);
  subscribe("undici:request:headers", onAnswered);
  return {
    tcp: () => tcp,
    refusal: () => refusal,
    stop: () => {
      unsubscribe("undici:client:sendHeaders", onSent);
      unsubscribe("undici:request:headers", onAnswered);
    },
  };
}

/** @param headers names and values in turn. */
function retryAfter(headers: readonly string[]): number | null {
  const at = headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === "retry-after");
  const wait_s = at < 0 ? Number.NaN : Number(headers[at + 1]);
  return Number.isFinite(wait_s) && wait_s >= 0 ? wait_s * 1000 : null;
}
