/** Kills the process at each await of a scenario in turn, and sees that the bot still gets where it was going. */
import type { BotStatus } from "../../src/wire/enums.ts";
import { Violation } from "./invariants.ts";
import { type Deaths, dieAtEach } from "./victims.ts";
import { MINUTE, World } from "./world.ts";

export interface Scenario {
  name: string;
  /** Before the bot is created: faults and the like. */
  prepare?: (world: World) => void;
  /** What happens to the online bot; `rest` waits until it has come to rest with this status. */
  play: (world: World, id: string, rest: (status: BotStatus) => Promise<void>) => Promise<void>;
  /** Where it ends, and after what else is true. */
  ends: BotStatus;
  droplets: number;
  holds?: (world: World, id: string) => boolean;
}

/** Dies at every await of the scenario, or at the part of them that this run takes. */
export function killAtEveryAwait(scenario: Scenario, from: number): Promise<Deaths> {
  return dieAtEach((victim) => play(scenario, victim), from);
}

/** @returns whether the scenario has an await of this number */
async function play(scenario: Scenario, victim: number): Promise<boolean> {
  const world = new World(1000 + victim);
  scenario.prepare?.(world);
  const id = world.createBot();
  let awaits = 0;
  world.pause = async () => {
    if (awaits++ === victim) world.host(id).die();
  };
  const complain = (what: string) => {
    throw new Violation(`killed at await ${victim} of ${scenario.name}: ${what}`);
  };
  const rest = async (status: BotStatus) => {
    if (await world.run(60 * MINUTE, () => world.rests(id, status))) return;
    complain(`${describe(world, id)} instead of ${status}`);
  };
  await rest("online");
  await scenario.play(world, id, rest);
  await rest(scenario.ends);
  const holds = () => scenario.holds?.(world, id) ?? true;
  if (!(await world.run(60 * MINUTE, holds))) complain("what was asked for is not so");
  await world.run(MINUTE);
  world.checkAnytime();
  const droplets = world.dropletsOf(id).length;
  if (droplets !== scenario.droplets) complain(`${droplets} droplets`);
  return awaits > victim;
}

export function describe(world: World, id: string): string {
  const { status, operation, waiting } = world.bot(id);
  return `${status} (${operation.kind} ${operation.state}, ${waiting ?? "not waiting"}, ${operation.last_error ?? "no error"})`;
}
