/** A random schedule: people, faults and process deaths drawn from one seed; then calm, and what must be true after it. */
import { BOT_ACTIONS, type CommandKind, WORKLOAD_COMMANDS } from "../../src/wire/enums.ts";
import type { Verdict } from "./agent-rollout.ts";
import { addFaults, drawKnobs } from "./faults.ts";
import { troubleTrading } from "./holds.ts";
import { Violation } from "./invariants.ts";
import type { Machine } from "./machine.ts";
import { prng } from "./prng.ts";
import { comeToRest } from "./rest.ts";
import { type Delivery, MINUTE, World } from "./world.ts";

const COMMANDS: CommandKind[] = [...WORKLOAD_COMMANDS];
const VERDICTS: Verdict[] = ["fails", "dies", "says_nothing"];
const TURNS = 8;
const MAX_SKEW_MS = 5 * MINUTE;
/** So short that it is pruned several times in a schedule. */
const SHORT_HISTORY = { history_max: 24, history_keep: 8, history_chunk: 10 };

/** What a schedule is made of; a feature that is left out is drawn all the same, so that all others stay as they were. */
class Features {
  readonly #without: ReadonlySet<string>;
  readonly #met: Set<string>;

  constructor(without: ReadonlySet<string>, met: Set<string>) {
    this.#without = without;
    this.#met = met;
  }

  readonly enabled = (feature: string): boolean => {
    this.#met.add(feature);
    return !this.#without.has(feature);
  };
}

export interface ScheduleOptions {
  /** Features to leave out. */
  without?: ReadonlySet<string>;
  /** Is told which features it has. */
  met?: Set<string>;
  watch?: (world: World) => void;
}

/** @throws Violation where an invariant does not hold; the seed replays it */
export async function runSchedule(seed: number, options: ScheduleOptions = {}): Promise<void> {
  const { without = new Set(), met = new Set(), watch = () => undefined } = options;
  const features = new Features(without, met);
  const draw = prng(seed ^ 0x5eed);
  const world = drawWorld(seed, draw, features);
  watch(world);
  try {
    await play(world, seed, draw, features);
  } finally {
    world.close();
  }
}

async function play(world: World, seed: number, draw: () => number, features: Features): Promise<void> {
  const rotate = troubleCredentials(world, prng(seed ^ 0x707a7e), features.enabled);
  const trade = troubleTrading(prng(seed ^ 0x7ade), features.enabled);
  const troubleWorkload = troubleWorkloads(world, prng(seed ^ 0x40ad), features.enabled);
  troubleEnds(world, prng(seed ^ 0xd4a1), features.enabled);
  const stranger = world.simulator.addForeignDroplet({ name: "sp-00c0ffee-somebody-else-g1", tags: ["web"] });
  const ids = Array.from({ length: 1 + Math.floor(draw() * 3) }, () => world.createBot());
  addFaults(world, features.enabled);
  troubleProcesses(world, ids, draw, features);
  for (let turn = 0; turn < TURNS; turn++) {
    await world.run(Math.floor(draw() * 4 * MINUTE));
    if (draw() < 0.6) actAtRandom(world, ids, draw);
    for (const { name, chance, happens } of DISTURBANCES) {
      const due = draw() < chance;
      const detail = draw();
      if (due && features.enabled(name)) await happens(world, ids, detail);
    }
    rotate(world, ids);
    await trade(world, ids);
    troubleWorkload(ids);
    world.checkAnytime();
  }
  await comeToRest(world, ids);
  if (!world.simulator.droplets().some(({ id }) => id === stranger.id))
    throw new Violation("a stranger's droplet was deleted");
}

function drawWorld(seed: number, draw: () => number, { enabled }: Features): World {
  const skewed = draw() < 0.3 && enabled("skewed clocks");
  const alike = draw() < 0.2 && enabled("ids that begin alike");
  // From dice of its own: the others fall as they did before there was this feature.
  const short = prng(seed ^ 0x71de)() < 0.5 && enabled("a short history");
  const world = new World(seed, drawKnobs(draw), {
    skew: () => (skewed ? Math.floor((draw() * 2 - 1) * MAX_SKEW_MS) : 0),
    id_prefix: alike ? "0a1b2c3d" : "",
    policy: short ? SHORT_HISTORY : {},
  });
  const [loss, echo, faulty] = [draw(), draw(), draw()];
  if (loss < 0.2 && enabled("lost beats")) world.agents.loss = 0.3;
  if (echo < 0.3 && enabled("beats from beyond")) world.agents.echo = 0.5;
  if (faulty < 0.3 && enabled("resets of D1")) world.index.faulty = 0.2;
  troubleRollouts(world, prng(seed ^ 0xc0f16), enabled);
  return world;
}

/** Each version has its fate, whichever droplet it comes to. */
function troubleRollouts({ agents }: World, draw: () => number, enabled: Features["enabled"]): void {
  const salt = Math.floor(draw() * 2 ** 32);
  const [bad, slow, lossy] = [draw() < 0.5, draw() < 0.5, draw() < 0.3];
  if (bad && enabled("configs that fail")) {
    agents.verdict = ({ id, version, restored_from }) => {
      const fate = prng(salt ^ Number.parseInt(id.slice(0, 8), 16));
      const fine = version === 1 || restored_from !== null ? 0.85 : 0.4;
      return fate() < fine ? "runs" : (VERDICTS[Math.floor(fate() * VERDICTS.length)] ?? "runs");
    };
  }
  if (slow && enabled("slow applies")) {
    agents.timing = { apply: () => Math.floor(draw() * 3 * MINUTE), away: () => Math.floor(draw() * 10 * MINUTE) };
  }
  if (lossy && enabled("lost acknowledgements")) agents.ack_loss = 0.4;
}

/** From dice of its own, as all that came later. @returns what happens in each turn */
function troubleCredentials({ agents }: World, draw: () => number, enabled: Features["enabled"]) {
  const [often, lossy] = [draw() < 0.7, draw() < 0.5];
  if (lossy && enabled("lost rotations")) agents.rotation_loss = 0.4;
  return (world: World, ids: readonly string[]) => {
    const [due, detail] = [draw() < 0.8, draw()];
    const id = ids[Math.floor(detail * ids.length)];
    if (often && due && id !== undefined && enabled("rotations")) world.command(id, "rotate_credential");
  };
}

/** Workloads that take their time to stop, now and then longer than anybody waits. */
function troubleEnds({ agents }: World, draw: () => number, enabled: Features["enabled"]): void {
  if (draw() < 0.5 && enabled("ends that take long")) {
    agents.drain = () => (draw() < 0.1 ? 30 * MINUTE : draw() * 3 * MINUTE);
  }
}

/** Starts that take long, for ever, or several tries; what happens to one that runs, and to whoever looks after it. */
function troubleWorkloads(world: World, draw: () => number, enabled: Features["enabled"]) {
  const { agents } = world;
  const [bad, often] = [draw() < 0.5, draw() < 0.6];
  if (bad && enabled("starts that fail or take long")) {
    agents.fate = () => {
      const [kind, more] = [draw(), draw()];
      if (kind < 0.1) return { ready_ms: Number.POSITIVE_INFINITY, crashes: 0 };
      return { ready_ms: kind < 0.5 ? more * 9 * MINUTE : 0, crashes: kind > 0.7 ? Math.floor(more * 8) : 0 };
    };
  }
  const happenings = [
    ["a workload hangs", ({ workload }: Machine) => workload.hang(world.now)],
    ["a workload crashes", ({ workload }: Machine) => workload.crash("exit code 1")],
    ["a foreign workload", ({ workload }: Machine) => workload.takePort(world.now + draw() * 20 * MINUTE)],
    ["an orphaned workload", ({ droplet_id }: Machine) => agents.restart(droplet_id)],
  ] as const;
  return (ids: readonly string[]) => {
    const [due, which, what] = [draw() < 0.7, draw(), draw()];
    const id = ids[Math.floor(which * ids.length)];
    const happening = happenings[Math.floor(what * happenings.length)];
    const machine = id === undefined ? undefined : agents.machines.get(world.bot(id).adopted ?? 0);
    if (often && due && machine?.registered && happening !== undefined && enabled(happening[0])) happening[1](machine);
  };
}

function troubleProcesses(world: World, ids: string[], draw: () => number, { enabled }: Features): void {
  const deaths = draw() < 0.5 && enabled("deaths") ? 0.03 : 0;
  const alarms = draw() < 0.3 && enabled("unreliable alarms") ? 0.05 : 0;
  world.pause = async (who, where) => {
    if (world.random() < deaths) {
      world.kill(who);
      return;
    }
    // Between the two sides of an await other things happen.
    if (world.random() < 0.05 && enabled("actions during calls")) actAtRandom(world, ids, world.random);
    if (world.random() < 0.02 && enabled("commands during calls")) commandAtRandom(world, ids, world.random());
    // A change that comes while another one is being made, or a rollback.
    if (where === "before seal" && world.random() < 0.1 && enabled("changes during changes"))
      await world.publish(who, { strictness: "medium" });
    if (world.random() < 0.05 && enabled("slow calls")) world.now += Math.floor(world.random() * 20_000);
  };
  world.deliver = (): Delivery => {
    if (world.random() >= alarms) return "once";
    const how = world.random();
    return how < 0.3 ? "twice" : how < 0.5 ? "never" : { late_ms: Math.floor(how * 5 * MINUTE) };
  };
}

interface Disturbance {
  name: string;
  /** At each turn, 0 to 1. */
  chance: number;
  /** @param detail in [0, 1) */
  happens: (world: World, ids: string[], detail: number) => Promise<void> | void;
}

const DISTURBANCES: Disturbance[] = [
  { name: "the gate is reset", chance: 0.1, happens: (world) => world.kill("gate") },
  { name: "a deploy", chance: 0.08, happens: (world) => world.deploy() },
  {
    name: "D1 goes down or comes back",
    chance: 0.1,
    happens: ({ index }) => {
      index.down = !index.down;
    },
  },
  {
    name: "D1 is saved, and later restored",
    chance: 0.15,
    happens: ({ index }, _ids, detail) => {
      if (detail < 0.5 || !index.restoreBackup()) index.save();
    },
  },
  { name: "the index is rebuilt", chance: 0.05, happens: rebuildUnlessDown },
  {
    name: "another token is deployed, or ours again",
    chance: 0.06,
    happens: (world, _ids, detail) => {
      if (!world.gate.hasTeam()) return;
      const { token } = world.cloud;
      if (token !== "ours") world.deploy("ours");
      else if (detail < 0.5) world.deploy("another_teams");
      // A token is revoked under a running system.
      else world.cloud.token = "revoked";
    },
  },
  { name: "a droplet vanishes", chance: 0.05, happens: onActive((world, id) => world.simulator.vanish(id)) },
  {
    name: "a droplet is switched off by hand",
    chance: 0.05,
    happens: onActive((world, id) => world.simulator.powerOffByHand(id)),
  },
  { name: "an agent hangs", chance: 0.08, happens: onActive((world, id) => world.agents.freeze(id, "until_boot")) },
  { name: "an agent is lost", chance: 0.04, happens: onActive((world, id) => world.agents.freeze(id, "for_good")) },
  {
    name: "a droplet is copied with its credential",
    chance: 0.05,
    happens: onActive((world, id) => {
      const { name, tags } = world.simulator.droplet(id) ?? { name: "", tags: [] };
      world.agents.copy(id, world.simulator.addForeignDroplet({ name: `${name}-copy`, tags }).id);
    }),
  },
  {
    name: "a policy changes",
    chance: 0.1,
    happens: (world, ids, detail) => {
      const id = ids[Math.floor(detail * ids.length)];
      if (id !== undefined && !world.bot(id).destroyed_at)
        world.patch(id, { policies: { healing: detail < 0.7 ? "redeploy" : "off" } });
    },
  },
  {
    name: "a command",
    chance: 0.25,
    happens: commandAtRandom,
  },
  {
    name: "a config changes",
    chance: 0.2,
    happens: async (world, ids, detail) => {
      const id = ids[Math.floor(detail * ids.length)];
      if (id !== undefined) await world.publish(id, { strictness: detail < 0.5 ? "high" : "low" });
    },
  },
  {
    name: "a config changes twice at once",
    chance: 0.1,
    happens: async (world, ids, detail) => {
      const id = ids[Math.floor(detail * ids.length)];
      if (id === undefined) return;
      const changes = [{ strictness: "high" }, { llm_api_key: `sk-${detail}` }] as const;
      await Promise.all(changes.map((change) => world.publish(id, change)));
    },
  },
];

function onActive(happens: (world: World, dropletId: number) => void): Disturbance["happens"] {
  return (world, ids, detail) => {
    const active = ids.flatMap((id) => world.dropletsOf(id)).filter(({ status }) => status === "active");
    const droplet = active[Math.floor(detail * active.length)];
    if (droplet) happens(world, droplet.id);
  };
}

function commandAtRandom(world: World, ids: string[], detail: number): void {
  const id = ids[Math.floor(detail * ids.length)];
  const kind = COMMANDS[Math.floor(detail * 101) % COMMANDS.length];
  if (id !== undefined && kind !== undefined) world.command(id, kind);
}

async function rebuildUnlessDown(world: World): Promise<void> {
  if (!world.index.down && world.cloud.token === "ours") await world.rebuildIndex();
}

function actAtRandom(world: World, ids: string[], random: () => number): void {
  const id = ids[Math.floor(random() * ids.length)];
  if (id !== undefined && random() < 0.25) {
    if (random() < 0.5) world.suspend(id);
    else world.unsuspend(id);
    return;
  }
  // The last one is destroy, which ends a bot: mostly it is not among the actions drawn.
  const action = BOT_ACTIONS[Math.floor(random() * (BOT_ACTIONS.length - (random() < 0.7 ? 1 : 0)))];
  if (id === undefined || action === undefined) return;
  if (random() < 0.05) world.cancel(id);
  else if (action === "destroy" && random() < 0.3) world.forceDestroy(id);
  else world.act(id, action);
}
