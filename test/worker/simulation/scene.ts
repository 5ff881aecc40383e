/** One schedule as all who take part in it see it: its cloud, its bots, and which process is about to die. */
import type { FaultKind } from "../../../simulator/model/faults.ts";
import type { Call } from "../../../simulator/model/routes.ts";
import { Simulator } from "../../../simulator/model/simulator.ts";
import { drawKnobs, FAULTS } from "../../simulation/faults.ts";
import { prng } from "../../simulation/prng.ts";
import { History } from "./history.ts";
import { hurried, hurriedKnobs } from "./speed.ts";

/** Droplets of different schedules never share a number: the index knows them all. */
const DROPLETS_A_SCENE = 10_000;
const FIRST_DROPLET = 600_000_000;
const KEPT_NOTES = 400;
/** What costs real seconds, whatever the settings say: seldom, and once. */
const SLOW_FAULTS: readonly FaultKind[] = [
  "rate_limited",
  "rate_limited_bare",
  "rate_limited_stale_reset",
  "pending_event",
];
/** Five minutes. */
const ENDLESS_FAULT: FaultKind = "rate_limited_hourly";
/** A gate that dies over these waits a minute before it asks again. */
const GATE_FAULTS: readonly FaultKind[] = ["unauthorized", "forbidden"];

export class Scene {
  readonly seed: number;
  readonly cloud: Simulator;
  readonly history = new History();
  /** The bots' ids, in the order in which they were made. */
  readonly bots: string[] = [];
  /** Somebody has meddled with a droplet: then it need not be there, or run, in the end. */
  meddled = false;
  index_down = false;
  /** What the objects logged and what was done to them, for whoever has to explain a failure. */
  readonly notes: string[] = [];
  deaths = 0;
  readonly #mortality: { bot: number; gate: number };
  readonly #fates = new Map<string, () => number>();
  #calm = false;

  constructor(seed: number) {
    this.seed = seed;
    const draw = prng(seed ^ 0xc10d);
    const options = {
      now: () => Date.now(),
      random: prng(seed ^ 0x51a7),
      droplet_limit: 10_000,
      knobs: hurriedKnobs(drawKnobs(draw)),
    };
    const next_droplet = FIRST_DROPLET + (seed % 100_000) * DROPLETS_A_SCENE;
    this.cloud = Simulator.restore({ ...new Simulator(options).snapshot(), next_droplet }, options);
    const mortality = draw() < 0.6 ? 0.03 + draw() * 0.1 : 0;
    const gateDies = draw() < 0.5;
    this.#mortality = { bot: mortality, gate: gateDies ? mortality : 0 };
    addFaults(this.cloud, draw, gateDies);
  }

  /** The name of the gate that its bots ask: a brake of one schedule must not hold all others up. */
  get gate(): string {
    return `digitalocean-${this.seed}`;
  }

  get calm(): boolean {
    return this.#calm;
  }

  /** Faults and deaths end. */
  calmDown(): void {
    this.#calm = true;
    this.index_down = false;
    this.cloud.script.clear();
    this.note("calm");
  }

  /** Asked at each await of an object, in its own sequence: whether its process dies there. @param bot null: the gate */
  isFatal(bot: string | null): boolean {
    if (this.#calm) return false;
    const object = bot ?? "gate";
    let fate = this.#fates.get(object);
    if (!fate) {
      fate = prng(this.seed * 7919 + this.#fates.size);
      this.#fates.set(object, fate);
    }
    return fate() < this.#mortality[bot === null ? "gate" : "bot"];
  }

  note(text: string): void {
    this.notes.push(`${new Date().toISOString().slice(17, 23)} ${text}`);
    if (this.notes.length > KEPT_NOTES) this.notes.shift();
  }

  /** A call that reaches DigitalOcean: what it touches has to be its bot's own. @param bot null: the gate calls */
  judgeCall({ operation, droplet_id }: Call, bot: string | null): void {
    if (operation === "delete_by_tag") this.history.complain("somebody deletes by tag");
    if (operation !== "delete_droplet" && operation !== "droplet_action") return;
    const droplet = this.cloud.droplet(droplet_id ?? 0);
    // A droplet that is gone cannot be harmed.
    if (droplet === undefined) return;
    const own = bot !== null && droplet.name.includes(bot.replaceAll("-", ""));
    if (!own) this.history.complain(`${operation} of ${droplet.name}, which is not that of ${bot ?? "the gate"}`);
  }

  /** Droplets that carry the bot's name, whatever the API shows of them. */
  dropletsOf(bot: string) {
    return this.cloud.droplets().filter(({ name }) => name.includes(bot.replaceAll("-", "")));
  }
}

function addFaults(cloud: Simulator, draw: () => number, gateDies: boolean): void {
  // One in ten breaks the bounds: a POST that takes effect long after it was given up. Only the sweep finds its droplet.
  const latest_ms = draw() < 0.1 ? 600_000 : 50_000;
  for (const { on, faults } of FAULTS) {
    for (const fault of faults) {
      const slow = SLOW_FAULTS.includes(fault);
      const drawn = draw() < (slow ? 0.04 : 0.25);
      if (!drawn || fault === ENDLESS_FAULT || (gateDies && GATE_FAULTS.includes(fault))) continue;
      cloud.script.add({
        on,
        fault,
        probability: draw() * 0.4,
        delay_ms: hurried(draw() * (fault === "late_effect" ? latest_ms : 50_000)),
        duration_ms: hurried(30_000),
        ...(slow ? { times: 1, retry_after_s: 1 } : {}),
      });
    }
  }
}
