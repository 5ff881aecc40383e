/**
 * How much a run tries. `TEST_DEPTH=full` tries everything: every schedule, seed, request and death. Without it a run
 * takes a fixed part of them, the same part each time, so that it ends soon.
 */
import type { TestContext } from "vitest";

const { TEST_DEPTH = "" } = process.env;
if (!["", "quick", "full"].includes(TEST_DEPTH)) throw new Error(`TEST_DEPTH is quick or full, not ${TEST_DEPTH}`);

const isFull = TEST_DEPTH === "full";

/** @param asked what the environment says of this one number, which comes before either */
export function depth({ full, quick }: { full: number; quick: number }, asked?: string): number {
  return asked ? Number(asked) : isFull ? full : quick;
}

/** All of them in a full run, and in a quick one every `every`th, the same each time. @param from which is the first */
export function partOf<T>(items: readonly T[], every: number, from = 0): readonly T[] {
  return isFull ? items : items.filter((_, nth) => nth % every === from % every);
}

/**
 * How long a test waits for what will be so. No test is about this: it ends those whose condition never comes, however
 * much else the machine has to do. `TEST_PATIENCE_S` shortens it where many tests are expected to fail.
 */
export const PATIENCE_MS = Number(process.env.TEST_PATIENCE_S || 240) * 1000;

/** Notes in the test's report how much it has tried: `scripts/report/full-run.ts` compares it with what a full run tries. */
export function tally({ task }: Pick<TestContext, "task">, tried: Readonly<Record<string, number>>): void {
  Object.assign(task.meta, { tried });
}
