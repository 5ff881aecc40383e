import { describe, it } from "vitest";
import { killAtEveryAwait, type Scenario } from "./crashes.ts";

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
