/** Prints how many tests of vitest's JSON report passed and failed: `N passed, N failed`. */
import { readFileSync } from "node:fs";
import { z } from "zod";

const Report = z.object({ numPassedTests: z.int(), numFailedTests: z.int(), numFailedTestSuites: z.int() });

const { numPassedTests, numFailedTests, numFailedTestSuites } = Report.parse(
  JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")),
);
// A file that could not even be loaded has failed without a test of its own.
console.log(`${numPassedTests} passed, ${Math.max(numFailedTests, numFailedTestSuites > 0 ? 1 : 0)} failed`);
