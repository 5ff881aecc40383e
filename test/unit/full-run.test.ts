/** The guard of a full run: what its list names and the reports do not show is said, each thing once. */
import { describe, it } from "vitest";
import { countTests, failures, fullRunOf, lapses, type Report } from "../../scripts/report/full-run.ts";

type Told = [name: string, status?: string, tried?: Record<string, number>];

function report(told: readonly Told[], path = "/any/test/unit/some.test.ts"): Report {
  const assertionResults = told.map(([fullName, status = "passed", tried]) => ({
    fullName,
    status,
    meta: tried ? { tried } : {},
  }));
  return { numFailedTestSuites: 0, testResults: [{ name: path, assertionResults }] };
}

const LIST = fullRunOf([report([["a"], ["b"], ["b"], ["c", "passed", { deaths: 7, seeds: 2 }]])]);

describe("a full run", () => {
  it("is what its list says, wherever in the folder the tests are, and may be more", ({ expect }) => {
    const more = report([["a"], ["b"], ["b"], ["b"], ["d"], ["c", "passed", { deaths: 8, seeds: 2 }]]);
    expect(lapses(LIST, [more])).toEqual([]);
    const parts = [
      report([["b"], ["c", "passed", { deaths: 7, seeds: 2 }]]),
      report([["a"], ["b"]], "/test/unit/x/y.test.ts"),
    ];
    expect(lapses(LIST, parts)).toEqual([]);
  });

  it.for<[string, Told[], string[]]>([
    ["a test is gone", [["b"], ["b"]], ["unit: a: did not run"]],
    ["one of two with a name is gone", [["a"], ["b"]], ["unit: b: did not run"]],
    ["a test was skipped", [["a", "skipped"], ["b"], ["b"]], ["unit: a: did not run"]],
    ["a test is still to be written", [["a", "todo"], ["b"], ["b"]], ["unit: a: did not run"]],
  ])("is none where %s", ([, told, said], { expect }) => {
    expect(lapses(LIST, [report([...told, ["c", "passed", { deaths: 7, seeds: 2 }]])])).toEqual(said);
  });

  it("asks nothing of tests that not every checkout can run", ({ expect }) => {
    const paths = ["/any/test/contract/some.test.ts", "/any/test/compat/some.test.ts"];
    expect(fullRunOf(paths.map((path) => report([["a"]], path)))).toEqual({ tests: {}, tried: {} });
  });

  it("is none where less was tried, or it is not said how much", ({ expect }) => {
    const less = report([["a"], ["b"], ["b"], ["c", "passed", { deaths: 6, seeds: 2 }]]);
    expect(lapses(LIST, [less])).toEqual(["unit: c: 6 deaths instead of 7"]);
    const silent = report([["a"], ["b"], ["b"], ["c"]]);
    expect(lapses(LIST, [silent])).toEqual(["unit: c: 0 deaths instead of 7", "unit: c: 0 seeds instead of 2"]);
  });

  it("is none where a test has moved to another folder, which may run at another time", ({ expect }) => {
    const moved = report([["a"]], "/any/test/crash/some.test.ts");
    const rest = report([["b"], ["b"], ["c", "passed", { deaths: 7, seeds: 2 }]]);
    expect(lapses(LIST, [moved, rest])).toEqual(["unit: a: did not run"]);
  });
});

describe("the count", () => {
  it("adds up reports, and tells what was skipped", ({ expect }) => {
    const first = report([["a"], ["b", "failed"], ["c", "skipped"]]);
    expect(countTests([first, report([["d"], ["e", "todo"]])])).toEqual({ passed: 2, failed: 1, skipped: 2 });
  });

  it("counts files that could not be loaded as one failure", ({ expect }) => {
    expect(countTests([{ ...report([["a"]]), numFailedTestSuites: 2 }])).toEqual({ passed: 1, failed: 1, skipped: 0 });
  });
});

describe("what failed", () => {
  it("is said again with its reason, tests and files that could not be loaded alike", ({ expect }) => {
    const some = report([["a"], ["b", "failed"]], "/any/test/unit/some.test.ts");
    for (const test of some.testResults[0]?.assertionResults ?? [])
      test.failureMessages = [`${test.fullName} is wrong`];
    const unloaded = { ...report([], "/any/test/unit/other.test.ts").testResults[0], message: "no such module" };
    expect(failures([some, { numFailedTestSuites: 1, testResults: [unloaded] } as Report])).toEqual([
      "failed: /any/test/unit/some.test.ts: b\nb is wrong",
      "failed: /any/test/unit/other.test.ts\nno such module",
    ]);
  });
});
