/**
 * `node scripts/count-tests.ts <report.json>...`: how many tests of vitest's JSON reports passed and failed, all
 * together, as the last line: `N passed, N failed`, and how many were skipped where some were; before it each failure
 * again. What `test/full-run.json` lists and the reports do not show has failed. `--write` makes the list anew from the reports.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { countTests, FullRun, failures, fullRunOf, lapses, parseReport } from "./report/full-run.ts";

const LIST = new URL("../test/full-run.json", import.meta.url);

const { values, positionals } = parseArgs({
  options: { write: { type: "boolean", default: false } },
  allowPositionals: true,
});
if (positionals.length === 0) throw new Error("which reports?");
const reports = positionals.map((path) => parseReport(readFileSync(path, "utf8")));
if (values.write) writeFileSync(LIST, `${JSON.stringify(fullRunOf(reports), null, 2)}\n`);

const missing = lapses(FullRun.parse(JSON.parse(readFileSync(LIST, "utf8"))), reports);
for (const failure of failures(reports)) console.log(failure);
for (const lapse of missing) console.log(`not as in a full run: ${lapse}`);
const { passed, failed, skipped } = countTests(reports);
const wrong = failed + missing.length;
console.log(`${passed} passed, ${wrong} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = wrong > 0 ? 1 : 0;
