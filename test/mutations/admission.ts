/** Between a gateway that answers and a workload that runs: refused keys, and runs that a kill has cut off. */
import type { Mutant } from "./mutant.ts";

const RULES = "bootstrap/agent/workload/model-check-rules.ts";
const ADMISSION = "bootstrap/agent/workload/admission.ts";
const RUNS = "bootstrap/agent/workload/interrupted-runs.ts";
const rules = "test/unit/agent/workload/model-check-rules.test.ts";
const admission = "test/unit/agent/workload/admission.test.ts";
const runs = "test/unit/agent/workload/interrupted-runs.test.ts";
const windDown = "test/unit/agent/workload/wind-down.test.ts";
const processes = "test/unit/agent/process-model.test.ts";
const crashes = "test/unit/bot/readiness.test.ts";

export const admissions: readonly Mutant[] = [
  {
    name: "good-key-is-asked-about-once",
    guard: "A restart spends nothing on a key that is known to be good.",
    file: RULES,
    find: 'asked?.digest !== digest || asked.answer !== "ok"',
    replace: 'asked?.digest !== digest || asked.answer === "ok"',
    caught_by: [rules],
  },
  {
    name: "revoked-key-fails-no-config",
    guard: "A key that was revoked meanwhile is no fault of a config that has run with it.",
    file: RULES,
    find: "if (proven) return false;",
    replace: "",
    caught_by: [rules],
  },
  {
    name: "new-droplet-knows-no-change",
    guard: "On a new droplet a revoked key fails no config that has run on the one before.",
    file: RULES,
    find: "version === 1 && generation === 1",
    replace: "generation !== 0",
    caught_by: [rules],
  },
  {
    name: "outage-fails-no-config",
    guard: "A provider's outage, bill or rate limit fails no config.",
    file: RULES,
    find: 'answer === "ok" || answer === "undecided"',
    replace: 'answer === "ok"',
    caught_by: [rules],
  },
  {
    name: "refused-stays-refused",
    guard: "A key that is known to be refused does not count as good because nobody can be asked.",
    file: ADMISSION,
    find: 'said === "undecided" && memory.asked?.digest === digest',
    replace: 'said !== "undecided" && memory.asked?.digest === digest',
    caught_by: [admission],
  },
  {
    name: "first-refusal-is-remembered",
    guard: "After a first config that was refused every other refused one fails as well.",
    file: ADMISSION,
    find: 'verdict.is === "fails" && memory.good === null',
    replace: 'verdict.is === "degraded" && memory.good === null',
    caught_by: [admission],
  },
  {
    name: "who-cannot-be-asked-passes",
    guard: "A gateway that does not answer is no fault of the config.",
    file: ADMISSION,
    find: 'let answer: ModelAnswer = "undecided";',
    replace: 'let answer: ModelAnswer = "auth";',
    caught_by: [admission],
  },
  {
    name: "unlisted-key-is-not-missing",
    guard: "A provider that OpenClaw does not list is asked, and not taken for one without a key.",
    file: "bootstrap/agent/workload/model-check.ts",
    find: "found.length > 0 && found.every",
    replace: "found.every",
    caught_by: [admission],
  },
  {
    name: "start-is-waited-for",
    guard: "A gateway that is still starting is asked when it has started.",
    file: ADMISSION,
    find: "error instanceof GatewayError && error.not_now",
    replace: "error instanceof GatewayError && !error.not_now",
    caught_by: [admission],
  },
  {
    name: "interrupted-run-is-waited-for",
    guard: "What comes back only after the first look is aborted as well.",
    file: RUNS,
    find: "const done = at_ms - quiet_since_ms >= quiet_ms;",
    replace: "const done = open?.length === 0;",
    caught_by: [runs],
  },
  {
    name: "interrupted-run-holds-no-start-for-ever",
    guard: "A session that cannot be aborted delays the workload by a bounded time.",
    file: RUNS,
    find: "|| at_ms >= until_ms)",
    replace: "|| at_ms >= until_ms + limit_ms)",
    caught_by: [runs],
  },
  {
    name: "busy-gateway-is-asked-again",
    guard: "A gateway that is too busy to answer is asked again for what it takes up.",
    file: RUNS,
    find: "if (error instanceof GatewayError && error.not_now) return null;",
    replace: "",
    caught_by: [runs],
  },
  {
    name: "forced-end-is-unsettled",
    guard: "Work that nobody has seen to end is looked for at the next start.",
    file: "bootstrap/agent/workload/wind-down.ts",
    find: 'settled = flight === "ready"',
    replace: 'settled = flight !== "in_flight"',
    caught_by: [windDown],
  },
  {
    name: "kill-is-noted-before-the-start",
    guard: "Whatever ends the agent, the next one knows that a workload has not ended in order.",
    file: "bootstrap/agent/workload/runner.ts",
    find: 'store.set("runs_unsettled", true)',
    replace: 'store.set("runs_unsettled", null)',
    caught_by: [processes],
  },
  {
    name: "refused-key-is-not-started-again",
    guard: "A workload with a refused key ends, and its config is rolled back.",
    file: "bootstrap/agent/workload/supervisor.ts",
    find: "said !== null && said.refusal !== null",
    replace: "said === null && healthy",
    caught_by: [processes],
  },
  {
    name: "aborted-runs-are-told-once",
    guard: "The history tells of an interrupted run once.",
    file: "src/bot/reconcile/crashes.ts",
    find: "before === null || count === 0",
    replace: "count < 0",
    caught_by: [crashes],
  },
];
