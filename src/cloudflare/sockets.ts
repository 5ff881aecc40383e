/** A Durable Object's hibernating WebSockets as the Bot sees them. */
import { PING, PONG } from "../wire/channel.ts";
import type { Socket, Sockets, SocketTag } from "./sockets-port.ts";

/** Pings are answered by the runtime itself, without waking the object. */
export function answerPings(ctx: DurableObjectState): void {
  ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
}

export function socketsOf(ctx: DurableObjectState): Sockets {
  return { open: (tag) => ctx.getWebSockets(tag).map((socket) => socketOf(ctx, socket, tag)) };
}

export function socketOf(ctx: DurableObjectState, socket: WebSocket, tag: SocketTag): Socket {
  return {
    tag,
    attachment: () => socket.deserializeAttachment(),
    attach: (value) => socket.serializeAttachment(value),
    send(text) {
      try {
        socket.send(text);
      } catch {
        // It has closed meanwhile; its close event tells, or the next alarm finds it gone.
      }
    },
    close(code, reason) {
      try {
        socket.close(code, reason);
      } catch {
        // Closed already.
      }
    },
    lastPingAt: () => ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? null,
  };
}

/** Accepts the server's end, and answers with the client's. */
export function acceptSocket(ctx: DurableObjectState, tag: SocketTag, attachment: unknown): [Response, Socket] {
  const { 0: client, 1: server } = new WebSocketPair();
  ctx.acceptWebSocket(server, [tag]);
  server.serializeAttachment(attachment);
  return [new Response(null, { status: 101, webSocket: client }), socketOf(ctx, server, tag)];
}

/** The tag that the socket was accepted with. */
export function tagOf(ctx: DurableObjectState, socket: WebSocket): SocketTag {
  return ctx.getTags(socket).includes("events") ? "events" : "agent";
}
