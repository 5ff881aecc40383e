/** A random schedule: people, faults and process deaths drawn from one seed; then calm, and what must be true after it. */

import type { FaultKind } from "../../simulator/model/faults.ts";
import type { Knobs } from "../../simulator/model/knobs.ts";
import type { Operation } from "../../simulator/model/routes.ts";
import type { BotAction, BotStatus } from "../../src/wire/enums.ts";
import { describe } from "./crashes.ts";
import { MINUTE, Violation, World } from "./world.ts";

/** Faults within the model: a POST takes effect within 60 s or never, lists lag by 60 s, tags by 120 s or for ever. */
const FAULTS: { on: Operation | Operation[] | "any"; faults: FaultKind[] }[] = [
  {
    on: "create_droplet",
    faults: [
      "before_effect",
      "after_effect",
      "timeout_before",
      "timeout_after",
      "late_effect",
      "status_5xx_before",
      "status_5xx_after",
      "html_502_before",
      "html_502_after",
      "unparsable_202",
      "rate_limited",
      "rate_limited_bare",
      "rate_limited_stale_reset",
      "quota",
      "capacity",
      "try_again",
      "create_errored",
      "stuck_new",
      "tags_never",
    ],
  },
  {
    on: "get_droplet",
    faults: ["before_effect", "timeout_before", "status_5xx_before", "html_502_before", "rate_limited", "unauthorized"],
  },
  {
    on: "list_droplets",
    faults: ["before_effect", "html_502_before", "rate_limited_hourly", "list_duplicate_row", "page_fails"],
  },
  {
    on: "delete_droplet",
    faults: [
      "before_effect",
      "after_effect",
      "timeout_after",
      "status_5xx_after",
      "pending_event",
      "rate_limited",
      "lost_action",
    ],
  },
  {
    on: "droplet_action",
    faults: [
      "before_effect",
      "after_effect",
      "timeout_after",
      "pending_event",
      "lost_action",
      "rate_limited",
      "html_502_after",
    ],
  },
];

const ACTIONS: BotAction[] = ["pause", "resume", "redeploy", "destroy"];

/** @throws Violation where an invariant does not hold; the seed replays it */
export async function runSchedule(seed: number, watch: (world: World) => void = () => undefined): Promise<void> {
  const world = new World(seed);
  watch(world);
  const { random } = world;
  Object.assign(world.simulator.knobs, drawKnobs(random));
  const stranger = world.simulator.addForeignDroplet({ name: "sp-00c0ffee-somebody-else-g1", tags: ["web"] });
  const ids = Array.from({ length: 1 + Math.floor(random() * 3) }, () => world.createBot());
  addFaults(world);
  const deathRate = random() < 0.5 ? 0.03 : 0;
  world.pause = async (id) => {
    if (random() < deathRate) {
      world.host(id).die();
      return;
    }
    // Between the two sides of an await other things happen.
    if (random() < 0.05) actAtRandom(world, ids);
    if (random() < 0.05) world.now += Math.floor(random() * 20_000);
  };
  for (let turn = 0; turn < 8; turn++) {
    await world.run(Math.floor(random() * 4 * MINUTE));
    if (random() < 0.6) actAtRandom(world, ids);
    if (random() < 0.1) world.gate.reset();
    if (random() < 0.1) world.indexDown = !world.indexDown;
    if (random() < 0.1) disturbWorld(world, ids);
    world.checkAnytime();
  }
  await calmDown(world, ids);
  if (!world.simulator.droplets().some(({ id }) => id === stranger.id))
    throw new Violation("a stranger's droplet was deleted");
}

function drawKnobs(random: () => number): Partial<Knobs> {
  return {
    create_ms: 10_000 + random() * 120_000,
    tag_ms: random() * 120_000,
    tags_missing_forever: random() < 0.2 ? 0.5 : 0,
    list_lag_ms: random() * 60_000,
    get_lag_ms: random() < 0.3 ? random() * 60_000 : 0,
    ip_lag_ms: random() * 20_000,
    delete_ms: random() * 90_000,
    guest_ignores_acpi: random() < 0.2,
    power_on_active: random() < 0.5 ? "refuse" : "accept",
    delete_while_new: (["pending_event", "accept", "ineffective"] as const)[Math.floor(random() * 3)] ?? "accept",
  };
}

function addFaults(world: World): void {
  const { random, simulator } = world;
  // One in ten breaks the bounds: a POST that takes effect long after it was given up. Only the sweep finds its droplet.
  const latest_ms = random() < 0.1 ? 40 * MINUTE : 50_000;
  for (const { on, faults } of FAULTS) {
    for (const fault of faults) {
      if (random() < 0.25)
        simulator.script.add({
          on,
          fault,
          probability: random() * 0.4,
          delay_ms: random() * (fault === "late_effect" ? latest_ms : 50_000),
          duration_ms: 30_000,
        });
    }
  }
}

function actAtRandom(world: World, ids: string[]): void {
  const { random } = world;
  const id = ids[Math.floor(random() * ids.length)];
  if (id !== undefined && random() < 0.25) {
    if (random() < 0.5) world.suspend(id);
    else world.unsuspend(id);
    return;
  }
  const action = ACTIONS[Math.floor(random() * (random() < 0.7 ? 3 : 4))];
  if (id === undefined || action === undefined) return;
  if (action === "destroy" && random() < 0.3) world.forceDestroy(id);
  else world.act(id, action);
}

function disturbWorld(world: World, ids: string[]): void {
  const { random, simulator } = world;
  const droplets = ids.flatMap((id) => world.dropletsOf(id)).filter(({ status }) => status === "active");
  const droplet = droplets[Math.floor(random() * droplets.length)];
  if (!droplet) return;
  if (random() < 0.5) simulator.vanish(droplet.id);
  else simulator.powerOffByHand(droplet.id);
}

const RESTS: BotStatus[] = ["online", "unresponsive", "paused", "suspended", "error", "destroyed"];

/** Faults stop: now everything has to come to rest, and the droplets have to be exactly those that somebody wants. */
async function calmDown(world: World, ids: string[]): Promise<void> {
  world.simulator.script.clear();
  world.pause = async () => undefined;
  world.indexDown = false;
  // Three tries of a create, each with its own deadlines, and the hour of a patient outbox.
  await world.run(200 * MINUTE, () => ids.every((id) => RESTS.some((status) => world.rests(id, status))));
  await world.run(65 * MINUTE);
  world.checkAnytime();
  for (const id of ids) {
    const bot = world.bot(id);
    if (!RESTS.some((status) => world.rests(id, status)))
      throw new Violation(`${id} does not come to rest: ${describe(world, id)}`);
    const droplets = world.dropletsOf(id);
    const wanted = bot.adopted === null ? 0 : 1;
    if (droplets.length > wanted) {
      throw new Violation(
        `${id} is ${describe(world, id)} and has ${droplets.length} droplets: ${droplets.map(({ name }) => name).join(", ")}`,
      );
    }
    if (bot.status === "destroyed" && droplets.length > 0) throw new Violation(`${id} is destroyed and has a droplet`);
    const off = bot.status === "paused" || bot.status === "suspended";
    if (off && droplets[0]?.powered) throw new Violation(`${id} is ${bot.status} and its droplet runs`);
    if (bot.suspension !== null && bot.status !== "suspended")
      throw new Violation(`${id} was suspended and is ${describe(world, id)}`);
    if (world.index.get(id)?.revision !== bot.revision) throw new Violation(`the index lags behind ${id} for good`);
  }
}
