/** How the workload is started: who is to blame when it does not, and when it need not be. */
import type { Mutant } from "./mutant.ts";

const SUPERVISION = "bootstrap/agent/workload/supervision.ts";
const FILE = "bootstrap/agent/workload/config-file.ts";
const RENEWAL = "bootstrap/agent/workload/renewal.ts";
const rules = "test/unit/agent/workload/apply-rules.test.ts";
const file = "test/unit/agent/workload/config-file.test.ts";

export const starts: readonly Mutant[] = [
  {
    name: "exit-78-condemns-no-config",
    guard: "A port that is taken is not the config's fault.",
    file: SUPERVISION,
    find: "return code !== EXIT_SETUP || !checked;",
    replace: "return code !== EXIT_SETUP || checked;",
    caught_by: [rules],
  },
  {
    name: "bad-config-is-given-up",
    guard: "A config that OpenClaw calls invalid is not started again and again.",
    file: SUPERVISION,
    find: "if (ended.bad_config) return",
    replace: "if (ended.bad_config && ended.code !== null) return",
    caught_by: [rules],
  },
  {
    name: "broken-file-is-kept-aside",
    guard: "What somebody wrote is not lost when it is found invalid.",
    file: FILE,
    find: "there && setAside(path)",
    replace: "there",
    caught_by: [file],
  },
  {
    name: "invalid-text-is-not-put-in-place",
    guard: "A config that is rolled back leaves OpenClaw's file as it was.",
    file: FILE,
    find: 'if (verdict.is === "invalid" ||',
    replace: 'if (verdict.is !== "invalid" &&',
    caught_by: [file],
  },
  {
    name: "unchecked-file-condemns-nothing",
    guard: "A check that does not answer is not the config's fault.",
    file: FILE,
    find: 'if (verdict.is === "unknown")\n',
    replace: 'if (verdict.is === "valid" && faults === "")\n',
    caught_by: [file],
  },
  {
    name: "a-check-without-issues-says-nothing",
    guard: "A file is called invalid only where the check says what is wrong.",
    file: "bootstrap/agent/workload/config-check.ts",
    find: "answer.issues.length === 0",
    replace: "answer.issues.length < 0",
    caught_by: [file],
  },
  {
    name: "another-environment-is-a-start",
    guard: "A running workload does not go on with the old key.",
    file: RENEWAL,
    find: "if (!isDeepStrictEqual(running.environment, next.environment)) return",
    replace: "if (next.environment === null) return",
    caught_by: [file],
  },
  {
    name: "unknown-is-a-start",
    guard: "A workload is left running only where it is known what it was started with.",
    file: RENEWAL,
    find: "if (running.environment === null) return",
    replace: "if (next.file === undefined) return",
    caught_by: [file],
  },
];
