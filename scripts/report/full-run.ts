/** What a full run of the tests comprises, and whether reports of vitest show all of it. */
import { z } from "zod";

/** How many schedules, seeds, requests or deaths a test tries, by what they are. */
const Tried = z.record(z.string(), z.int());

const Report = z.object({
  numFailedTestSuites: z.int(),
  testResults: z.array(
    z.object({
      name: z.string(),
      assertionResults: z.array(
        z.object({
          status: z.string(),
          fullName: z.string(),
          failureMessages: z.array(z.string()).optional(),
          meta: z.object({ tried: Tried.optional() }).optional(),
        }),
      ),
      /** Why the file could not be loaded; empty where it was. */
      message: z.string().optional(),
    }),
  ),
});
export type Report = z.infer<typeof Report>;

/** Names of tests by the folder of `test` that they are in, each as often as it occurs: a file may move in it. */
export const FullRun = z.object({
  tests: z.record(z.string(), z.array(z.string())),
  tried: z.record(z.string(), Tried),
});
export type FullRun = z.infer<typeof FullRun>;

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** @throws where it is no report of vitest's JSON reporter */
export function parseReport(text: string): Report {
  return Report.parse(JSON.parse(text));
}

export function countTests(reports: readonly Report[]): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { testResults, numFailedTestSuites } of reports) {
    const statuses = testResults.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status));
    const failed = statuses.filter((status) => status === "failed").length;
    const passed = statuses.filter((status) => status === "passed").length;
    counts.passed += passed;
    // A file that could not even be loaded has failed without a test of its own.
    counts.failed += Math.max(failed, numFailedTestSuites > 0 ? 1 : 0);
    counts.skipped += statuses.length - passed - failed;
  }
  return counts;
}

/** Each failure again, since it happened thousands of lines above: the test's file and name, and why. */
export function failures(reports: readonly Report[]): string[] {
  return reports.flatMap(({ testResults }) =>
    testResults.flatMap(({ name, message, assertionResults }) => [
      ...(message ? [`failed: ${name}\n${excerpt(message)}`] : []),
      ...assertionResults
        .filter(({ status }) => status === "failed")
        .map(
          (test) =>
            `failed: ${name}: ${cut(test.fullName.trim())}\n${excerpt((test.failureMessages ?? []).join("\n"))}`,
        ),
    ]),
  );
}

function excerpt(message: string): string {
  return message.slice(0, 2_000);
}

/**
 * Their tests count as skipped where something is missing that is not part of every checkout: DigitalOcean's own
 * description, or the history with the previous release.
 */
const NOT_LISTED = ["contract", "compat"];

/** What these reports show, as the list of a full run. */
export function fullRunOf(reports: readonly Report[]): FullRun {
  const tests: Record<string, string[]> = {};
  const tried: FullRun["tried"] = {};
  for (const { folder, fullName, status, meta } of testsOf(reports)) {
    if (NOT_LISTED.includes(folder)) continue;
    if (status !== "passed" && status !== "failed") continue;
    const names = tests[folder] ?? [];
    tests[folder] = names;
    names.push(fullName);
    if (meta?.tried) tried[`${folder}: ${fullName}`] = meta.tried;
  }
  for (const names of Object.values(tests)) names.sort();
  const byName = <T>(record: Record<string, T>) =>
    Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { tests: byName(tests), tried: byName(tried) };
}

/** @returns a sentence for each test of the list that did not run, or tried less than the list says */
export function lapses(list: FullRun, reports: readonly Report[]): string[] {
  const seen = fullRunOf(reports);
  const left = new Map<string, number>();
  for (const name of named(seen)) left.set(name, (left.get(name) ?? 0) + 1);
  const missing = named(list).filter((name) => {
    const count = left.get(name) ?? 0;
    left.set(name, count - 1);
    return count <= 0;
  });
  const fewer = Object.entries(list.tried).flatMap(([name, wanted]) =>
    Object.entries(wanted).flatMap(([what, count]) => {
      const had = seen.tried[name]?.[what] ?? 0;
      return had < count ? [`${name}: ${had} ${what} instead of ${count}`] : [];
    }),
  );
  return [...missing.map((name) => `${name}: did not run`), ...fewer];
}

function named({ tests }: FullRun): string[] {
  return Object.entries(tests).flatMap(([folder, names]) => names.map((name) => `${folder}: ${name}`));
}

/** A name may quote a megabyte. */
function cut(name: string): string {
  return name.length > 200 ? `${name.slice(0, 160)}… (${name.length} characters)` : name;
}

function testsOf(reports: readonly Report[]) {
  return reports.flatMap(({ testResults }) =>
    testResults.flatMap(({ name, assertionResults }) =>
      assertionResults.map((test) => ({
        ...test,
        fullName: cut(test.fullName.trim()),
        folder: /.*\/test\/([^/]+)\//.exec(name)?.[1] ?? name,
      })),
    ),
  );
}
