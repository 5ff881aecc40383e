/**
 * A random schedule in `workerd`: people, faults and process deaths drawn from one seed; then calm, and what must be
 * true after it. Time is real, so a seed brings the same draws again but not the same instants: a replay is close, and
 * sometimes takes a few tries to fail as it did.
 */
import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { prng } from "../../simulation/prng.ts";
import { die, gateOf } from "./actors.ts";
import { Agents } from "./agents.ts";
import { People } from "./people.ts";
import { complaint } from "./rest.ts";
import { Scene } from "./scene.ts";
import { hurried, sleep } from "./speed.ts";

const TURNS = 6;
const LONGEST_TURN_MS = 900;
const TICK_MS = 100;
/** The cron's round. */
const CRON_MS = hurried(5 * 60_000);
const LOOK_MS = 400;
const PATIENCE_MS = 1_000;
/** What has come to rest stays so. */
const STAY_MS = 600;
/** A machine that has much else to do takes its time; who waits for a dead process waits for ever. */
const REST_MS = 240_000;

class Violation extends Error {
  override name = "Violation";
}

/** @returns how many processes died at an await. @throws Violation where an invariant does not hold */
export async function playSchedule(seed: number): Promise<number> {
  const scene = new Scene(seed);
  const draw = prng(seed);
  const people = new People(scene, draw);
  const stranger = scene.cloud.addForeignDroplet({ name: `sp-00c0ffee-somebody-else-g${seed}`, tags: ["web"] });
  const world = new World(scene, draw() < 0.2);
  try {
    await Promise.race([world.turning, play(scene, people, world, draw)]);
    if (!scene.cloud.droplet(stranger.id)?.powered) throw new Violation("a stranger's droplet was touched");
    return scene.deaths;
  } catch (error) {
    // The newest first: a report may show no more than the beginning.
    const notes = scene.notes.toReversed().join("\n");
    throw new Violation(`seed ${seed}: ${error instanceof Error ? error.message : error}\n${notes}`);
  } finally {
    world.end();
    await fallSilent(scene);
  }
}

async function play(scene: Scene, people: People, world: World, draw: () => number): Promise<void> {
  await people.openAccount();
  await people.createBot();
  if (draw() < 0.5) await people.createBot();
  for (let turn = 0; turn < TURNS; turn++) {
    await sleep(draw() * LONGEST_TURN_MS);
    for (const { chance, happens } of DISTURBANCES) {
      const due = draw() < chance;
      const bot = scene.bots[Math.floor(draw() * scene.bots.length)] ?? "";
      if (due) await happens({ scene, people, world, bot, detail: draw() });
    }
  }
  scene.calmDown();
  await comeToRest(scene, people);
}

async function comeToRest(scene: Scene, people: People): Promise<void> {
  const limit = Date.now() + REST_MS;
  for (let settled = false; ; ) {
    const wrong = await complaint(scene, people).catch((error: unknown) => `cannot be looked at: ${error}`);
    if (scene.history.complaint !== null) throw new Violation(scene.history.complaint);
    if (wrong === null && settled) return;
    if (wrong !== null && Date.now() > limit) throw new Violation(wrong);
    settled = wrong === null;
    await sleep(settled ? STAY_MS : LOOK_MS);
  }
}

/** What goes on by itself meanwhile. */
class World {
  readonly #scene: Scene;
  readonly #agents: Agents;
  /** Alarms get lost here, so that somebody has to look after the bots. */
  readonly watched: boolean;
  #over = false;
  /** Rejects where it cannot go on; resolves when it has ended. */
  readonly turning: Promise<void>;

  constructor(scene: Scene, watched: boolean) {
    this.#scene = scene;
    this.#agents = new Agents(scene, prng(scene.seed ^ 0xa9e7));
    this.watched = watched;
    this.turning = this.#turn();
  }

  end(): void {
    this.#over = true;
  }

  async #turn(): Promise<void> {
    for (let cron_at = Date.now() + CRON_MS; !this.#over; await sleep(TICK_MS)) {
      await this.#agents.step();
      if (Date.now() < cron_at) continue;
      cron_at = Date.now() + CRON_MS;
      await survive(gateOf(this.#scene).sweep(null));
      if (this.watched) for (const bot of this.#scene.bots) await survive(poke(bot));
    }
  }
}

/** As the watchdog does: with what the index knows of the bot. */
async function poke(bot: string): Promise<void> {
  const revision = await env.DB.prepare("SELECT revision FROM bots WHERE id = ?").bind(bot).first<number>("revision");
  await env.BOT.getByName(bot).poke(revision ?? 0);
}

interface Moment {
  scene: Scene;
  people: People;
  world: World;
  bot: string;
  /** In [0, 1): whatever else is to be drawn. */
  detail: number;
}

/** Several may happen in one turn, in this order. */
const DISTURBANCES: { chance: number; happens: (moment: Moment) => Promise<void> }[] = [
  { chance: 0.5, happens: ({ people, bot }) => people.act(bot) },
  { chance: 0.35, happens: ({ scene, bot, detail }) => loseBot(scene, bot, detail) },
  { chance: 0.2, happens: ({ people, bot }) => people.changeConfig(bot) },
  { chance: 0.1, happens: ({ people, bot }) => people.cancel(bot) },
  { chance: 0.07, happens: ({ people, bot, detail }) => people.suspend(bot, detail < 0.6) },
  { chance: 0.15, happens: ({ people, bot }) => people.releaseHold(bot) },
  { chance: 0.1, happens: ({ scene, detail }) => loseGate(scene, detail) },
  { chance: 0.1, happens: async ({ scene }) => turnIndex(scene) },
  { chance: 0.06, happens: async ({ scene, bot, detail }) => meddle(scene, bot, detail) },
  { chance: 0.04, happens: async ({ scene, bot }) => clone(scene, bot) },
  { chance: 0.05, happens: ({ people }) => people.createBot() },
  { chance: 0.15, happens: ({ scene, world, bot }) => (world.watched ? loseAlarm(scene, bot) : Promise.resolve()) },
  { chance: 0.01, happens: ({ scene }) => deploy(scene) },
];

async function loseBot(scene: Scene, bot: string, detail: number): Promise<void> {
  const stub = env.BOT.getByName(bot);
  scene.note(`${bot} is ${detail < 0.5 ? "evicted" : "aborted"}`);
  await survive(detail < 0.5 ? evictDurableObject(stub) : runInDurableObject(stub, (_bot, state) => die(state)));
}

async function loseGate(scene: Scene, detail: number): Promise<void> {
  const stub = gateOf(scene);
  scene.note(`the gate is ${detail < 0.5 ? "evicted" : "aborted"}`);
  await survive(detail < 0.5 ? evictDurableObject(stub) : runInDurableObject(stub, (_gate, state) => die(state)));
}

/** Every object of every schedule at once. */
async function deploy(scene: Scene): Promise<void> {
  scene.note("deploy");
  await survive(abortAllDurableObjects());
}

function turnIndex(scene: Scene): void {
  scene.index_down = !scene.index_down;
  scene.note(`the index is ${scene.index_down ? "down" : "up"}`);
}

function meddle(scene: Scene, bot: string, detail: number): void {
  const droplet = scene.dropletsOf(bot).find(({ status }) => status === "active");
  if (!droplet) return;
  scene.meddled = true;
  scene.note(`droplet ${droplet.id} is ${detail < 0.5 ? "gone" : "switched off"}`);
  if (detail < 0.5) scene.cloud.vanish(droplet.id);
  else scene.cloud.powerOffByHand(droplet.id);
}

/** With its credential, its token and its name, as somebody makes one from a snapshot. */
function clone(scene: Scene, bot: string): void {
  const droplet = scene.dropletsOf(bot).find(({ status }) => status === "active");
  if (droplet) scene.note(`droplet ${droplet.id} is cloned as ${scene.cloud.cloneDroplet(droplet.id).id}`);
}

async function loseAlarm(scene: Scene, bot: string): Promise<void> {
  scene.note(`${bot} loses its alarm`);
  await survive(runInDurableObject(env.BOT.getByName(bot), (_bot, { storage }) => storage.deleteAlarm()));
}

/** What is over must not keep the others from their turn. */
async function fallSilent(scene: Scene): Promise<void> {
  await survive(runInDurableObject(gateOf(scene), (_gate, { storage }) => storage.deleteAlarm()));
  for (const bot of scene.bots) {
    await survive(runInDurableObject(env.BOT.getByName(bot), (_bot, { storage }) => storage.deleteAlarm()));
  }
}

/** Whoever is called may be dying just now; an eviction waits for whoever works, up to half a minute. */
async function survive(call: Promise<unknown>): Promise<void> {
  await Promise.race([call.catch(() => undefined), sleep(PATIENCE_MS)]);
}
