/** A droplet's agent as the Worker meets it: the token from its user-data, its own credential, its requests. */
import { exports } from "cloudflare:workers";
import type { Simulator } from "../../simulator/model/simulator.ts";
import { formatToken, hashToken } from "../../src/wire/tokens.ts";
import { dropletsOf, eventually, newBot, request, untilBot, untilIdle } from "./cloud.ts";

export type TestAgent = Awaited<ReturnType<typeof agentOn>>;

/** The registration token that a droplet was born with. */
function registrationToken(userData: string | null | undefined): string {
  const token = /^REGISTRATION_TOKEN='(sp_reg_[0-9a-f_]+)'$/m.exec(userData ?? "")?.[1];
  if (token === undefined) throw new Error("the user-data carries no registration token");
  return token;
}

/** A credential of this bot that only the test knows. */
export async function newCredential(botId: string) {
  const credential = formatToken("agt", botId, crypto.getRandomValues(new Uint8Array(32)));
  return { credential, credential_sha256: await hashToken(credential) };
}

/** The agent on a bot's droplet. It has not registered yet. */
export async function agentOn(droplet: { id: number; user_data: string | null }, botId: string) {
  const { credential, credential_sha256 } = await newCredential(botId);
  const token = registrationToken(droplet.user_data);
  const identity = { droplet_id: droplet.id, boot_id: crypto.randomUUID() };
  return {
    ...identity,
    bot_id: botId,
    token,
    credential,
    credential_sha256,
    register: (changes: Record<string, unknown> = {}) =>
      request("POST", "/bot/register", { token, body: { bot_id: botId, credential_sha256, ...identity, ...changes } }),
    heartbeat: (changes: Record<string, unknown> = {}) =>
      request("POST", `/bot/${botId}/heartbeat`, {
        token: credential,
        body: { ...heartbeat, ...identity, ...changes },
      }),
    stage: (stage: string, changes: Record<string, unknown> = {}) =>
      request("POST", `/bot/${botId}/stage`, { token, body: { stage, ...identity, ...changes } }),
    config: (headers: Record<string, string> = {}) =>
      request("GET", `/bot/${botId}/config`, { token: credential, headers }),
    /** Asks for another credential in the place of the one that it has. */
    rotate: (next_sha256: string, changes: Record<string, unknown> = {}, bearer = credential) =>
      request("POST", `/bot/${botId}/credential`, {
        token: bearer,
        body: { credential_sha256: next_sha256, ...identity, ...changes },
      }),
    /** Opens the channel. */
    connect: (changes: Record<string, unknown> = {}) => connectChannel(botId, credential, { ...identity, ...changes }),
    acknowledge: (config_id: string, changes: Record<string, unknown> = {}) =>
      request("POST", `/bot/${botId}/config_ack`, { token: credential, body: { config_id, ...changes } }),
  };
}

/** An agent's end of the channel. */
export class TestChannel {
  readonly #socket: WebSocket;
  /** What the bot sent and nobody has looked at. */
  readonly #frames: string[] = [];
  closed: { code: number; reason: string } | null = null;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      this.#frames.push(String(data));
    });
    socket.addEventListener("close", ({ code, reason }) => {
      this.closed = { code, reason };
    });
    socket.accept();
  }

  say(frame: unknown): void {
    this.#socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  status(changes: Record<string, unknown> = {}): void {
    this.say({ type: "status", ...heartbeat, ...changes });
  }

  /** The next frame, as it was sent. */
  next(): Promise<string> {
    return eventually(() => {
      const frame = this.#frames.shift();
      if (frame === undefined) throw new Error("the bot has said nothing more");
      return frame;
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever came
  async orders(): Promise<any> {
    return JSON.parse(await this.next());
  }

  /** Waits until the orders say this. */
  untilOrders(expected: Record<string, unknown>) {
    return eventually(async () => {
      const orders = await this.orders();
      if (Object.entries(expected).some(([key, value]) => orders[key] !== value)) throw new Error("other orders");
      return orders;
    });
  }

  untilClosed(): Promise<{ code: number; reason: string }> {
    return eventually(() => {
      if (this.closed === null) throw new Error("the channel is open");
      return this.closed;
    });
  }

  close(): void {
    this.#socket.close(1000, "bye");
  }
}

/** @returns the channel, or the answer that says no */
export async function connectChannel(botId: string, token: string, query: Record<string, unknown>) {
  const search = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)]));
  const response = await exports.default.fetch(`http://spawnpoint.test/bot/${botId}/channel?${search}`, {
    headers: { upgrade: "websocket", authorization: `Bearer ${token}`, "cf-connecting-ip": crypto.randomUUID() },
  });
  if (response.webSocket === null) return { status: response.status, problem: await response.json(), channel: null };
  return { status: response.status, problem: null, channel: new TestChannel(response.webSocket) };
}

/** Of an agent whose workload is well; its droplet and boot come beside it. */
export const heartbeat = {
  agent_version: "1.2.3",
  workload: { state: "running", version: "2026.11.1", restarts: 0 },
  applied_config_id: null,
  load: 0.5,
  mem: 0.4,
  disk: 0.3,
};

/** The agent on the droplet that the bot has now, once there is one and it is adopted. */
export async function agentOf(cloud: Simulator, botId: string): Promise<TestAgent> {
  const droplet = await eventually(async () => {
    const { json, text } = await request("GET", `/bots/${botId}`);
    const found = dropletsOf(cloud, botId).find(({ id }) => id === json.droplet_id);
    if (found === undefined || json.droplet.status !== "active") throw new Error(`no active droplet yet: ${text}`);
    return found;
  });
  return agentOn(droplet, botId);
}

/** Registers the agent of the bot's present droplet and acknowledges the desired config. */
export async function bringOnline(cloud: Simulator, botId: string): Promise<TestAgent> {
  const agent = await agentOf(cloud, botId);
  const registered = await agent.register();
  if (registered.status !== 200) throw new Error(`not registered: ${registered.text}`);
  const config = await agent.config();
  const acknowledged = await agent.acknowledge(config.json.id);
  if (acknowledged.status !== 200) throw new Error(`not acknowledged: ${acknowledged.text}`);
  await untilBot(botId, { status: "online" });
  await untilIdle(botId);
  return agent;
}

/** A new bot, online. */
export async function onlineBot(cloud: Simulator, changes: Record<string, unknown> = {}) {
  const bot = await newBot(changes);
  return { bot, agent: await bringOnline(cloud, bot.id) };
}
