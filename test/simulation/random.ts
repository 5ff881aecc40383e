/** The random schedules of one test file: each file takes its share, so that the processors share the work. */
import { describe, it } from "vitest";
import { depth, tally } from "../depth.ts";
import { runSchedule } from "./schedules.ts";
import { shrink } from "./shrink.ts";

/** `SCHEDULES` and `SEED` replay or extend a run: one failing seed is SCHEDULES=2 SEED=<it>. */
const SCHEDULES = depth({ full: 5_000, quick: 60 }, process.env.SCHEDULES);
const FROM = Number(process.env.SEED ?? 1);

export function randomFaults(share: number, shares: number): void {
  describe("random faults", () => {
    it(`hold no invariant down: share ${share + 1} of ${shares} of ${SCHEDULES} schedules from seed ${FROM}`, async (test) => {
      let schedules = 0;
      for (let seed = FROM + share; seed < FROM + SCHEDULES; seed += shares) {
        const failed = await runSchedule(seed).then(
          () => null,
          (error) => String(error),
        );
        if (failed !== null) test.expect((await shrink(seed)) ?? failed, `seed ${seed}, shrunk`).toBe(null);
        schedules++;
      }
      tally(test, { schedules });
    });
  });
}
