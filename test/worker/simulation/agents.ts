/** The agents on a schedule's droplets, as the Worker's real routes meet them: late, slow, deaf to answers, doubled. */
import type { Transition } from "../../../simulator/model/world.ts";
import { agentOn, type TestAgent } from "../agent.ts";
import type { Scene } from "./scene.ts";
import { hurried } from "./speed.ts";

const BOOT_MS = hurried(40_000);
const BEAT_MS = hurried(80_000);
const RETRY_MS = hurried(10_000);
/** An answer that is lost on its way. */
const LOSS = 0.05;
/** In percent, of one report to the next. */
const LARGEST_DAY_LOSS = 10;

interface Machine {
  droplet: { id: number; user_data: string | null };
  bot_id: string;
  up: boolean;
  boot: number;
  due: number;
  agent: TestAgent | null;
  registered: boolean;
  applied: string | null;
  working: boolean;
  revoked: number;
}

export class Agents {
  readonly #scene: Scene;
  readonly #random: () => number;
  readonly #machines = new Map<number, Machine>();

  constructor(scene: Scene, random: () => number) {
    this.#scene = scene;
    this.#random = random;
    scene.cloud.onTransition((transition) => this.#follow(transition));
  }

  /** Lets every agent that is due say what it has to say. */
  async step(): Promise<void> {
    this.#scene.cloud.advance();
    const now = Date.now();
    const due = [...this.#machines.values()].filter((machine) => machine.up && machine.due <= now);
    await Promise.all(due.map((machine) => this.#speak(machine)));
  }

  /** Called in whichever object's turn the cloud moves on: it only takes note. */
  #follow({ kind, at, droplet }: Transition): void {
    const machine = this.#machines.get(droplet.id) ?? this.#install(droplet);
    if (machine === null) return;
    switch (kind) {
      case "active":
      case "on":
      case "rebooted":
      case "power_cycled":
        Object.assign(machine, { up: true, working: false, boot: machine.boot + 1 });
        machine.due = at + BOOT_MS * (0.5 + this.#random());
        return;
      case "off":
      case "deleted":
      case "create_failed":
        Object.assign(machine, { up: false, working: false });
    }
  }

  #install(droplet: Transition["droplet"]): Machine | null {
    const bot_id = droplet.tags.find((tag) => tag.startsWith("bot-"))?.slice("bot-".length);
    if (bot_id === undefined || droplet.user_data === null) return null;
    const { id, user_data } = droplet;
    const machine: Machine = {
      droplet: { id, user_data },
      bot_id,
      up: false,
      boot: 0,
      due: 0,
      agent: null,
      registered: false,
      applied: null,
      working: false,
      revoked: 0,
    };
    this.#machines.set(id, machine);
    return machine;
  }

  async #speak(machine: Machine): Promise<void> {
    machine.due = Date.now() + BEAT_MS;
    machine.agent ??= await agentOn(machine.droplet, machine.bot_id);
    if (!machine.registered) await this.#register(machine, machine.agent);
    if (machine.registered) await this.#beat(machine, machine.agent);
  }

  get #isLost(): boolean {
    return !this.#scene.calm && this.#random() < LOSS;
  }

  /** What was lost today is another number each time. */
  #tradeOn() {
    const loss = Math.floor(this.#random() * LARGEST_DAY_LOSS);
    return { equity: 100 - loss, daily_pnl: -loss, drawdown_pct: loss, trades_today: 0 };
  }

  async #register(machine: Machine, agent: TestAgent): Promise<void> {
    const { status } = await agent.register({ boot_id: `boot-${machine.boot}` });
    machine.registered = status === 200 && !this.#isLost;
    if (!machine.registered) machine.due = Date.now() + RETRY_MS;
  }

  async #beat(machine: Machine, agent: TestAgent): Promise<void> {
    const state = machine.working ? "running" : "stopped";
    const beat = await agent.heartbeat({
      boot_id: `boot-${machine.boot}`,
      applied_config_id: machine.applied,
      workload: { state, version: null, restarts: 0 },
      ...(machine.working ? { report: this.#tradeOn() } : {}),
    });
    if (beat.json?.code === "credential_revoked" && ++machine.revoked >= 2) machine.working = false;
    if (beat.status !== 200 || this.#isLost) return;
    machine.revoked = 0;
    const { workload, desired_config_id } = beat.json;
    machine.working = workload === "run" || (workload === "hold" && machine.working);
    if (machine.applied === desired_config_id) return;
    const config = await agent.config();
    if (config.status !== 200) return;
    const acknowledged = await agent.acknowledge(config.json.id);
    if (acknowledged.status === 200 && !this.#isLost) machine.applied = config.json.id;
  }
}
