/** One schedule: bots, agents and a DigitalOcean in virtual time, and what must hold throughout. */
import type { Knobs } from "../../simulator/model/knobs.ts";
import type { SimulatorState } from "../../simulator/model/records.ts";
import { requestCommand } from "../../src/bot/calls/commands.ts";
import { forceDestroy } from "../../src/bot/calls/force-destroy.ts";
import { act, cancelOperation, createBot, patchBot } from "../../src/bot/calls/management.ts";
import { publishConfig } from "../../src/bot/calls/publish-config.ts";
import { releaseHold } from "../../src/bot/calls/release-hold.ts";
import { suspend, unsuspend } from "../../src/bot/calls/suspend.ts";
import type { EventBody } from "../../src/bot/model/events.ts";
import { defaultPolicy, type Policy } from "../../src/bot/model/policy.ts";
import { type BotState, isRunning } from "../../src/bot/model/state.ts";
import { runWatchdog } from "../../src/fleet/watchdog.ts";
import { dropletName, fleetOf } from "../../src/naming/fleet.ts";
import type { NewBot } from "../../src/records/rows.ts";
import type { Vault } from "../../src/secrets/vault.ts";
import type { PatchBotRequest } from "../../src/wire/bot.ts";
import type { ConfigPatch } from "../../src/wire/config.ts";
import type { BotAction, BotStatus, CommandKind, HoldOwner } from "../../src/wire/enums.ts";
import { configRow } from "../fixtures/bot.ts";
import { OPERATOR } from "../fixtures/caller.ts";
import { Agenda } from "./agenda.ts";
import { Agents } from "./agents.ts";
import { Cloud, type Token } from "./cloud.ts";
import { GateHost } from "./gate-host.ts";
import { Host, uuid } from "./host.ts";
import { IndexStore } from "./index-store.ts";
import { Invariants } from "./invariants.ts";
import { prng } from "./prng.ts";
import { Process } from "./process.ts";
import { rebuildIndex, watchdogPlatform } from "./upkeep.ts";

/** When every world begins, ms since the epoch. */
export const START = Date.UTC(2026, 10, 20);
export const MINUTE = 60_000;
const CRON_MS = 5 * MINUTE;
const FLEET_ID = "00c0ffee";

/** How the platform delivers an alarm: as promised, twice, so many ms late, or not at all. */
export type Delivery = "once" | "twice" | "never" | { late_ms: number };

export interface WorldOptions {
  /** How far a clock is off, ms: each party's own, the same for as long as the world lasts. */
  skew?: () => number;
  /** The first digits of every bot's id. */
  id_prefix?: string;
  /** What differs from the default policy. */
  policy?: Partial<Policy>;
  /** What our team's cloud holds from the beginning. */
  held?: Partial<SimulatorState>;
  /** Opens and seals the bots' secrets. */
  vault?: Vault;
}

export class World {
  now = START;
  readonly random: () => number;
  readonly cloud: Cloud;
  readonly agents: Agents;
  readonly gate: GateHost;
  readonly hosts = new Map<string, Host>();
  readonly index: IndexStore;
  readonly #alarms = new Agenda<Host | GateHost>();
  readonly #invariants = new Invariants((id) => this.agents.machines.get(id)?.workload);
  readonly #options: Required<Omit<WorldOptions, "held" | "vault">> & WorldOptions;
  /** The Worker's: it holds nothing, but a request may die with it. */
  readonly #worker = new Process((where) => this.pause("worker", where));
  readonly #workerSkew: number;
  /** Called at every await of every Bot, of the gate's alarm (`gate`) and of a rebuild (`worker`). */
  pause: (who: string, where: string) => Promise<void> = async () => undefined;
  deliver: () => Delivery = () => "once";
  #requests = 0;
  #cronAt = START;

  constructor(seed: number, knobs: Partial<Knobs> = {}, options: WorldOptions = {}) {
    this.random = prng(seed);
    this.#options = { skew: () => 0, id_prefix: "", policy: {}, ...options };
    this.cloud = new Cloud(() => this.now, this.random, knobs, options.held);
    this.index = new IndexStore(this.random);
    this.#workerSkew = this.#options.skew();
    const skew = this.#options.skew();
    this.gate = new GateHost({
      now: () => this.now + skew,
      provider: this.cloud.provider,
      fingerprint: () => this.cloud.fingerprint(),
      pause: (where) => this.pause("gate", where),
      claim: async (id, request) => this.hosts.get(id)?.claim(request) ?? "unknown_bot",
      indexed: async (ids) => new Set(ids.filter((id) => this.index.has(id))),
      fleetId: async () => FLEET_ID,
      countLiveBots: async () => this.index.countOnline(),
    });
    this.#schedule(this.gate, skew);
    this.agents = new Agents(this.simulator, {
      now: () => this.now,
      random: this.random,
      hostOf: (id) => this.hosts.get(id),
    });
  }

  /** Our team's cloud. */
  get simulator() {
    return this.cloud.ours;
  }

  createBot(): string {
    const id = uuid(this.random, this.#options.id_prefix);
    const skew = this.#options.skew();
    const host = this.#accept(id, skew);
    createBot(host.shell, newBot(id, uuid(this.random), this.now + skew));
    return id;
  }

  /** A bot that was there before this world. @param statements the SQL that makes its object's storage */
  restoreBot(id: string, statements: readonly string[]): Host {
    const host = this.#accept(id, this.#options.skew());
    for (const statement of statements) host.storage.sql.exec(statement);
    // One that only watches is not written down.
    host.storage.alarmAt = host.shell.present().rt.alarm_at ?? this.now;
    this.#invariants.takeOver(id, host);
    return host;
  }

  #accept(id: string, skew: number): Host {
    const { vault } = this.#options;
    const sleep = prng(this.hosts.size);
    const host = new Host({
      now: () => this.now + skew,
      random: this.random,
      policy: { ...defaultPolicy, restart_interval_ms: 0, ...this.#options.policy },
      provider: this.cloud.provider,
      gate: this.gate.gate,
      hibernates: () => sleep() < 0.1,
      push: async (entry) => this.index.receive(entry),
      pause: (where) => this.pause(id, where),
      ...(vault ? { vault } : {}),
      committed: (committed) => this.#invariants.checkCommit(id, committed),
    });
    this.hosts.set(id, host);
    this.index.accept(id);
    this.#schedule(host, skew);
    return host;
  }

  #schedule(host: Host | GateHost, skew: number): void {
    host.storage.alarmChanged = (at) => this.#alarms.set(host, (at ?? Number.POSITIVE_INFINITY) - skew);
  }

  act(id: string, action: BotAction) {
    return act(this.host(id).awake(), this.#caller(), action);
  }

  suspend(id: string, reason = "payment_failed") {
    return suspend(this.host(id).awake(), this.#caller(), reason);
  }

  unsuspend(id: string) {
    return unsuspend(this.host(id).awake(), this.#caller());
  }

  /** As whoever owns the hold will ask for it. */
  hold(id: string, owner: HoldOwner) {
    const shell = this.host(id).awake();
    if (shell.present().bot.destroyed_at !== null) return;
    shell.commit({ events: [{ kind: "hold_placed", data: { owner, reason: "drawn" } }], actor: owner });
  }

  release(id: string, owner: HoldOwner) {
    return releaseHold(this.host(id).awake(), this.#caller(), owner, "looked at it");
  }

  forceDestroy(id: string) {
    return forceDestroy(this.host(id).awake(), this.#caller());
  }

  patch(id: string, patch: PatchBotRequest) {
    return patchBot(this.host(id).awake(), this.#caller(), patch);
  }

  command(id: string, kind: CommandKind) {
    return requestCommand(this.host(id).awake(), this.#caller(), { kind });
  }

  /** Null where the process died during it: nothing is known then, as for any client. */
  publish(id: string, patch: ConfigPatch) {
    const host = this.host(id);
    return host.whileAlive(() => publishConfig(host.awake(), this.#caller(), { patch, if_match: null }));
  }

  /** Takes back what is under way, where that is still possible. */
  cancel(id: string) {
    return cancelOperation(this.host(id).awake(), this.#caller(), this.bot(id).operation.id);
  }

  #caller() {
    return { ...OPERATOR, request_id: `r${this.#requests++}` };
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

  /** @param who as `pause` names them */
  kill(who: string): void {
    if (who === "worker") this.#worker.die();
    else (who === "gate" ? this.gate : this.host(who)).die();
  }

  /** Every process is replaced at once. */
  deploy(token: Token = this.cloud.token): void {
    this.cloud.token = token;
    for (const who of ["worker", "gate", ...this.hosts.keys()]) this.kill(who);
  }

  /** What an operator does after the database was lost or restored. */
  rebuildIndex(): Promise<void> {
    return rebuildIndex(this, this.#worker);
  }

  /** Runs until `done` holds or the time is over; says whether it held. */
  async run(forMs: number, done: () => boolean = () => false): Promise<boolean> {
    const end = this.now + forMs;
    for (;;) {
      if (done()) return true;
      const next = Math.min(
        this.#alarms.next(),
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
      await runWatchdog(watchdogPlatform(this), this.now + this.#workerSkew);
    }
    await this.agents.step();
    for (let host = this.#alarms.takeDue(this.now); host; host = this.#alarms.takeDue(this.now)) await this.#wake(host);
  }

  async #wake(host: Host | GateHost): Promise<void> {
    const delivery = this.deliver();
    if (typeof delivery === "object") this.#alarms.set(host, this.now + delivery.late_ms);
    else if (delivery === "never") host.storage.takeAlarm();
    else await host.fire();
    if (delivery === "twice") await host.fireAgain();
  }

  /** Gives back what every object's storage holds. The world is over. */
  close(): void {
    for (const { storage } of [this.gate, ...this.hosts.values()]) storage.close();
  }

  /** Droplets that carry the bot's name, whatever the API shows of them. */
  dropletsOf(id: string) {
    const { fleet } = this.bot(id);
    const names = Array.from({ length: 64 }, (_, index) => dropletName(fleet, id, index + 1));
    return this.simulator.droplets().filter((droplet) => names.includes(droplet.name));
  }

  history(id: string): EventBody[] {
    return this.host(id).shell.store.history.events(0, 100_000);
  }

  /** What must hold at any time, fault or not. @throws Violation */
  checkAnytime(): void {
    this.#invariants.check(this.hosts, this.cloud, this.agents);
  }

  /** The bot's whole history folds into its state. @throws Violation */
  checkHistory(id: string): void {
    this.#invariants.refold(id, this.host(id));
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
    retired_keys: { rotation: 0, ids: [] },
    config: configRow({
      id: configId,
      bot_id: id,
      llm_api_key: `${id}|1|llm_api_key secret`,
      llm_api_key_updated_at: now,
      created_at: now,
    }),
  };
}
