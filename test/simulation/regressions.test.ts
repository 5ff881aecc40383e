/** Schedules that a release has failed: they stay here, whatever is drawn elsewhere. */
import { describe, it } from "vitest";
import { runSchedule } from "./schedules.ts";

const SEEDS: [seed: number, what: string][] = [
  [7_006_950, "an agent reports a rotation that had expired, and whose work was granted to the next one"],
];

describe("a schedule that has failed once", () => {
  it.for(SEEDS)("seed %i holds: %s", async ([seed]) => {
    await runSchedule(seed);
  });
});
