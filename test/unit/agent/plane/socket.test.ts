/** The platform's WebSocket as the agent uses it, against real servers. */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { openSocket } from "../../../../bootstrap/agent/plane/socket.ts";
import { PATIENCE_MS } from "../../../depth.ts";
import { TestChannel } from "../fixtures/channel.ts";

const STATUS = {
  type: "status",
  agent_version: "1",
  boot_id: "b",
  droplet_id: 42,
  workload: { state: "stopped", version: null, restarts: 0 },
  applied_config_id: null,
  load: null,
  mem: null,
  disk: null,
};

let server: Server;
let bot: TestChannel;
let url: URL;
const until = (check: () => void) => vi.waitFor(check, { timeout: PATIENCE_MS, interval: 10 });

beforeEach(async () => {
  server = createServer();
  bot = new TestChannel(
    () => ({ orders: "as the test says" }),
    () => {},
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no address");
  url = new URL(`ws://127.0.0.1:${address.port}/bot/x/channel?droplet_id=42`);
});

afterEach(async () => {
  bot.dropAll();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

it("carries the credential in a header, frames both ways, and the code of the close", async () => {
  bot.serve(server);
  bot.open();
  const heard: unknown[] = [];
  const socket = openSocket(url, "the-credential", (data) => heard.push(data));
  await socket.opened;
  expect(bot.last.bearer).toBe("the-credential");
  expect(bot.last.url.search).toBe("?droplet_id=42");
  socket.send("ping");
  socket.send(JSON.stringify(STATUS));
  await until(() => expect(heard).toEqual(["pong", '{"type":"orders","orders":"as the test says"}']));
  expect(bot.statuses).toEqual([STATUS]);
  bot.last.socket.close(4009, "replaced");
  expect(await socket.ended).toEqual({ is: "closed", code: 4009, reason: "replaced" });
  expect(socket.over.aborted).toBe(true);
});

it.each([
  [{ status: 401 }, null],
  [{ status: 429, headers: { "Retry-After": "7" } }, 7000],
  [{ status: 503, headers: { "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" } }, null],
])("knows how an upgrade was refused: %j", async (refusal, retry_after_ms) => {
  bot.serve(server);
  bot.refusal = refusal;
  const socket = openSocket(url, "c", () => {});
  expect(await socket.ended).toEqual({ is: "refused", status: refusal.status, retry_after_ms });
});

it("takes a page for a refusal, and does not follow where it points", async () => {
  bot.serve(server);
  bot.refusal = { status: 302, headers: { location: "/elsewhere" } };
  expect(await openSocket(url, "c", () => {}).ended).toMatchObject({ is: "refused", status: 302 });
  expect(bot.upgrades).toBe(1);
});

it("ends abnormally where nobody listens, or the connection breaks", async () => {
  expect(await openSocket(new URL("ws://127.0.0.1:1/"), "c", () => {}).ended).toMatchObject({ code: 1006 });
  bot.serve(server);
  bot.open();
  const socket = openSocket(url, "c", () => {});
  await socket.opened;
  bot.last.socket.terminate();
  expect(await socket.ended).toMatchObject({ is: "closed", code: 1006 });
});

it("gives up a silent peer at once, hears no more of it, and lets go of the connection soon after", async () => {
  let stream: Duplex | null = null;
  let isGone = false;
  server.on("upgrade", (request, duplex) => {
    const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash("sha1").update(key).digest("base64");
    duplex.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    stream = duplex;
    duplex.on("error", () => {});
    duplex.on("end", () => {
      isGone = true;
      duplex.end();
    });
    duplex.resume();
  });
  const heard: unknown[] = [];
  const socket = openSocket(url, "c", (data) => heard.push(data));
  await socket.opened;
  socket.end(4000, "no pong");
  expect(await socket.ended).toEqual({ is: "closed", code: 1006, reason: "no pong" });
  (stream as Duplex | null)?.write(Buffer.from([0x81, 0x04, ...Buffer.from("pong")]));
  await until(() => expect(isGone).toBe(true));
  expect(heard).toEqual([]);
});
