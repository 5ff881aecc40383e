/** What a client may know of a bot: what it asked for, what it was answered, and the history that it has read. */
import { expect } from "vitest";
import type { BotView, EventView, Operation } from "../../../src/wire/bot.ts";
import type { ConfigVersion } from "../../../src/wire/config.ts";
import type { TestAgent } from "../agent.ts";
import type { Shown } from "./judge.ts";
import { AT_FIRST, type Told, tell, wayBack } from "./told.ts";

/** Every bot has an operation: the one under way, else the last one. */
export type ShownBot = BotView & { operation: Operation };

/** A config version as it must be shown, and the secrets that must never be. */
export interface KnownVersion {
  shown: ConfigVersion;
  llm_api_key: string;
  environment: Readonly<Record<string, string>>;
}

/** The agent on one of the bot's droplets. */
export interface KnownAgent extends TestAgent {
  /** The intent that its registration token was minted for. */
  intent_id: string;
  present_boot: string;
  has_registered: boolean;
  /** Beats by itself while time passes. */
  lives: boolean;
}

export class KnownBot {
  /** As last shown. */
  view: ShownBot;
  readonly id: string;
  readonly versions: KnownVersion[];
  /** Numbers of the versions that D1 lists. */
  listed: number[] = [1];
  readonly history: EventView[] = [];
  operations: Operation[] = [];
  readonly agents: KnownAgent[] = [];
  /** Whose credential is accepted. */
  bound: KnownAgent | null = null;
  told: Told = AT_FIRST;

  constructor(view: ShownBot, first: KnownVersion) {
    this.id = view.id;
    this.view = view;
    this.versions = [first];
  }

  get desired(): KnownVersion {
    return this.version(this.versions.length);
  }

  get etag(): string {
    return `"${this.desired.shown.id}"`;
  }

  get operation(): Operation {
    return this.view.operation;
  }

  get running(): boolean {
    return this.operation.ended_at === null;
  }

  version(number: number): KnownVersion {
    const version = this.versions[number - 1];
    if (version === undefined) throw new Error(`no version ${number}`);
    return version;
  }

  /** What decides about an action. */
  get shown(): Shown {
    const { replacing, recreating, suspended } = this.told;
    return { ...this.view, replacing: replacing || recreating, suspended };
  }

  /** The bot is being stopped or taken away: its agent's word does not make it online. */
  get stopping(): boolean {
    if (!this.running) return false;
    const { kind } = this.operation;
    return ["pause", "suspend", "destroy"].includes(kind) || (kind === "redeploy" && !this.told.recreating);
  }

  /** Its agent gets no config and no permission to run. */
  get fenced(): boolean {
    return this.stopping || this.told.suspended;
  }

  get order(): "run" | "stop" | "hold" {
    if (this.fenced || (this.told.off_by_us && !this.running)) return "stop";
    return this.told.start_held ? "hold" : "run";
  }

  /** Whether an agent's credential is accepted, was, or never was. */
  standing(agent: KnownAgent): "accepted" | "revoked" | "unknown" {
    if (this.bound === agent) return "accepted";
    return agent.has_registered ? "revoked" : "unknown";
  }

  /** What has become of the registration token that an agent was born with. */
  tokenOf({ intent_id }: KnownAgent, now: number, ttl_ms: number): "live" | "used" | "dead" {
    const minted = this.history.find(({ kind, data }) => kind === "intent_opened" && data.intent_id === intent_id);
    if (minted === undefined || now >= Date.parse(minted.at) + ttl_ms) return "dead";
    const since = this.history.filter(({ seq }) => seq > minted.seq);
    const killers = ["credential_revoked", "generation_started", "destroyed"];
    if (since.some(({ kind }) => killers.includes(kind))) return "dead";
    const exchange = since.find(({ kind }) => kind === "agent_registered");
    if (exchange === undefined) return "live";
    return exchange.data.intent_id === intent_id ? "used" : "dead";
  }

  learn(event: EventView, next: EventView | undefined): void {
    if (event.kind === "config_published" && event.actor === "spawnpoint") this.#learnPutBack(event, next);
    this.told = tell(this.told, event);
    this.history.push(event);
  }

  /** A version that nobody asked for: the whole of the last good one, secrets included, since the desired one has failed. */
  #learnPutBack({ at, data }: EventView, next: EventView | undefined): void {
    const good = wayBack(this.told.config);
    expect(good, "nothing is to be put back").not.toBeNull();
    const { id } = data.config as { id: string };
    const version = this.versions.length + 1;
    const back = { failed_version: version - 1, restored_from: good, version, reason: expect.any(String) };
    expect(data).toMatchObject({ config: { version }, restored_from: good });
    expect(next).toMatchObject({ kind: "rolled_back", data: back });
    const { shown, ...secrets } = this.version(Number(good));
    const note = `Version ${version - 1} failed: ${next?.data.reason}`;
    const put_back = { id, version, restored_from: good, note, author: "spawnpoint", created_at: at };
    this.versions.push({ ...secrets, shown: { ...shown, ...put_back } });
  }
}
