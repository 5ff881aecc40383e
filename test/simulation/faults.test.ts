import { describe, it } from "vitest";
import { killAtEveryAwait, type Scenario } from "./crashes.ts";
import { runSchedule } from "./schedules.ts";

const SCENARIOS: Scenario[] = [
  { name: "create", actions: [], ends: "online" },
  { name: "pause", actions: ["pause"], ends: "paused" },
  { name: "resume", actions: ["pause", "resume"], ends: "online" },
  { name: "redeploy", actions: ["redeploy"], ends: "online" },
  { name: "destroy", actions: ["destroy"], ends: "destroyed" },
];

describe("process death at every await", () => {
  for (const scenario of SCENARIOS) {
    it(`leaves no orphan, no duplicate and no stuck bot: ${scenario.name}`, async ({ expect }) => {
      const kills = await killAtEveryAwait(scenario);
      console.log(`${scenario.name}: died at each of ${kills} awaits`);
      expect(kills).toBeGreaterThan(5);
    });
  }
});

const SCHEDULES = Number(process.env.SCHEDULES ?? 500);
const FROM = Number(process.env.SEED ?? 1);

describe("random faults", () => {
  it(`holds the invariants in ${SCHEDULES} schedules from seed ${FROM}`, async ({ expect }) => {
    for (let seed = FROM; seed < FROM + SCHEDULES; seed++) {
      await expect(runSchedule(seed), `seed ${seed}`).resolves.toBeUndefined();
    }
  });
});
