/**
 * Prints how many tests of vitest's JSON reports passed and failed, all together: `N passed, N failed`, and `, N skipped` where
 * some were not run.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";

const Report = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numFailedTestSuites: z.int(),
  numPendingTests: z.int(),
});

const paths = process.argv.slice(2);
if (paths.length === 0) throw new Error("which reports?");
let passed = 0;
let failed = 0;
let skipped = 0;
for (const path of paths) {
  const report = Report.parse(JSON.parse(readFileSync(path, "utf8")));
  passed += report.numPassedTests;
  skipped += report.numPendingTests;
  // A file that could not even be loaded has failed without a test of its own.
  failed += Math.max(report.numFailedTests, report.numFailedTestSuites > 0 ? 1 : 0);
}
console.log(`${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`);
