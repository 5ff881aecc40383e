/** A thread that holds channels as agents do: opens them, pings over them, and waits for what is pushed. */
import { Agent, request } from "node:http";
import { performance } from "node:perf_hooks";
import { parentPort, workerData } from "node:worker_threads";
import { WebSocket } from "ws";
import { PING, PONG } from "../../src/wire/channel.ts";
import { type FleetBot, statusOf } from "./fleet.ts";
import { type Latency, latencyOf } from "./stats.ts";

export interface ChannelLoad {
  url: string;
  operator: string;
  bots: FleetBot[];
}

/** What the thread is told to do, one thing at a time. */
export type Command =
  /** Opens channels until there are so many. */
  | { do: "open"; channels: number }
  /** One ping in flight on every channel; the next follows the pong. */
  | { do: "ping"; for_ms: number }
  /** Changes so many configs, one after the other, each of another bot. */
  | { do: "push"; changes: number };

export interface Opened {
  open: number;
  seconds: number;
  failed_with: string | null;
}
export interface Pinged {
  pongs: number;
  seconds: number;
  busy: number;
}
export interface Pushed {
  /** From the request until the bot's new orders were on the channel. */
  told_ms: Latency;
  /** Until the new config was with the agent. */
  fetched_ms: Latency;
  /** Until the bot had recorded that it is applied, by an agent that takes no time over it. */
  applied_ms: Latency;
}
export type Reply = Opened | Pinged | Pushed;

const OPENING_AT_ONCE = 32;

interface Channel {
  bot: FleetBot;
  socket: WebSocket;
  onPong: () => void;
  /** Resolves with the next orders that name another config. */
  onOrders: (desired: string) => void;
}

const { url, operator, bots } = workerData as ChannelLoad;
const { hostname, port } = new URL(url);
const agent = new Agent({ keepAlive: true });
const channels: Channel[] = [];

async function open(wanted: number): Promise<Opened> {
  const began = performance.now();
  let failed_with: string | null = null;
  let next = channels.length;
  const openSome = async () => {
    while (next < Math.min(wanted, bots.length) && failed_with === null) {
      const bot = bots[next++];
      if (bot === undefined) return;
      try {
        channels.push(await connect(bot));
      } catch (error) {
        failed_with = error instanceof Error ? error.message : String(error);
      }
    }
  };
  await Promise.all(Array.from({ length: OPENING_AT_ONCE }, openSome));
  return { open: channels.length, seconds: (performance.now() - began) / 1000, failed_with };
}

/** Resolves once the bot has answered the first status. */
function connect(bot: FleetBot): Promise<Channel> {
  const search = new URLSearchParams({ droplet_id: String(bot.droplet_id), boot_id: bot.boot_id });
  const socket = new WebSocket(`ws://${hostname}:${port}/bot/${bot.id}/channel?${search}`, {
    headers: { authorization: `Bearer ${bot.credential}` },
    perMessageDeflate: false,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Channel>();
  const channel: Channel = { bot, socket, onPong: () => undefined, onOrders: () => resolve(channel) };
  socket.on("open", () => socket.send(JSON.stringify({ type: "status", ...statusOf(bot) })));
  socket.on("message", (data) => {
    const text = String(data);
    if (text === PONG) channel.onPong();
    else channel.onOrders(JSON.parse(text).desired_config_id);
  });
  socket.on("error", reject);
  socket.on("close", (code, reason) => reject(new Error(`closed with ${code} ${reason}`)));
  return promise;
}

async function ping(for_ms: number): Promise<Pinged> {
  const before = performance.eventLoopUtilization();
  const began = performance.now();
  const end = began + for_ms;
  let pongs = 0;
  await Promise.all(
    channels.map((channel) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      channel.onPong = () => {
        pongs++;
        if (performance.now() < end) channel.socket.send(PING);
        else resolve();
      };
      channel.socket.send(PING);
      return promise;
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  return { pongs, seconds, busy: performance.eventLoopUtilization(before).utilization };
}

async function push(changes: number): Promise<Pushed> {
  const told: number[] = [];
  const fetched: number[] = [];
  const applied: number[] = [];
  for (let nth = 0; nth < changes; nth++) {
    const channel = channels[nth % channels.length];
    if (channel === undefined) throw new Error("there is no channel to push over");
    const { bot } = channel;
    const news = Promise.withResolvers<void>();
    channel.onOrders = (desired) => {
      if (desired !== bot.config_id) news.resolve();
    };
    const began = performance.now();
    const changed = ask("PATCH", `/bots/${bot.id}/config`, operator, { max_trades_per_day: 1 + (nth % 90) });
    await news.promise;
    told.push(performance.now() - began);
    const config = await ask("GET", `/bot/${bot.id}/config`, bot.credential);
    fetched.push(performance.now() - began);
    bot.config_id = config.id;
    await ask("POST", `/bot/${bot.id}/config_ack`, bot.credential, { config_id: config.id });
    applied.push(performance.now() - began);
    await changed;
  }
  return { told_ms: latencyOf(told), fetched_ms: latencyOf(fetched), applied_ms: latencyOf(applied) };
}

function ask(method: string, path: string, token: string, body?: unknown): Promise<{ id: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ id: string }>();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const sent = request({ agent, hostname, port, method, path, headers }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
    });
    response.on("end", () => {
      if (response.statusCode === 200) resolve(JSON.parse(text));
      else reject(new Error(`${method} ${path} answered ${response.statusCode}: ${text.slice(0, 300)}`));
    });
  });
  sent.on("error", reject);
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}

async function obey(command: Command): Promise<Reply> {
  switch (command.do) {
    case "open":
      return open(command.channels);
    case "ping":
      return ping(command.for_ms);
    case "push":
      return push(command.changes);
  }
}

parentPort?.on("message", (command: Command) => {
  obey(command).then(
    (reply) => parentPort?.postMessage({ reply }),
    (error: unknown) => parentPort?.postMessage({ error: error instanceof Error ? error.message : String(error) }),
  );
});
