/**
 * Frames of every kind, to an agent's channel and to the stream of events: what is no frame closes the socket with a
 * reason and changes nothing; what is one is answered.
 */
import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { z } from "zod";
import { AgentFrame, CLOSE_CODES, MAX_FRAME_BYTES } from "../../../src/wire/channel.ts";
import { tally } from "../../depth.ts";
import { onlineBot, type TestAgent } from "../agent.ts";
import { endOfTest, eventually, request, simulateCloud } from "../cloud.ts";
import { BASE } from "../document.ts";
import { operatorToken } from "../settings.ts";
import type { Schema } from "./document.ts";
import { freeze } from "./fingerprint.ts";
import { REQUESTS, SEED } from "./settings.ts";
import { fitting, garbage, spoilt } from "./values.ts";

const FRAMES = Math.ceil(REQUESTS / 10);

let agent: TestAgent;

beforeAll(async () => {
  const online = await onlineBot(simulateCloud());
  agent = online.agent;
  await freeze();
  vi.spyOn(console, "warn").mockReturnValue(undefined);
});
afterAll(endOfTest);

type Frame = string | ArrayBuffer;
interface Socket {
  send: (frame: Frame) => void;
  close: () => void;
  said: string[];
  closed: () => { code: number; reason: string } | null;
}

async function open(path: string, token: string): Promise<Socket> {
  const { webSocket, status } = await exports.default.fetch(BASE + path, {
    headers: { upgrade: "websocket", authorization: `Bearer ${token}`, "cf-connecting-ip": crypto.randomUUID() },
  });
  if (webSocket === null) throw new Error(`no socket: ${status}`);
  const said: string[] = [];
  let closed: { code: number; reason: string } | null = null;
  webSocket.addEventListener("message", ({ data }) => {
    said.push(String(data));
  });
  webSocket.addEventListener("close", ({ code, reason }) => {
    closed = { code, reason };
  });
  webSocket.accept();
  return {
    send: (frame) => webSocket.send(frame),
    close: () => webSocket.close(1000, "bye"),
    said,
    closed: () => closed,
  };
}

const openChannel = () =>
  open(`/bot/${agent.bot_id}/channel?droplet_id=${agent.droplet_id}&boot_id=${agent.boot_id}`, agent.credential);
const openStream = (after: number) => open(`/bots/${agent.bot_id}/events/stream?after=${after}`, operatorToken);

/** All that the bot holds, but for when its channel was open. */
function held(): Promise<string> {
  return runInDurableObject(env.BOT.getByName(agent.bot_id), (_bot, { storage: { sql } }) => {
    const tables = ["event", "operation", "config", "command", "answered", "transition", "remembered"];
    const state = sql.exec("SELECT value FROM document WHERE key <> 'runtime'").toArray();
    return JSON.stringify([state, ...tables.map((table) => sql.exec(`SELECT * FROM ${table}`).toArray())]);
  });
}

/** What the socket says to the frame: its answer, or why it closes. */
async function answerTo(socket: Socket, frame: Frame): Promise<string> {
  const before = socket.said.length;
  socket.send(frame);
  return eventually(() => {
    const closed = socket.closed();
    if (closed !== null) return `${closed.code} ${closed.reason}`;
    if (socket.said.length === before) throw new Error(`no answer to ${String(frame).slice(0, 200)}`);
    return socket.said.at(-1) ?? "";
  });
}

const bytes = (...values: number[]) => new Uint8Array(values).buffer;
const DEPTH = 10_000;
const ODD: Frame[] = [
  "",
  " ",
  "ping ",
  "PING",
  "pong",
  "null",
  "[]",
  "{}",
  '"status"',
  "{ cut",
  "NaN",
  '{"type":"orders"}',
  '{"type":"status"}',
  '{"type":"status","__proto__":{"droplet_id":1}}',
  '{"__proto__":{"type":"status"}}',
  '{"type":["status"]}',
  "[".repeat(DEPTH),
  "[".repeat(DEPTH) + "]".repeat(DEPTH),
  '{"a":'.repeat(DEPTH) + 1 + "}".repeat(DEPTH),
  "x".repeat(MAX_FRAME_BYTES),
  "x".repeat(MAX_FRAME_BYTES + 1),
  "x".repeat(1_000_000),
  `{"type":"status","padding":"${"x".repeat(MAX_FRAME_BYTES - 100)}"}`,
  "\ufeff{}",
  "\u0000",
  "😀".repeat(1_000),
  bytes(),
  bytes(0),
  bytes(0xff, 0xfe),
  bytes(0xed, 0xa0, 0x80),
  bytes(0x1f, 0x8b, 8, 0),
  new ArrayBuffer(MAX_FRAME_BYTES + 1),
];

function isFrame(frame: Frame): boolean {
  try {
    const text = typeof frame === "string" ? frame : new TextDecoder().decode(frame);
    return AgentFrame.safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}

function made(): Frame[] {
  const schema = z.toJSONSchema(AgentFrame, { io: "input" }) as Schema;
  const { $schema: _, id: __, $defs, ...root } = schema;
  const resolve = ({ $ref, ...rest }: Schema): Schema => {
    if (typeof $ref !== "string") return rest;
    const { id: ___, ...found } = ($defs as Record<string, Schema>)[$ref.split("/").at(-1) ?? ""] ?? {};
    return { ...found, ...rest };
  };
  const seeds = { droplet_id: [agent.droplet_id], boot_id: [agent.boot_id], type: ["status"] };
  const good = fitting(root, resolve, seeds);
  const any = fc.oneof(
    { arbitrary: good, weight: 1 },
    { arbitrary: spoilt(good), weight: 4 },
    { arbitrary: garbage, weight: 1 },
  );
  return fc.sample(any, { seed: SEED, numRuns: FRAMES }).map((value) => JSON.stringify(value) ?? "undefined");
}

describe("an agent's channel", () => {
  it(`closes on what is no frame, with a reason, and nothing has changed (seed ${SEED})`, async (test) => {
    const { expect } = test;
    const counts: Record<string, number> = {};
    let before = await held();
    const frames = [...ODD, ...made()];
    for (const frame of frames) {
      const socket = await openChannel();
      const said = await answerTo(socket, frame);
      const shown = `${SEED}: ${String(frame).slice(0, 300)}`;
      const valid = isFrame(frame) && frame.valueOf() !== "ping";
      const after = await held();
      if (valid) expect(said, shown).toMatch(/^(\{"type":"orders"|4003 wrong_droplet)/);
      else {
        expect(said, shown).toMatch(/^(1007 invalid_frame|1009 frame_too_big)$/);
        expect(after === before, shown).toBe(true);
      }
      if (socket.closed() === null) socket.close();
      before = after;
      const outcome = said.startsWith("{") ? "orders" : said;
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
    tally(test, { frames: frames.length });
    console.log(`FUZZ_SEED=${SEED} frames: ${JSON.stringify(counts)}`);
    expect(counts["1007 invalid_frame"]).toBeGreaterThan(20);
    expect(counts.orders).toBeGreaterThan(5);
    expect((await request("GET", `/bots/${agent.bot_id}`)).json).toMatchObject({ id: agent.bot_id });
  });

  it("closes on more frames than anybody has to say, and every reason has its code", async ({ expect }) => {
    const socket = await openChannel();
    const { droplet_id, boot_id } = agent;
    const beat = {
      agent_version: "1",
      applied_config_id: null,
      load: null,
      mem: null,
      disk: null,
      droplet_id,
      boot_id,
    };
    const frame = { type: "status", ...beat, workload: { state: "running", version: null, restarts: 0 } };
    for (let n = 0; n < 61; n++) socket.send(JSON.stringify(frame));
    const closed = await eventually(() => socket.closed() ?? Promise.reject(new Error("it is open")));
    expect(closed).toEqual({ code: CLOSE_CODES.too_many_frames, reason: "too_many_frames" });
  });
});

describe("the stream of events", () => {
  it("closes on whatever is said to it but ping, and nothing has changed", async ({ expect }) => {
    const { revision } = (await request("GET", `/bots/${agent.bot_id}`)).json;
    const before = await held();
    for (const frame of ODD) {
      const socket = await openStream(revision);
      expect(await answerTo(socket, frame), String(frame).slice(0, 200)).toBe("1008 Only ping is accepted.");
    }
    const socket = await openStream(revision);
    expect(await answerTo(socket, "ping")).toBe("pong");
    socket.close();
    expect(await held()).toBe(before);
  });
});
