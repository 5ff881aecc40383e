/** Faults stop: now everything has to come to rest, and the droplets have to be exactly those that somebody wants. */

import { defaultPolicy } from "../../src/bot/model/policy.ts";
import { ackDeadline, wayBack } from "../../src/bot/reconcile/rollout.ts";
import type { BotStatus } from "../../src/wire/enums.ts";
import { OPERATOR } from "../fixtures/caller.ts";
import { WELL } from "./agent-workload.ts";
import { describe } from "./crashes.ts";
import { Violation } from "./invariants.ts";
import { MINUTE, type World } from "./world.ts";

const RESTS: BotStatus[] = ["online", "unresponsive", "paused", "suspended", "error", "destroyed"];
/** Three tries of a create, each with its own deadlines. */
const REST_MS = 200 * MINUTE;
/** The hour of a patient outbox, and the watchdog's round. */
const CONVERGE_MS = 70 * MINUTE;
/** What happened last, as an agent that was lost, shows only after a while. */
const AFTERMATH_MS = 5 * MINUTE;
/** By then whoever does not speak has been found silent; another five minutes are for the clocks, which differ. */
const LATE_MS = 10 * MINUTE;

/** @throws Violation */
export async function comeToRest(world: World, ids: readonly string[]): Promise<void> {
  endFaults(world);
  await world.run(REST_MS, () => ids.every((id) => isAtRest(world, id)));
  await world.rebuildIndex();
  const fine = () => ids.every((id) => complaint(world, id) === null);
  await world.run(CONVERGE_MS, fine);
  await world.run(AFTERMATH_MS);
  // It may bring a heal, which has the deadlines of a create.
  await world.run(REST_MS, fine);
  world.checkAnytime();
  for (const id of ids) {
    const wrong = complaint(world, id) ?? complaintOfAudit(world, id);
    if (wrong !== null) throw new Violation(`${id} ${wrong}`);
    world.checkHistory(id);
  }
}

function endFaults(world: World): void {
  world.simulator.script.clear();
  world.pause = async () => undefined;
  world.deliver = () => "once";
  world.agents.loss = 0;
  world.agents.echo = 0;
  world.agents.ack_loss = 0;
  world.agents.rotation_loss = 0;
  world.agents.fate = () => WELL;
  world.agents.drain = () => 0;
  Object.assign(world.index, { down: false, faulty: 0 });
  if (world.cloud.token !== "ours") world.deploy("ours");
}

function isAtRest(world: World, id: string): boolean {
  return RESTS.some((status) => world.rests(id, status));
}

/** What is not as it has to be in the end; null: nothing. */
function complaint(world: World, id: string): string | null {
  const bot = world.bot(id);
  if (!isAtRest(world, id)) return `does not come to rest: ${describe(world, id)}`;
  const droplets = world.dropletsOf(id).filter(({ foreign }) => !foreign);
  const wanted = bot.adopted === null ? 0 : 1;
  if (droplets.length > wanted) {
    const names = droplets.map(({ name }) => name).join(", ");
    return `is ${describe(world, id)} and has ${droplets.length} droplets: ${names}`;
  }
  if (bot.status === "destroyed" && droplets.length > 0) return "is destroyed and has a droplet";
  const off = bot.status === "paused" || bot.status === "suspended";
  if (off && droplets[0]?.powered) return `is ${bot.status} and its droplet runs`;
  if (bot.suspension !== null && bot.status !== "suspended") return `was suspended and is ${describe(world, id)}`;
  if (world.index.get(id)?.revision !== bot.revision) return "is not what the index says of it";
  if (world.host(id).shell.store.nextDeliveryAt() !== null) return "still has something to tell the index";
  return (
    complaintOfConfig(world, id) ??
    complaintOfHolds(world, id) ??
    complaintOfCommands(world, id) ??
    complaintOfCredential(world, id)
  );
}

/** Whatever somebody asked for is in the audit log, as one entry that names all that it did. */
function complaintOfAudit({ hosts, index }: World, id: string): string | null {
  const told = new Map<number, string>();
  for (const { bot_id, key, after, action } of index.audited.values()) {
    if (bot_id !== id || !Array.isArray(after)) continue;
    const last = Number(key.split(":").at(-1));
    after.forEach(({ kind }: { kind: string }, at) => {
      told.set(last - after.length + 1 + at, kind);
    });
    if (action !== OPERATOR.action) return `has an audit entry of "${action}", which nobody asked for`;
  }
  const asked = hosts
    .get(id)
    ?.shell.store.history.events(0, 100_000)
    .filter(({ actor }) => actor === OPERATOR.actor);
  const untold = asked?.find(({ seq, kind }) => kind !== "accepted" && told.get(seq) !== kind);
  return untold === undefined
    ? null
    : `was told to by an operator, and the audit log lacks ${untold.seq} ${untold.kind}`;
}

/** Whatever was lost while it rotated: an agent that can speak has the credential that counts. */
function complaintOfCredential(world: World, id: string): string | null {
  const agent = world.hosts.get(id)?.shell.present().bot.agent;
  const machine = agent && world.agents.machines.get(agent.droplet_id);
  const runs = world.dropletsOf(id).some((droplet) => droplet.id === agent?.droplet_id && droplet.powered);
  if (!agent || !machine || !runs || machine.frozen !== "no") return null;
  return machine.credential_hash === agent.credential_sha256 ? null : "has locked its agent out";
}

function complaintOfConfig(world: World, id: string): string | null {
  const { bot, rt } = world.host(id).shell.present();
  if (bot.destroyed_at !== null) return null;
  const back = wayBack(bot);
  if (back !== null) return `is left on version ${back.failed_version}, and version ${back.restored_from} was good`;
  const due = ackDeadline({ bot, rt, now: world.now, policy: defaultPolicy });
  if (due !== null && world.now > due + LATE_MS)
    return `still waits for what is said of version ${bot.config.desired.version}`;
  return null;
}

/** Whoever can hear it has stopped what is held. */
function complaintOfHolds(world: World, id: string): string | null {
  const bot = world.bot(id);
  const machine = bot.agent && world.agents.machines.get(bot.agent.droplet_id);
  if (bot.holds.length === 0 || bot.presence !== "heard" || !machine || machine.frozen !== "no") return null;
  return machine.working ? `is held by ${bot.holds[0]?.owner} and its workload runs` : null;
}

/** Each is over, was carried out on one machine at most, and what is said of it is what came of it there. */
function complaintOfCommands({ hosts, agents, now }: World, id: string): string | null {
  const machines = [...agents.machines.values()].filter(
    ({ registration, copy }) => registration.bot_id === id && !copy,
  );
  const shell = hosts.get(id)?.shell;
  for (const { kind, id: command, result, generation, expires_at } of shell?.store.commands() ?? []) {
    const done = machines.flatMap(({ commands }) => commands.done.get(command) ?? []);
    if (done.length > 1) return `had ${kind} carried out on ${done.length} machines`;
    // A rotation is granted before its agent knows of it, and the agent may die between.
    const granted = kind === "rotate_credential" && result?.ok === true;
    if (result !== null && result.ok !== done[0] && !granted)
      return `says of ${kind} that it ${result.ok ? "succeeded" : "failed"}`;
    const waits = result === null && now < expires_at && generation === shell?.present().bot.generation;
    if (waits && shell?.present().bot.status === "online") return `still waits for ${kind}`;
  }
  return null;
}
