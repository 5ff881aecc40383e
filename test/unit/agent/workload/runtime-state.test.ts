import { expect, it } from "vitest";
import { runtimeOf } from "../../../../bootstrap/agent/workload/runtime-state.ts";

it.each([
  ["starting", false, "Running", null],
  ["running", false, "Running", null],
  ["running", true, "Running", null],
  ["stopping", true, "Running", null],
  ["crashed", false, "Error", "why"],
  ["failed", false, "Error", "why"],
  ["stopped", false, "Stopped", null],
  ["stopped", true, "Paused", null],
] as const)("a workload that is %s (forbidden: %s) makes its bot %s", (state, forbidden, expected, error) => {
  expect(runtimeOf({ state, reason: "why" }, forbidden)).toEqual({ state: expected, error });
});
