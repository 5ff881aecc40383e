/**
 * `npm run simulate -- --seeds N --from S`: random fault schedules, as many as one likes; a failing seed is printed with
 * what it needs to fail. `--record` adds the history of each life that has no fixture yet: those that have are what an
 * earlier release wrote, and stay as they are.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { LIVES, record } from "../test/simulation/lives.ts";
import { runSchedule } from "../test/simulation/schedules.ts";
import { shrink } from "../test/simulation/shrink.ts";

const REPORT_EVERY_MS = 10_000;
const HISTORIES = join(import.meta.dirname, "../test/fixtures/histories");

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    record: { type: "boolean", default: false },
  },
});
process.exitCode = values.record ? await recordLives() : await runSchedules(Number(values.from), Number(values.seeds));

async function runSchedules(from: number, count: number): Promise<number> {
  let violations = 0;
  const begun = Date.now();
  const rate = (done: number) => `${Math.round((done * 1000) / (Date.now() - begun))} a second`;
  let reported = begun;
  for (let seed = from; seed < from + count; seed++) {
    try {
      await runSchedule(seed);
    } catch (error) {
      violations++;
      const failure = await shrink(seed);
      console.log(`seed ${seed}: ${failure?.message ?? String(error)}`);
      console.log(`  with: ${failure?.needed.join("; ") || "nothing of it"}`);
    }
    if (Date.now() - reported >= REPORT_EVERY_MS) {
      reported = Date.now();
      console.log(`${seed - from + 1} of ${count} schedules, ${violations} violations, ${rate(seed - from + 1)}`);
    }
  }
  console.log(`${count} schedules from seed ${from}: ${violations} violations, ${rate(count)}`);
  return violations === 0 ? 0 : 1;
}

async function recordLives(): Promise<number> {
  mkdirSync(HISTORIES, { recursive: true });
  for (const [name, life] of Object.entries(LIVES)) {
    const file = join(HISTORIES, `${name}.json`);
    if (existsSync(file)) continue;
    const { events, state } = await record(life);
    const lines = events.map((event) => JSON.stringify(event)).join(",\n");
    writeFileSync(file, `{"events": [\n${lines}\n],\n"state": ${JSON.stringify(state)}}\n`);
    console.log(`${name}: ${events.length} events`);
  }
  return 0;
}
