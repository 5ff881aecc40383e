/**
 * `npm run mutate`: breaks every guard on purpose, one at a time and in a copy of the tree, and sees that the tests
 * notice. A mutant that survives is a guard which nothing would miss.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { mutants } from "../test/mutations/index.ts";
import type { Mutant } from "../test/mutations/mutant.ts";
import { runSuites, stopSuites, type Verdict } from "./mutate/suites.ts";
import { Workspace } from "./mutate/workspace.ts";

const HELP = `npm run mutate -- [options]

  --only NAME   only this mutant, or those whose name begins with NAME; may be repeated
  --jobs N      how many at a time (default 1)
  --check       only see that the table fits the tree
`;
const PATIENCE_MS = 180_000;
/** All suites together, unbroken. */
const BASELINE_PATIENCE_MS = 900_000;

const { values: options } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    jobs: { type: "string", default: "1" },
    check: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const workspaces: Workspace[] = [];

async function main(): Promise<number> {
  if (options.help) return say(HELP);
  const misfits = checkTable(mutants);
  if (misfits.length > 0) {
    for (const misfit of misfits) say(misfit);
    return 1;
  }
  if (options.check) return say(`${mutants.length} mutants fit the tree`);
  const chosen = mutants.filter(({ name }) => isChosen(name));
  const jobs = Number(options.jobs);
  if (chosen.length === 0 || !Number.isInteger(jobs) || jobs < 1) {
    say(chosen.length === 0 ? `No mutant is called ${options.only.join(" or ")}.` : HELP);
    return 1;
  }
  for (let job = 0; job < Math.min(jobs, chosen.length); job++) workspaces.push(await Workspace.copyOf(root));
  if (!(await baseline(chosen))) return 1;
  return breakAll(chosen);
}

function isChosen(name: string): boolean {
  return options.only.length === 0 || options.only.some((wanted) => name.startsWith(wanted));
}

/** What is wrong with the table: a guard that has moved, a suite that is gone. */
function checkTable(table: readonly Mutant[]): string[] {
  return table.flatMap(({ name, file, find, replace, caught_by }) => {
    const wrong: string[] = [];
    if (table.filter((other) => other.name === name).length > 1) wrong.push(`${name}: the name is used twice`);
    const text = existsSync(join(root, file)) ? readFileSync(join(root, file), "utf8") : "";
    const matches = text.split(find).length - 1;
    if (matches !== 1)
      wrong.push(`${name}: its text occurs ${matches} times in ${file}, not once; mend test/mutations`);
    if (find === replace) wrong.push(`${name}: changes nothing`);
    const gone = caught_by.filter((suite) => !existsSync(join(root, suite)));
    return [...wrong, ...gone.map((suite) => `${name}: there is no ${suite}`)];
  });
}

/** A suite that fails by itself would catch everything. */
async function baseline(chosen: readonly Mutant[]): Promise<boolean> {
  const [workspace] = workspaces;
  if (!workspace) return false;
  const suites = [...new Set(chosen.flatMap(({ caught_by }) => caught_by))].sort();
  const begun = Date.now();
  const verdict = await runSuites(workspace.dir, suites, BASELINE_PATIENCE_MS);
  if (verdict.kind === "passed") {
    say(`${suites.length} suites with ${verdict.tests} tests pass on the tree as it is (${seconds(begun)})\n`);
    return true;
  }
  say(`The suites do not pass on the tree as it is: ${describe(verdict)}`);
  return false;
}

async function breakAll(chosen: readonly Mutant[]): Promise<number> {
  const begun = Date.now();
  const queue = chosen.values();
  const survivors: Mutant[] = [];
  let done = 0;
  const width = Math.max(...chosen.map(({ name }) => name.length));
  await Promise.all(
    workspaces.map(async (workspace) => {
      // The workspaces share one iterator: each takes the next mutant as it comes free.
      for (const mutant of queue) {
        const started = Date.now();
        const mend = await workspace.apply(mutant);
        const verdict = await runSuites(workspace.dir, mutant.caught_by, PATIENCE_MS).finally(mend);
        if (!isCaught(verdict)) survivors.push(mutant);
        const count = `[${String(++done).padStart(String(chosen.length).length)}/${chosen.length}]`;
        const word = isCaught(verdict) ? "caught  " : verdict.kind === "broken" ? "BROKEN  " : "SURVIVED";
        say(`${count} ${word} ${mutant.name.padEnd(width)} ${seconds(started).padStart(8)}  ${describe(verdict)}`);
      }
    }),
  );
  for (const { name, guard, file } of survivors) say(`\nNothing noticed ${name} (${file}):\n  ${guard}`);
  say(`\n${chosen.length - survivors.length} of ${chosen.length} mutants caught in ${seconds(begun)}`);
  return survivors.length === 0 ? 0 : 1;
}

/** A suite that no longer ends has noticed, too; one that could not be loaded has not been asked. */
function isCaught(verdict: Verdict): boolean {
  return verdict.kind === "failed" || verdict.kind === "hung";
}

function describe(verdict: Verdict): string {
  switch (verdict.kind) {
    case "passed":
      return `all ${verdict.tests} tests pass`;
    case "failed":
      return verdict.by;
    case "hung":
      return `hung for ${PATIENCE_MS / 1000} s`;
    case "broken":
      return `could not be tested: ${verdict.detail}`;
  }
}

function seconds(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

function say(line: string): 0 {
  console.log(line);
  return 0;
}

async function leave(): Promise<void> {
  await stopSuites();
  await Promise.all(workspaces.map((workspace) => workspace.remove()));
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => void leave().then(() => process.exit(130)));
}
try {
  process.exitCode = await main();
} finally {
  await leave();
}
