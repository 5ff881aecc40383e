import { describe, it } from "vitest";
import { tally } from "../depth.ts";
import { killAtEveryAwait, type Scenario } from "./crashes.ts";
import { MINUTE, type World } from "./world.ts";

const SCENARIOS: Scenario[] = [
  { name: "create", play: async () => undefined, ends: "online", droplets: 1 },
  {
    name: "adopt: the create's answer is lost, and the agent registers before the droplet was found",
    prepare: (world) => {
      world.simulator.script.add({ on: "create_droplet", fault: "timeout_after", times: 1 });
      world.simulator.script.add({ on: "list_droplets", fault: "html_502_before", times: 6 });
    },
    play: async () => undefined,
    ends: "online",
    droplets: 1,
  },
  {
    name: "pause",
    play: async (world, id) => {
      world.act(id, "pause");
    },
    ends: "paused",
    droplets: 1,
  },
  {
    name: "resume",
    play: async (world, id, rest) => {
      world.act(id, "pause");
      await rest("paused");
      world.act(id, "resume");
    },
    ends: "online",
    droplets: 1,
  },
  {
    name: "suspend",
    play: async (world, id) => {
      world.suspend(id);
    },
    ends: "suspended",
    droplets: 1,
    holds: isOff,
  },
  {
    name: "suspend while the create's outcome is unknown, then unsuspend",
    prepare: (world) => {
      world.simulator.script.add({ on: "create_droplet", fault: "late_effect", nth: 2, delay_ms: 50_000 });
    },
    play: async (world, id, rest) => {
      world.act(id, "redeploy");
      await world.run(10 * MINUTE, () => world.bot(id).intents.some(({ state }) => state === "open"));
      world.suspend(id);
      await rest("suspended");
      world.unsuspend(id);
    },
    ends: "online",
    droplets: 1,
    holds: (world, id) => !isOff(world, id),
  },
  {
    name: "unsuspend",
    play: async (world, id, rest) => {
      world.suspend(id);
      await rest("suspended");
      world.unsuspend(id);
    },
    ends: "online",
    droplets: 1,
    holds: (world, id) => world.bot(id).generation === 1 && !isOff(world, id),
  },
  {
    name: "unsuspend while the droplet shuts down",
    play: async (world, id) => {
      world.suspend(id);
      await world.run(10 * MINUTE, () => world.bot(id).operation.power !== null);
      world.unsuspend(id);
    },
    ends: "online",
    droplets: 1,
    holds: (world, id) => world.bot(id).generation === 1 && !isOff(world, id),
  },
  {
    name: "redeploy",
    play: async (world, id) => {
      world.act(id, "redeploy");
    },
    ends: "online",
    droplets: 1,
    holds: (world, id) => world.bot(id).generation === 2,
  },
  {
    name: "destroy",
    play: async (world, id) => {
      world.act(id, "destroy");
    },
    ends: "destroyed",
    droplets: 0,
  },
  {
    name: "destroy while the create's outcome is unknown",
    prepare: (world) => {
      world.simulator.script.add({ on: "create_droplet", fault: "late_effect", nth: 2, delay_ms: 50_000 });
    },
    play: async (world, id) => {
      world.act(id, "redeploy");
      await world.run(10 * MINUTE, () => world.bot(id).intents.some(({ state }) => state === "open"));
      world.act(id, "destroy");
    },
    ends: "destroyed",
    droplets: 0,
  },
  {
    name: "heal: a power cycle",
    play: async (world, id) => {
      world.agents.freeze(world.bot(id).adopted ?? 0, "until_boot");
      await world.run(20 * MINUTE, () => world.bot(id).status === "unresponsive");
    },
    ends: "online",
    droplets: 1,
  },
  {
    name: "heal: a new droplet",
    play: async (world, id) => {
      world.patch(id, { policies: { healing: "redeploy" } });
      world.agents.freeze(world.bot(id).adopted ?? 0, "for_good");
      await world.run(20 * MINUTE, () => world.bot(id).status === "unresponsive");
    },
    ends: "online",
    droplets: 1,
    holds: (world, id) => world.bot(id).generation === 2,
  },
  {
    name: "config change",
    play: async (world, id) => {
      await world.publish(id, { strictness: "high" });
    },
    ends: "online",
    droplets: 1,
    holds: (world, id) => world.bot(id).config.applied?.id === world.bot(id).config.desired.id,
  },
  {
    name: "a config that fails",
    prepare: (world) => {
      world.agents.verdict = ({ version }) => (version === 2 ? "fails" : "runs");
    },
    play: async (world, id) => {
      await world.publish(id, { strictness: "high" });
    },
    ends: "online",
    droplets: 1,
    holds: isBackOnFirst,
  },
  {
    name: "a config of which nothing is heard, on a new droplet",
    prepare: (world) => {
      world.agents.verdict = ({ version }) => (version === 2 ? "says_nothing" : "runs");
    },
    play: async (world, id) => {
      await world.publish(id, { strictness: "high" });
      world.act(id, "redeploy");
    },
    ends: "online",
    droplets: 1,
    holds: isBackOnFirst,
  },
  {
    name: "cancel",
    play: async (world, id) => {
      world.act(id, "redeploy");
      world.cancel(id);
    },
    ends: "online",
    droplets: 1,
    holds: (world, id) => world.bot(id).generation === 1,
  },
];

/** Version 1 runs again as version 3; where the first change died with its process there is none to take back. */
function isBackOnFirst(world: World, id: string): boolean {
  const { desired, applied, rolled_back } = world.bot(id).config;
  const rollbacks = world.history(id).filter(({ kind }) => kind === "rolled_back").length;
  if (desired.version === 1) return applied?.version === 1 && rollbacks === 0;
  return applied?.version === 3 && rolled_back?.restored_from === 1 && rollbacks === 1;
}

function isOff(world: World, id: string): boolean {
  return world.dropletsOf(id).every(({ powered }) => !powered);
}

describe("process death at every await", () => {
  for (const [index, scenario] of SCENARIOS.entries()) {
    it(`leaves no orphan, no duplicate and no stuck bot: ${scenario.name}`, async (test) => {
      const { deaths, awaits, said } = await killAtEveryAwait(scenario, index);
      console.log(`${scenario.name}: ${said}`);
      tally(test, { deaths });
      test.expect(awaits).toBeGreaterThan(5);
    });
  }
});
