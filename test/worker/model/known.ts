/** What a client may know of a bot: what it asked for, what it was answered, and the history that it has read. */
import type { BotView, EventView, Operation } from "../../../src/wire/bot.ts";
import type { ConfigVersion } from "../../../src/wire/config.ts";
import type { TestAgent } from "../agent.ts";
import type { Shown } from "./judge.ts";

/** Every bot has an operation: the one under way, else the last one. */
export type ShownBot = BotView & { operation: Operation };

/** A config version as it must be shown, and the secret that must never be. */
export interface KnownVersion {
  shown: ConfigVersion;
  llm_api_key: string;
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

/** What follows from the history for the agent. */
interface Told {
  presence: "never" | "heard" | "silent";
  running: Operation["kind"] | null;
  /** The operation under way has given the droplet up, and makes the next one. */
  replacing: boolean;
  recreating: boolean;
  adopted: number | null;
  generation: number;
  off_by_us: boolean;
  start_held: boolean;
  applied: number | null;
  effective: number | null;
  last_good: number | null;
  failed: number | null;
}

export class KnownBot {
  /** As last shown. */
  view: ShownBot;
  readonly id: string;
  readonly versions: KnownVersion[];
  /** Numbers of the versions that D1 lists. */
  listed: number[] = [1];
  history: EventView[] = [];
  operations: Operation[] = [];
  readonly agents: KnownAgent[] = [];
  /** Whose credential is accepted. */
  bound: KnownAgent | null = null;
  told: Told = {
    presence: "never",
    running: "create",
    replacing: false,
    recreating: false,
    adopted: null,
    generation: 1,
    off_by_us: false,
    start_held: false,
    applied: null,
    effective: null,
    last_good: null,
    failed: null,
  };

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

  get running(): boolean {
    return this.operation.ended_at === null;
  }

  get operation(): Operation {
    return this.view.operation;
  }

  version(number: number): KnownVersion {
    const version = this.versions[number - 1];
    if (version === undefined) throw new Error(`no version ${number}`);
    return version;
  }

  /** The bot is being stopped or taken away: its agent gets no config and no permission to run. */
  get stopping(): boolean {
    if (!this.running) return false;
    const { kind } = this.operation;
    return kind === "pause" || kind === "destroy" || (kind === "redeploy" && !this.told.recreating);
  }

  /** What decides about an action. */
  get shown(): Shown {
    return { ...this.view, replacing: this.told.replacing || this.told.recreating };
  }

  get order(): "run" | "stop" | "hold" {
    if (this.stopping || (this.told.off_by_us && !this.running)) return "stop";
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
    if (since.some(({ kind }) => ["credential_revoked", "generation_started", "destroyed"].includes(kind)))
      return "dead";
    const exchange = since.find(({ kind }) => kind === "agent_registered");
    if (exchange === undefined) return "live";
    return exchange.data.intent_id === intent_id ? "used" : "dead";
  }

  learn({ kind, data }: EventView): void {
    this.told = { ...this.told, ...tell(this.told, kind, data) };
  }
}

function tell(told: Told, kind: string, data: EventView["data"]): Partial<Told> {
  switch (kind) {
    case "operation_requested":
      return {
        running: data.kind as Operation["kind"],
        replacing: false,
        recreating: false,
        ...(data.kind === "resume" ? { start_held: false } : {}),
      };
    case "operation_succeeded":
      return { running: null, ...(told.running === "pause" ? { off_by_us: true, presence: "never" } : {}) };
    case "operation_failed":
    case "operation_cancelled":
      return { running: null };
    case "destroyed":
      return { running: null, adopted: null };
    case "generation_started":
      return {
        generation: Number(data.generation),
        recreating: true,
        presence: "never",
        adopted: null,
        off_by_us: false,
        start_held: false,
        applied: null,
        effective: null,
        failed: null,
      };
    case "replacement_begun":
      return { replacing: true };
    case "changed":
      return (data.policies as { start?: string } | undefined)?.start === "auto" ? { start_held: false } : {};
    default:
      return { ...tellOfDroplet(told, kind, data), ...tellOfAgent(kind, data) };
  }
}

function tellOfDroplet(told: Told, kind: string, data: EventView["data"]): Partial<Told> {
  const droplet = data.droplet as { id: number; generation: number; status: string } | undefined;
  switch (kind) {
    case "intent_adopted":
      return told.adopted === null && droplet?.generation === told.generation ? { adopted: droplet.id } : {};
    case "droplet_gone":
      return told.adopted === data.droplet_id ? { adopted: null } : {};
    case "droplet_observed":
      return told.off_by_us && droplet?.id === told.adopted && droplet?.status === "active"
        ? { off_by_us: false, start_held: told.running === null }
        : {};
    default:
      return {};
  }
}

function tellOfAgent(kind: string, data: EventView["data"]): Partial<Told> {
  const version = (data.config as { version: number } | undefined)?.version ?? null;
  switch (kind) {
    case "agent_registered":
    case "agent_heard":
      return { presence: "heard" };
    case "agent_silent":
      return { presence: "silent" };
    case "credential_revoked":
    case "attempt_failed":
      return { presence: "never" };
    case "agent_booted":
      return data.expected === true ? {} : { start_held: true };
    case "config_applied":
      return { applied: version, effective: version, last_good: version, failed: null };
    case "config_effective":
      return { effective: version };
    case "config_failed":
      return { failed: version };
    default:
      return {};
  }
}
