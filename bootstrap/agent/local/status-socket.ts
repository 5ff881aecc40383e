/**
 * Says how the machine's bots are to whoever connects: one line of JSON at once, and one at each change. Nothing is read
 * from it, and who does not listen is let go.
 */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";

const MAX_CONNECTIONS = 16;
/** What a listener may leave unread. */
const MAX_UNREAD_BYTES = 256 * 1024;

export interface StatusSocket {
  /** There may be something new to say. */
  tell: () => void;
  close: () => void;
}

/** @param line what there is to say, as one line. Rejects where there can be no socket. */
export async function serveStatus(path: string, line: () => string): Promise<StatusSocket> {
  /** With what each was told last. */
  const listeners = new Map<Socket, string>();
  const tellOne = (socket: Socket, now: string) => {
    if (listeners.get(socket) === now) return;
    listeners.set(socket, now);
    socket.write(`${now}\n`);
  };
  const server = createServer((socket) => {
    socket.on("close", () => listeners.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.resume();
    tellOne(socket, line());
  });
  server.maxConnections = MAX_CONNECTIONS;
  // An agent that was killed has left it behind, and no other one runs here.
  rmSync(path, { force: true });
  await new Promise<void>((listening, failed) => {
    server.once("error", failed);
    server.listen({ path }, () => {
      server.off("error", failed);
      listening();
    });
  });
  chmodSync(path, 0o600);
  return {
    tell: () => {
      if (listeners.size === 0) return;
      const now = line();
      for (const socket of listeners.keys()) {
        if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
        else tellOne(socket, now);
      }
    },
    close: () => {
      server.close();
      for (const socket of listeners.keys()) socket.end();
    },
  };
}
