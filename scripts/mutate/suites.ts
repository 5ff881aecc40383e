/** Runs test files and says what became of them. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type Child, startChild } from "../dev/child.ts";

const Report = z.object({
  numPassedTests: z.int(),
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ status: z.string(), fullName: z.string() })),
    }),
  ),
});

export type Verdict =
  | { kind: "passed"; tests: number }
  /** `by`: the first test that failed. */
  | { kind: "failed"; by: string }
  | { kind: "hung" }
  /** No test failed, and yet it did not pass: the files could not even be loaded. */
  | { kind: "broken"; detail: string };

const running = new Set<Child>();

/** Ends whatever still runs. */
export async function stopSuites(): Promise<void> {
  await Promise.all([...running].map((child) => child.stop()));
}

/** @param dir the tree to run in. @param files test files; their second folder names their vitest project */
export async function runSuites(dir: string, files: readonly string[], patienceMs: number): Promise<Verdict> {
  const scratch = await mkdtemp(join(tmpdir(), "spawnpoint-suites-"));
  const log = join(scratch, "log");
  const report = join(scratch, "report.json");
  const projects = [...new Set(files.map((file) => file.split("/")[1]))].map((project) => `--project=${project}*`);
  // Several trees share one node_modules, so each keeps its caches to itself.
  const caches = ["--cache=false", `--fsModuleCachePath=${join(dir, ".vitest-cache")}`];
  const args = ["run", ...projects, ...files, ...caches, "--bail=1", "--reporter=json", `--outputFile=${report}`];
  // A group of its own: vitest's workers, and workerd below them, end with it.
  const child = startChild(join(dir, "node_modules", ".bin", "vitest"), args, { cwd: dir, env: quiet(), log });
  running.add(child);
  const patience = new AbortController();
  try {
    const ended = await Promise.race([
      child.ended.then((code) => ({ code })),
      sleep(patienceMs, null, { signal: patience.signal }),
    ]);
    return ended === null ? { kind: "hung" } : await judge(ended.code, report, log);
  } finally {
    patience.abort();
    await child.stop();
    running.delete(child);
    await rm(scratch, { recursive: true, force: true });
  }
}

async function judge(code: number | null, report: string, log: string): Promise<Verdict> {
  const text = await readFile(report, "utf8").catch(() => null);
  const parsed = text === null ? null : Report.parse(JSON.parse(text));
  const tests = (parsed?.testResults ?? []).flatMap(({ assertionResults }) => assertionResults);
  const failed = tests.find(({ status }) => status === "failed");
  if (failed) return { kind: "failed", by: failed.fullName.trim() };
  if (code === 0 && parsed && parsed.numPassedTests > 0) return { kind: "passed", tests: parsed.numPassedTests };
  const said =
    parsed?.testResults.find(({ message }) => message)?.message ?? (await readFile(log, "utf8").catch(() => ""));
  return { kind: "broken", detail: said.slice(-600).trim() || `vitest ended with ${code} and said nothing` };
}

function quiet(): NodeJS.ProcessEnv {
  // Everything is tried, and what never comes is not waited for as long as on a busy machine.
  const tests = { TEST_DEPTH: "full", TEST_PATIENCE_S: "20" };
  return { ...process.env, ...tests, NO_COLOR: "1", WRANGLER_SEND_METRICS: "false" };
}
