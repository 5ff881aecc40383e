import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type StatusSocket, serveStatus } from "../../../../bootstrap/agent/local/status-socket.ts";
import { PATIENCE_MS } from "../../../depth.ts";

let directory: string;
let path: string;
let now: string;
let status: StatusSocket;
let sockets: Socket[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "spawnpoint-status-"));
  path = join(directory, "status.sock");
  now = '{"state":"stopped"}';
  sockets = [];
  // As a killed agent may leave it.
  writeFileSync(path, "");
  status = await serveStatus(path, () => now);
});

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  status.close();
  rmSync(directory, { recursive: true });
});

function listen() {
  const heard = { text: "", ended: false };
  const socket = connect(path);
  socket.on("data", (chunk) => (heard.text += String(chunk)));
  socket.on("close", () => (heard.ended = true));
  sockets.push(socket);
  return heard;
}
const until = (check: () => void) => vi.waitFor(check, { timeout: PATIENCE_MS, interval: 5 });

it("says at once how it is, and again at each change", async () => {
  const heard = listen();
  await until(() => expect(heard.text).toBe('{"state":"stopped"}\n'));
  status.tell();
  now = '{"state":"running"}';
  status.tell();
  status.tell();
  const late = listen();
  await until(() => expect(late.text).toBe('{"state":"running"}\n'));
  await until(() => expect(heard.text).toBe('{"state":"stopped"}\n{"state":"running"}\n'));
});

it("is its owner's alone", () => {
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it("lets go of who does not listen, and of nobody else", async () => {
  const deaf = connect(path);
  sockets.push(deaf);
  const heard = listen();
  await until(() => expect(heard.text).not.toBe(""));
  let closed = false;
  deaf.on("close", () => (closed = true));
  for (let n = 0; n < 200; n++) {
    now = JSON.stringify({ n, filled: "x".repeat(10_000) });
    status.tell();
    await new Promise((turn) => setImmediate(turn));
  }
  deaf.resume();
  await until(() => expect(closed).toBe(true));
  now = '{"state":"last"}';
  await until(() => {
    status.tell();
    expect(heard.text.endsWith('{"state":"last"}\n')).toBe(true);
  });
  expect(heard.ended).toBe(false);
});

it("ends with the agent, and leaves no file", async () => {
  const heard = listen();
  await until(() => expect(heard.text).not.toBe(""));
  status.close();
  await until(() => expect(heard.ended).toBe(true));
  expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
});
