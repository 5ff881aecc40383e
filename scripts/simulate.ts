/** `npm run simulate -- --seeds N --from S`: random fault schedules, as many as one likes; a failing seed is printed with what it needs to fail. */
import { parseArgs } from "node:util";
import { runSchedule } from "../test/simulation/schedules.ts";
import { shrink } from "../test/simulation/shrink.ts";

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "1000" }, from: { type: "string", default: "1" } },
});
const from = Number(values.from);
const count = Number(values.seeds);
const REPORT_EVERY_MS = 10_000;

let violations = 0;
const begun = Date.now();
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
process.exitCode = violations === 0 ? 0 : 1;

function rate(done: number): string {
  return `${Math.round((done * 1000) / (Date.now() - begun))} a second`;
}
