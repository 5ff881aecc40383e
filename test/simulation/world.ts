/** One schedule: bots, agents and a DigitalOcean in virtual time, and what must hold throughout. */
import { isDeepStrictEqual } from "node:util";
import type { Knobs } from "../../simulator/model/knobs.ts";
import { Simulator } from "../../simulator/model/simulator.ts";
import type { EventBody } from "../../src/bot/events.ts";
import { apply } from "../../src/bot/fold.ts";
import { forceDestroy } from "../../src/bot/force.ts";
import type { BotRow, OutboxEntry } from "../../src/bot/index-rows.ts";
import { act, cancelOperation, createBot, type NewBot, patchBot } from "../../src/bot/management.ts";
import { defaultPolicy } from "../../src/bot/policy.ts";
import { publishConfig } from "../../src/bot/publish.ts";
import { type BotState, dropletName, fleetOf, isRunning } from "../../src/bot/state.ts";
import { suspend, unsuspend } from "../../src/bot/suspend.ts";
import { claim } from "../../src/bot/upkeep.ts";
import { DigitalOcean } from "../../src/provider/digitalocean.ts";
import type { PatchBotRequest } from "../../src/wire/bot.ts";
import type { ConfigPatch } from "../../src/wire/config.ts";
import type { BotAction, BotStatus } from "../../src/wire/enums.ts";
import { configRow } from "../fixtures/bot.ts";
import { Agenda } from "./agenda.ts";
import { Agents } from "./agents.ts";
import { GateHost } from "./gate-host.ts";
import { Host, uuid } from "./host.ts";
import { prng } from "./prng.ts";

const START = Date.UTC(2026, 10, 20);
export const MINUTE = 60_000;
const CRON_MS = 5 * MINUTE;
const FLEET_ID = "00c0ffee";
const operator = { every_account: true } as const;

export class Violation extends Error {
  override name = "Violation";
}

export class World {
  now = START;
  readonly random: () => number;
  readonly simulator: Simulator;
  readonly agents: Agents;
  readonly gate: GateHost;
  readonly #provider: DigitalOcean;
  readonly hosts = new Map<string, Host>();
  readonly #alarms = new Agenda<Host>();
  readonly index = new Map<string, BotRow>();
  /** Called at every await of every Bot. */
  pause: (host: string, where: string) => Promise<void> = async () => undefined;
  indexDown = false;
  /** What did not hold at some commit. */
  readonly violations: string[] = [];
  #folded = new Map<string, BotState>();
  /** The droplet names that some intent was made for. */
  readonly #intended = new Set<string>();
  #requests = 0;
  #cronAt = START;

  constructor(seed: number, knobs: Partial<Knobs> = {}) {
    this.random = prng(seed);
    this.simulator = new Simulator({ now: () => this.now, random: this.random, droplet_limit: 10_000, knobs });
    this.#provider = new DigitalOcean({
      base_url: "http://do",
      token: "dop_v1_simulator",
      timeout_ms: 30_000,
      fetch: (input, init) => this.simulator.fetch(input, init),
      now: () => this.now,
    });
    this.gate = new GateHost({
      now: () => this.now,
      provider: this.#provider,
      claim: async (id, request) => {
        const host = this.hosts.get(id);
        return host ? claim(host.shell, request) : "unknown_bot";
      },
      indexed: (id) => this.index.has(id),
      fleetId: () => FLEET_ID,
      countLiveBots: () => [...this.hosts.keys()].filter((id) => this.bot(id).status === "online").length,
    });
    this.agents = new Agents(this.simulator, {
      now: () => this.now,
      random: this.random,
      hostOf: (id) => this.hosts.get(id),
    });
  }

  createBot(): string {
    const id = uuid(this.random);
    const host = new Host({
      now: () => this.now,
      random: this.random,
      policy: defaultPolicy,
      provider: this.#provider,
      gate: this.gate.gate,
      push: async (entry) => this.#receive(entry),
      pause: (where) => this.pause(id, where),
      committed: (committed) => this.#checkCommit(id, committed),
    });
    this.hosts.set(id, host);
    host.storage.alarmChanged = (at) => this.#alarms.set(host, at ?? Number.POSITIVE_INFINITY);
    createBot(host.shell, newBot(id, uuid(this.random), this.now));
    return id;
  }

  act(id: string, action: BotAction) {
    return act(this.host(id).shell, this.#caller(), action);
  }

  suspend(id: string, reason = "payment_failed") {
    return suspend(this.host(id).shell, this.#caller(), reason);
  }

  unsuspend(id: string) {
    return unsuspend(this.host(id).shell, this.#caller());
  }

  forceDestroy(id: string) {
    return forceDestroy(this.host(id).shell, this.#caller());
  }

  patch(id: string, patch: PatchBotRequest) {
    return patchBot(this.host(id).shell, this.#caller(), patch);
  }

  /** Null where the process died during it: nothing is known then, as for any client. */
  publish(id: string, patch: ConfigPatch) {
    const host = this.host(id);
    return host.whileAlive(() => publishConfig(host.shell, this.#caller(), { patch, if_match: null }));
  }

  /** Takes back what is under way, where that is still possible. */
  cancel(id: string) {
    return cancelOperation(this.host(id).shell, this.#caller(), this.bot(id).operation.id);
  }

  #caller() {
    return { scope: operator, actor: "operator", request_id: `r${this.#requests++}` };
  }

  host(id: string): Host {
    const host = this.hosts.get(id);
    if (!host) throw new Error(`no bot ${id}`);
    return host;
  }

  bot(id: string): BotState {
    return this.host(id).shell.present().bot;
  }

  /** The bot has this status, and nothing is under way any more. */
  rests(id: string, status: BotStatus): boolean {
    const bot = this.bot(id);
    return bot.status === status && !isRunning(bot.operation);
  }

  /** Runs until `done` holds or the time is over; says whether it held. */
  async run(forMs: number, done: () => boolean = () => false): Promise<boolean> {
    const end = this.now + forMs;
    for (;;) {
      if (done()) return true;
      const next = Math.min(
        this.#alarms.next(),
        this.gate.storage.alarmAt ?? Number.POSITIVE_INFINITY,
        this.#cronAt,
        this.agents.next(),
        this.simulator.nextDue() ?? Number.POSITIVE_INFINITY,
      );
      if (next > end) {
        this.now = end;
        this.simulator.advance();
        return done();
      }
      this.now = Math.max(this.now, next);
      await this.step();
    }
  }

  /** Everything that is due now. */
  async step(): Promise<void> {
    this.simulator.advance();
    if (this.#cronAt <= this.now) {
      this.#cronAt = this.now + CRON_MS;
      this.gate.sweep();
    }
    if (this.gate.storage.alarmAt !== null && this.gate.storage.alarmAt <= this.now) await this.gate.fire();
    await this.agents.step();
    for (let host = this.#alarms.takeDue(this.now); host; host = this.#alarms.takeDue(this.now)) await host.fire();
  }

  #receive(entry: OutboxEntry): void {
    if (this.indexDown) throw new Error("D1 is down");
    if (entry.kind !== "bot") return;
    const known = this.index.get(entry.row.id);
    if (!known || known.revision < entry.row.revision) this.index.set(entry.row.id, entry.row);
  }

  /** A commit must not throw here: what catches it would hide it. */
  #checkCommit(id: string, host: Host): void {
    const before = this.#folded.get(id) ?? null;
    const news = host.shell.store.events(before?.revision ?? 0, 1000);
    if (before && news.length === 0) return;
    const state = host.shell.store.load();
    if (state.kind !== "bot") {
      this.violations.push(`the stored state of ${id} does not parse`);
      return;
    }
    let folded = before;
    for (const event of news) {
      folded = apply(folded, event);
      if (event.kind === "intent_opened") this.#intended.add(event.data.droplet_name);
    }
    if (!isDeepStrictEqual(folded, state.bot)) this.violations.push(`state of ${id} is not the fold of its history`);
    this.#folded.set(id, state.bot);
    if (before?.destroyed_at && state.bot.destroyed_at === null) this.violations.push(`${id} rose from destroyed`);
    const settled = !isRunning(state.bot.operation);
    if (!settled && host.alarmAt === null)
      this.violations.push(`${id} works on ${state.bot.operation.kind} without an alarm`);
  }

  /** Droplets that carry the bot's name, whatever the API shows of them. */
  dropletsOf(id: string) {
    const { fleet } = this.bot(id);
    const names = Array.from({ length: 64 }, (_, index) => dropletName(fleet, id, index + 1));
    return this.simulator.droplets().filter((droplet) => names.includes(droplet.name));
  }

  history(id: string): EventBody[] {
    return this.host(id).shell.store.events(0, 100_000);
  }

  /** What must hold at any time, fault or not. */
  checkAnytime(): void {
    const [violation] = this.violations;
    if (violation !== undefined) throw new Violation(violation);
    for (const [id, { errors }] of this.hosts) {
      if (errors.length > 0) throw new Violation(`${id} logged an error: ${JSON.stringify(errors[0])}`);
    }
    for (const droplet of this.simulator.droplets()) {
      if (!droplet.foreign && !this.#intended.has(droplet.name)) {
        throw new Violation(`droplet ${droplet.name} exists without an intent`);
      }
    }
    if (this.simulator.counters.deletes_by_tag > 0) throw new Violation("somebody deleted by tag");
  }
}

function newBot(id: string, configId: string, now: number): NewBot {
  return {
    id,
    account_id: "00000000-0000-4000-8000-00000000000a",
    name: "Simulated",
    persona: "beginner",
    fleet: fleetOf(FLEET_ID),
    actor: "operator",
    config: configRow({
      id: configId,
      bot_id: id,
      llm_api_key: `${id}|1|llm_api_key secret`,
      llm_api_key_updated_at: now,
      created_at: now,
    }),
  };
}
