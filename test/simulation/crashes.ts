/** Kills the process at each await of a scenario in turn, and sees that the bot still gets where it was going. */
import type { BotAction, BotStatus } from "../../src/wire/enums.ts";
import { MINUTE, Violation, World } from "./world.ts";

export interface Scenario {
  name: string;
  actions: BotAction[];
  ends: BotStatus;
}

/** @returns how many awaits there were */
export async function killAtEveryAwait(scenario: Scenario): Promise<number> {
  for (let victim = 0; ; victim++) {
    if (!(await play(scenario, victim))) return victim;
  }
}

/** @returns whether the scenario has an await of this number */
async function play(scenario: Scenario, victim: number): Promise<boolean> {
  const world = new World(1000 + victim);
  const id = world.createBot();
  let awaits = 0;
  world.pause = async () => {
    if (awaits++ !== victim) return;
    world.host(id).die();
  };
  const steps: (BotAction | null)[] = [null, ...scenario.actions];
  for (const [index, action] of steps.entries()) {
    if (action !== null) world.act(id, action);
    const wanted = index === steps.length - 1 ? scenario.ends : resting(action);
    const reached = await world.run(60 * MINUTE, () => world.rests(id, wanted));
    if (!reached)
      throw new Violation(`killed at await ${victim} of ${scenario.name}: ${describe(world, id)} instead of ${wanted}`);
  }
  await world.run(MINUTE);
  world.checkAnytime();
  const droplets = world.dropletsOf(id).length;
  const expected = scenario.ends === "destroyed" ? 0 : 1;
  if (droplets !== expected) throw new Violation(`killed at await ${victim} of ${scenario.name}: ${droplets} droplets`);
  return awaits > victim;
}

function resting(action: BotAction | null): BotStatus {
  return action === "pause" ? "paused" : action === "destroy" ? "destroyed" : "online";
}

export function describe(world: World, id: string): string {
  const { status, operation, waiting } = world.bot(id);
  return `${status} (${operation.kind} ${operation.state}, ${waiting ?? "not waiting"}, ${operation.last_error ?? "no error"})`;
}
