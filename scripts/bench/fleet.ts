/** Bots that are online, made through the API as a customer makes them and registered as their droplets' agents do. */
import { randomBytes, randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { BotView } from "../../src/wire/bot.ts";
import { MAX_BOTS } from "../../src/wire/enums.ts";
import { formatToken, hashToken } from "../../src/wire/tokens.ts";
import { demoBot } from "../dev/demo.ts";
import type { BenchCloud } from "./cloud.ts";
import { Follower } from "./follower.ts";

/** A bot with what its agent knows. */
export interface FleetBot {
  id: string;
  credential: string;
  droplet_id: number;
  boot_id: string;
  config_id: string;
}

/** How long each part of a bot's making took, ms. */
export interface Made {
  bot: FleetBot;
  /** `POST /bots` until its answer. */
  accepted_ms: number;
  /** `POST /bots` until the bot was online. */
  online_ms: number;
  /** Of each change of its status, until whoever follows it has seen it; empty where nobody does. */
  shown_ms: number[];
}

interface Making {
  /** How many are being made at any time. */
  at_once: number;
  followed?: boolean;
}

const RETRY_MS = 1;
const PATIENCE_S = 60;

export class Fleet {
  readonly bots: FleetBot[] = [];
  readonly #cloud: BenchCloud;
  readonly #operator: string;
  #places: string[] = [];
  /** Changes when workerd starts anew. */
  url: URL;

  constructor(url: URL, cloud: BenchCloud, operator: string) {
    this.url = url;
    this.#cloud = cloud;
    this.#operator = operator;
  }

  async make(
    count: number,
    { at_once, followed = false }: Making,
    made: (made: Made) => void = () => undefined,
  ): Promise<void> {
    let begun = 0;
    const one = async () => {
      while (begun < count) {
        begun++;
        made(await this.#makeOne(followed));
      }
    };
    await Promise.all(Array.from({ length: at_once }, one));
  }

  async #makeOne(followed: boolean): Promise<Made> {
    const account = await this.#place();
    const began = performance.now();
    const body = demoBot(account, "Bench");
    const { id } = await this.#ask<BotView>("POST", "/bots", this.#operator, body);
    const accepted_ms = performance.now() - began;
    const follower = followed ? new Follower(this.url, this.#operator, id, "online") : null;
    await follower?.opened();
    const online = this.#ask("GET", `/bots/${id}/wait?status=online&timeout=${PATIENCE_S}`, this.#operator);
    const bot = await this.#enrol(id);
    await online;
    const online_ms = performance.now() - began;
    this.bots.push(bot);
    return { bot, accepted_ms, online_ms, shown_ms: (await follower?.end()) ?? [] };
  }

  /** An account with room for one more bot. */
  async #place(): Promise<string> {
    const place = this.#places.pop();
    if (place !== undefined) return place;
    const { id } = await this.#ask<{ id: string }>("POST", "/accounts", this.#operator, {
      external_id: randomUUID(),
      tier: "pro",
    });
    this.#places.push(...Array(MAX_BOTS.pro - 1).fill(id));
    return id;
  }

  /** What the bootstrap and the agent do, without taking any time over it. */
  async #enrol(id: string): Promise<FleetBot> {
    const droplet = await this.#cloud.dropletOf(id);
    const token = /^REGISTRATION_TOKEN='(sp_reg_[0-9a-f_]+)'$/m.exec(droplet.user_data)?.[1] ?? "";
    const credential = formatToken("agt", id, randomBytes(32));
    const identity = { droplet_id: droplet.id, boot_id: randomUUID() };
    const registration = { bot_id: id, credential_sha256: await hashToken(credential), ...identity };
    // Until the bot has learnt of its droplet it asks to be asked again.
    while ((await this.#send("POST", "/bot/register", token, registration)).status === 503) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    const config = await this.#ask<{ id: string }>("GET", `/bot/${id}/config`, credential);
    await this.#ask("POST", `/bot/${id}/config_ack`, credential, { config_id: config.id });
    return { id, credential, ...identity, config_id: config.id };
  }

  async #ask<T>(method: string, path: string, token: string, body?: unknown): Promise<T> {
    const response = await this.#send(method, path, token, body);
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  #send(method: string, path: string, token: string, body?: unknown): Promise<Response> {
    return fetch(new URL(path, this.url), {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }
}

/** What an agent says of itself, twice a minute. */
export function statusOf({ boot_id, droplet_id, config_id }: FleetBot) {
  return {
    agent_version: "1.0.0",
    boot_id,
    droplet_id,
    workload: { state: "running", version: "2026.11.1", restarts: 0 },
    applied_config_id: config_id,
    load: 0.5,
    mem: 0.4,
    disk: 0.3,
  };
}
