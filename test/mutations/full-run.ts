import type { Mutant } from "./mutant.ts";

const file = "scripts/report/full-run.ts";
const caught_by = ["test/unit/full-run.test.ts"] as const;

/** What keeps a full run of the tests full. */
export const fullRun: readonly Mutant[] = [
  {
    name: "full-run-takes-skipped-for-run",
    guard: "a test that is skipped has not run",
    file,
    find: 'if (status !== "passed" && status !== "failed") continue;',
    replace: "",
    caught_by,
  },
  {
    name: "full-run-forgets-twins",
    guard: "of two tests with one name both have to run",
    file,
    find: "left.set(name, count - 1);",
    replace: "",
    caught_by,
  },
  {
    name: "full-run-takes-less",
    guard: "a full run tries as many schedules, seeds, requests and deaths as its list says",
    file,
    find: "return had < count ?",
    replace: "return had < 0 ?",
    caught_by,
  },
];
