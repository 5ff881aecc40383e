/** One schedule as all who take part in it see it: its cloud, its bots, and what becomes of each call. */
import type { Call } from "../../../simulator/model/routes.ts";
import type { Simulator } from "../../../simulator/model/simulator.ts";
import type { DropletView } from "../../../simulator/model/views.ts";
import { prng } from "../../simulation/prng.ts";
import { drawCloud } from "./clouds.ts";
import { History } from "./history.ts";
import { hurried } from "./speed.ts";

const KEPT_NOTES = 400;
const SLOWEST_MS = hurried(8_000);

/** What becomes of a call: how long it is on its way, there and back, and whether its process dies meanwhile. */
export interface Fate {
  there_ms: number;
  back_ms: number;
  dies: "before" | "after" | "never";
  /** Whoever dies before may have sent it all the same. */
  sent: boolean;
}

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
  readonly #bounded: boolean;
  #calm = false;

  constructor(seed: number) {
    this.seed = seed;
    const draw = prng(seed ^ 0xc10d);
    const mortality = draw() < 0.6 ? 0.05 + draw() * 0.15 : 0;
    const gateDies = draw() < 0.5;
    this.#mortality = { bot: mortality, gate: gateDies ? mortality : 0 };
    const { simulator, bounded } = drawCloud(seed, draw, gateDies);
    this.cloud = simulator;
    this.#bounded = bounded;
    simulator.onTransition(({ kind, droplet }) => {
      if (kind === "created") this.#judgeCreated(droplet);
    });
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

  /** Drawn anew for each call, for each object in its own sequence. @param bot null: the gate */
  fate(bot: string | null): Fate {
    const object = bot ?? "gate";
    let draw = this.#fates.get(object);
    if (!draw) {
      draw = prng(this.seed * 7919 + this.#fates.size);
      this.#fates.set(object, draw);
    }
    const [fatal, side, sent, there, back] = [draw(), draw(), draw(), draw(), draw()];
    const dies = fatal < this.#mortality[bot === null ? "gate" : "bot"] && !this.#calm;
    return {
      there_ms: SLOWEST_MS * there * there,
      back_ms: SLOWEST_MS * back * back,
      dies: dies ? (side < 0.5 ? "before" : "after") : "never",
      sent: sent < 0.5,
    };
  }

  note(text: string): void {
    this.notes.push(`${new Date().toISOString().slice(17, 23)} ${text}`);
    if (this.notes.length > KEPT_NOTES) this.notes.shift();
  }

  /** A call that reaches DigitalOcean: what it touches has to be its bot's own. @param bot null: the gate calls */
  judgeCall({ operation, droplet_id, body }: Call, bot: string | null): void {
    if (operation === "create_droplet") {
      const { name } = JSON.parse(body);
      if (!this.history.isIntended(name)) this.history.complain(`${name} is asked for without a durable intent`);
    }
    if (operation === "delete_by_tag") this.history.complain("somebody deletes by tag");
    if (operation !== "delete_droplet" && operation !== "droplet_action") return;
    const droplet = this.cloud.droplet(droplet_id ?? 0);
    // A droplet that is gone cannot be harmed.
    if (droplet === undefined) return;
    const own = bot !== null && droplet.name.includes(bot.replaceAll("-", ""));
    if (!own) this.history.complain(`${operation} of ${droplet.name}, which is not that of ${bot ?? "the gate"}`);
  }

  /** Where a POST takes effect in time, nobody posts the same name again. */
  #judgeCreated({ name }: DropletView): void {
    const alike = this.cloud.droplets().filter((droplet) => droplet.name === name && !droplet.foreign);
    if (alike.length > 1 && this.#bounded) this.history.complain(`${name} was made ${alike.length} times`);
  }

  /** Droplets that carry the bot's name, whatever the API shows of them. */
  dropletsOf(bot: string): DropletView[] {
    return this.cloud.droplets().filter(({ name }) => name.includes(bot.replaceAll("-", "")));
  }
}
