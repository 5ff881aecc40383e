import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, it } from "vitest";

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "spawnpoint-reports-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** What is printed of reports with so many tests each: passed, failed, not run, files that could not be loaded. */
async function lineOf(...reports: [number, number, number, number][]): Promise<string> {
  const paths = reports.map((_, index) => join(dir, `${index}.json`));
  for (const [index, [numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites]] of reports.entries()) {
    const report = { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites };
    await writeFile(paths[index] ?? "", JSON.stringify(report));
  }
  return (await promisify(execFile)(process.execPath, ["scripts/count-tests.ts", ...paths])).stdout.trim();
}

describe("the closing line", () => {
  it("adds up what passed and what failed", async ({ expect }) => {
    expect(await lineOf([3, 0, 0, 0], [4, 1, 0, 1])).toBe("7 passed, 1 failed");
  });

  it("counts a file that could not be loaded as failed", async ({ expect }) => {
    expect(await lineOf([3, 0, 0, 1])).toBe("3 passed, 1 failed");
  });

  it("shows what was not run as skipped, and never as passed", async ({ expect }) => {
    expect(await lineOf([3, 0, 0, 0], [0, 0, 8, 0])).toBe("3 passed, 0 failed, 8 skipped");
  });
});
