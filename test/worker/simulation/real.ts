/** The schedules of one test file: each file has a `workerd` of its own, so that the processors share the work. */
import { beforeAll, describe, it } from "vitest";
import { depth, tally } from "../../depth.ts";
import { standIn } from "./actors.ts";
import { playSchedule } from "./schedule.ts";
import { hurryObjects } from "./speed.ts";

/** `SCHEDULES` and `SEED` replay or extend a run: one failing seed is SCHEDULES=1 SEED=<it>. */
const SCHEDULES = depth({ full: 200, quick: 8 }, process.env.SCHEDULES);
const FROM = Number(process.env.SEED || 1);
/** They mostly wait. */
const AT_ONCE = 24;
/** Each has its own limit; this one is for a machine that has much else to do. */
const LIMIT_MS = 3_600_000;

export function realFaults(share: number, shares: number): void {
  describe("random faults in workerd", () => {
    beforeAll(async () => {
      standIn();
      await hurryObjects();
    });

    it(`hold no invariant down: share ${share + 1} of ${shares} of ${SCHEDULES} schedules from seed ${FROM}`, {
      timeout: LIMIT_MS,
    }, async (test) => {
      const seeds: number[] = [];
      for (let seed = FROM + share; seed < FROM + SCHEDULES; seed += shares) seeds.push(seed);
      const { deaths, failures } = await playAll(seeds);
      console.info(`${seeds.length} schedules in workerd: ${deaths} processes died at an await`);
      tally(test, { schedules: seeds.length });
      // Not by `expect`, which cuts short what it compares: whoever reads this has nothing else to go by.
      if (failures.length > 0) throw new Error(failures.join("\n\n"));
    });
  });
}

async function playAll(seeds: readonly number[]): Promise<{ deaths: number; failures: string[] }> {
  const left = [...seeds];
  const played = { deaths: 0, failures: [] as string[] };
  const player = async () => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      try {
        const deaths = await playSchedule(seed);
        played.deaths += deaths;
      } catch (error) {
        played.failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, player));
  return played;
}
