/** Makes a failing schedule small: leaves out one feature after another for as long as it still fails. */
import { runSchedule } from "./schedules.ts";

export interface Failure {
  message: string;
  /** Without which of them the schedule passes: what is needed to fail. */
  needed: string[];
}

/** @returns null where the schedule does not fail */
export async function shrink(seed: number): Promise<Failure | null> {
  const first = await failureOf(seed, new Set());
  if (first === null) return null;
  let { message } = first;
  const without = new Set<string>();
  for (const feature of first.met) {
    const failure = await failureOf(seed, new Set([...without, feature]));
    if (failure === null) continue;
    without.add(feature);
    message = failure.message;
  }
  return { message, needed: [...first.met].filter((feature) => !without.has(feature)) };
}

/** @returns null where it passes */
async function failureOf(seed: number, without: ReadonlySet<string>) {
  const met = new Set<string>();
  try {
    await runSchedule(seed, { without, met });
    return null;
  } catch (error) {
    return { message: error instanceof Error ? error.message : String(error), met };
  }
}
