/** The real system under the model: the Worker, its objects and D1 behind a simulated cloud, in virtual time. */
import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import type { ActiveFault, FaultRule } from "../../../simulator/model/faults.ts";
import { DEFAULT_KNOBS } from "../../../simulator/model/knobs.ts";
import type { Simulator } from "../../../simulator/model/simulator.ts";
import type { DropletView } from "../../../simulator/model/views.ts";
import type { EventView } from "../../../src/wire/bot.ts";
import { agentOn } from "../agent.ts";
import { newAccount, request, simulateCloud } from "../cloud.ts";
import { changeSettings } from "../given.ts";
import type { Census } from "./census.ts";
import type { KnownAgent, KnownBot } from "./known.ts";
import { VirtualTime } from "./virtual-time.ts";

export type Reply = Awaited<ReturnType<typeof request>>;

/** Where a call to DigitalOcean hangs: before it has taken effect, or on the way back. */
export type HangsAt = "before" | "after";

/** A call that is made to hang. It is polled: nobody can await a promise of another object's request. */
interface Call {
  at: HangsAt;
  state: "awaited" | "hangs" | "comes back";
}

/** An alarm under way whose call hangs. */
interface Flight {
  who: string;
  call: Call;
  landed: Promise<void>;
}

/** What is only said when something broke that nothing here breaks. */
const BREAKDOWNS = ["alarm_failed", "request_failed", "gate_alarm_failed", "sweep_failed", "bot_state_unreadable"];

/** More alarms than anything here needs: somebody works without getting on. */
const MAX_ALARMS = 3_000;

export class World {
  readonly census: Census;
  readonly time: VirtualTime;
  readonly cloud: Simulator;
  readonly account_id: string;
  /** What no management answer may hold. */
  readonly secrets = new Set<string>();
  /** Faults that have not happened yet. */
  faults: ActiveFault[] = [];
  /** Droplets that were taken away by nobody's command. */
  readonly vanished = new Set<number>();
  /** When something last went wrong in the cloud. */
  troubled_at = 0;
  /** What the logs say of ourselves. */
  readonly breakdowns: string[] = [];
  readonly #bots: KnownBot[] = [];
  #hang: Call | null = null;
  #flight: Flight | null = null;

  private constructor(census: Census, time: VirtualTime, cloud: Simulator, account_id: string) {
    this.census = census;
    this.time = time;
    this.cloud = cloud;
    this.account_id = account_id;
    for (const level of ["log", "warn", "error"] as const) {
      vi.spyOn(console, level).mockImplementation((line: unknown) => {
        if (BREAKDOWNS.some((event) => String(line).includes(`"${event}"`))) this.breakdowns.push(String(line));
      });
    }
    vi.spyOn(globalThis, "fetch").mockImplementation((input, init) =>
      this.#fetch(input as Request, init as RequestInit),
    );
  }

  /** A world in which nothing has happened yet, with the bounds and the cloud of production. */
  static async begin(census: Census): Promise<World> {
    await changeSettings({ POLICY: "{}", PROVIDER_LIMITS: "{}", SWEEP_MODE: "delete" });
    await reset();
    await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
    const time = new VirtualTime();
    vi.spyOn(Math, "random").mockImplementation(pseudoRandom(1));
    return new World(census, time, simulateCloud(DEFAULT_KNOBS), await newAccount("basic"));
  }

  add(bot: KnownBot): void {
    this.#bots.push(bot);
  }

  /** A request of the operator's. */
  async send(...args: Parameters<typeof request>): Promise<Reply> {
    const [method, path] = args;
    const route = path.replace(/\?.*/, "").replace(/[0-9a-f-]{36}/g, ":id");
    return this.#read(`${method} ${route}`, await request(...args));
  }

  /** No answer holds a secret, but the one that is there to carry it. */
  #read(asked: string, reply: Reply): Reply {
    this.census.count(`${asked} ${reply.json?.code ?? reply.status}`);
    for (const secret of this.secrets) expect(reply.text).not.toContain(secret);
    return reply;
  }

  addFault(rule: FaultRule): void {
    this.faults.push(this.cloud.script.add(rule));
    this.troubled_at = this.time.now;
  }

  /** Whether nothing has gone wrong for so long that nothing is held up any more. */
  isCalm(for_ms: number): boolean {
    if (this.faults.some(({ hits }) => hits > 0)) this.troubled_at = this.time.now;
    this.faults = this.faults.filter(({ hits }) => hits === 0);
    return this.faults.length === 0 && this.time.now >= this.troubled_at + for_ms;
  }

  /** Runs every alarm that is due within `ms`, and calls `every` at each multiple of its interval. */
  async pass(ms: number, every?: { interval_ms: number; run(): Promise<void> }): Promise<void> {
    await this.land();
    const until = this.time.now + ms;
    let beat = every ? this.time.now + every.interval_ms : Number.POSITIVE_INFINITY;
    for (let alarms = 0; alarms < MAX_ALARMS; alarms++) {
      const alarm = await this.#nextAlarm();
      if (every && beat <= Math.min(alarm?.at ?? until, until)) {
        this.time.goTo(beat);
        await every.run();
        beat += every.interval_ms;
      } else if (alarm !== null && alarm.at <= until) {
        await this.time.ring(alarm.who, alarm.at);
        await this.meetDroplets();
      } else {
        this.time.goTo(until);
        return;
      }
    }
    throw new Error(`more than ${MAX_ALARMS} alarms within ${ms} ms: somebody works without getting on`);
  }

  /** Runs the one alarm that is due next, if it is within `ms`. */
  async passToNextAlarm(ms: number): Promise<void> {
    await this.land();
    const alarm = await this.#nextAlarm();
    if (alarm === null || alarm.at > this.time.now + ms) return;
    await this.time.ring(alarm.who, alarm.at);
    await this.meetDroplets();
  }

  /** Runs a bot's next alarm, if it is due within `ms`, until its first call hangs; nothing hangs if it makes none. */
  async takeOff(ms: number, at: HangsAt): Promise<void> {
    await this.land();
    const until = this.time.now + ms;
    for (let alarm = await this.#nextAlarm(); alarm !== null && alarm.at <= until; alarm = await this.#nextAlarm()) {
      const { who } = alarm;
      const call = { at, state: "awaited" as Call["state"] };
      if (who !== "gate") this.#hang = call;
      let over = false;
      const landed = this.time.ring(who, alarm.at).finally(() => {
        over = true;
      });
      while (call.state === "awaited" && !over) await soon();
      this.#hang = null;
      await this.meetDroplets();
      if (over) continue;
      this.#flight = { who, call, landed };
      return;
    }
  }

  /** Lets a call that hangs come back, and its alarm end. */
  async land(): Promise<void> {
    if (this.#flight === null) return;
    this.time.goTo(this.time.now + 1);
    this.#flight.call.state = "comes back";
    await this.#flight.landed;
    this.#flight = null;
    await this.meetDroplets();
  }

  /** Droplets that carry the bot's name, oldest first. */
  dropletsOf(bot: KnownBot) {
    return this.cloud.droplets().filter(({ name }) => name.includes(`-${bot.id.replaceAll("-", "")}-g`));
  }

  /** Every droplet's agent is there from its first moment. Whose intent it came from the history says right then. */
  async meetDroplets(): Promise<void> {
    for (const bot of this.#bots) {
      for (const droplet of this.dropletsOf(bot)) {
        if (bot.agents.some(({ droplet_id }) => droplet_id === droplet.id)) continue;
        const { json } = await this.send("GET", `/bots/${bot.id}/events?after=${bot.history.length}&limit=1000`);
        const known: EventView[] = [...bot.history, ...json.data];
        const intent_id = String(known.findLast(({ kind }) => kind === "intent_opened")?.data.intent_id);
        bot.agents.push(await this.#agentOn(droplet, bot, intent_id));
      }
    }
  }

  async #agentOn(droplet: DropletView, { id }: KnownBot, intent_id: string): Promise<KnownAgent> {
    const agent = await agentOn(droplet, id);
    for (const secret of [agent.token, agent.credential]) this.secrets.add(secret);
    const read = (asked: string, ask: (changes?: Record<string, unknown>) => Promise<Reply>): typeof ask => {
      return async (changes) => this.#read(asked, await ask(changes));
    };
    return {
      ...agent,
      register: read("register", agent.register),
      heartbeat: read("heartbeat", agent.heartbeat),
      acknowledge: async (config, changes) => this.#read("acknowledge", await agent.acknowledge(config, changes)),
      intent_id,
      present_boot: agent.boot_id,
      has_registered: false,
      lives: true,
    };
  }

  #nextAlarm() {
    const awake = this.#flight?.who;
    return this.time.nextAlarm(["gate", ...this.#bots.map(({ id }) => id)].filter((who) => who !== awake));
  }

  async #fetch(input: Request, init: RequestInit): Promise<Response> {
    const call = String(input).includes("/v2/droplets") ? this.#hang : null;
    if (call === null) return this.cloud.fetch(input, init);
    this.#hang = null;
    if (call.at === "before") await hang(call);
    const outcome = this.cloud.fetch(input, init);
    // Settled or not: what came of it is known when the call is back.
    if (call.at === "after") await outcome.catch(() => null).then(() => hang(call));
    return outcome;
  }
}

async function hang(call: Call): Promise<void> {
  call.state = "hangs";
  while (call.state === "hangs") await soon();
}

function soon(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** The same chances every time, so that a failure can be replayed. */
function pseudoRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
