import { describe, expect, it } from "vitest";
import {
  barredConfig,
  DIED_DURING_APPLY,
  judgeApply,
  mayRun,
  nextStep,
  type Situation,
  whyNoRestart,
} from "../../../../bootstrap/agent/workload/apply-rules.ts";
import { afterEnd, suspectsConfig } from "../../../../bootstrap/agent/workload/supervision.ts";

/** Config 2 is proven and up, and permitted. */
const SETTLED: Situation = {
  order: "run",
  ban: null,
  cut_off: false,
  stopped_here: false,
  installed: true,
  unwritable: null,
  up: "2",
  held: "2",
  applied: "2",
  proven: "2",
  last_good: "2",
  failed: null,
};

describe("the next step", () => {
  it.each<[string, Partial<Situation>, string]>([
    ["all is as desired", {}, "rest"],
    ["the agent has just started", { order: null, up: null, held: null, last_good: null }, "rest"],
    ["it has a config but no word yet", { order: null, up: null }, "rest"],
    ["it may run a proven config", { up: null }, "start"],
    ["a new config came", { held: "3" }, "apply"],
    ["a new config came on hold, while running", { held: "3", order: "hold" }, "apply"],
    ["a new config came on hold, while stopped", { held: "3", order: "hold", up: null }, "accept"],
    ["a new config came while ordered to stop", { held: "3", order: "stop", up: null }, "accept"],
    ["a new config came before any order", { held: "3", order: null, up: null }, "rest"],
    ["it has accepted that config already", { held: "3", order: "stop", up: null, applied: "3" }, "rest"],
    ["the accepted config may run: its gate is still owed", { held: "3", up: null, applied: "3" }, "apply"],
    ["it is on hold and stopped", { order: "hold", up: null }, "rest"],
    ["it is on hold and running", { order: "hold" }, "rest"],
    ["it is told to stop", { order: "stop" }, "stop"],
    ["a person stops it", { stopped_here: true }, "stop"],
    ["its credential is revoked", { ban: "credential_revoked" }, "stop"],
    ["it is on the wrong droplet", { ban: "wrong_droplet" }, "stop"],
    ["it is cut off, and its policy is to stop", { cut_off: true }, "stop"],
    ["it is cut off and stopped", { cut_off: true, up: null }, "rest"],
    ["it is banned and stopped", { ban: "wrong_droplet", up: null, held: "3" }, "rest"],
    ["OpenClaw is not installed", { installed: false, up: null, held: "3" }, "rest"],
    ["the config failed and the last good one is up", { held: "3", failed: "3" }, "rest"],
    ["the config failed and the last good one is down", { held: "3", failed: "3", up: null }, "start"],
    ["the config failed and there is no other", { held: "3", failed: "3", up: null, last_good: null }, "halt"],
    ["a failed config is not accepted while stopped", { held: "3", failed: "3", order: "stop", up: null }, "rest"],
    ["a config comes after a failed one", { held: "4", failed: "3" }, "apply"],
    ["the disk is full, and it runs", { unwritable: "disk full" }, "rest"],
    ["the disk is full, and it does not run", { unwritable: "disk full", up: null }, "rest"],
    ["the disk is full as a new config comes", { unwritable: "disk full", held: "3" }, "rest"],
    ["the disk is full as it is told to stop", { unwritable: "disk full", order: "stop" }, "stop"],
    ["the disk is full as a person stops it", { unwritable: "disk full", stopped_here: true }, "stop"],
  ])("%s", (_, changes, expected) => {
    expect(nextStep({ ...SETTLED, ...changes }).do).toBe(expected);
  });

  it("never starts anything without permission", () => {
    for (const order of [null, "run", "stop", "hold"] as const)
      for (const ban of [null, "wrong_droplet"] as const)
        for (const stopped_here of [true, false])
          for (const up of [null, "2"])
            for (const held of [null, "2", "3"])
              for (const failed of [null, "3"]) {
                const situation = { ...SETTLED, order, ban, stopped_here, up, held, failed };
                const step = nextStep(situation);
                if (step.do === "start" || step.do === "apply") expect(mayRun(situation)).toBe(true);
                if (up !== null && !mayRun(situation)) expect(step.do).toBe("stop");
              }
  });
});

describe("a restart", () => {
  it("is possible where the workload is up and may be started", () => {
    expect(whyNoRestart(SETTLED, false)).toBeNull();
  });
  it.each<[string, Partial<Situation>, boolean, string]>([
    ["may not run", { order: "stop" }, false, "The workload must not run: the control plane's order is stop."],
    [
      "is cut off",
      { cut_off: true },
      false,
      "The workload must not run: cut off from the control plane, and the offline policy is stop.",
    ],
    ["was stopped by a person", { stopped_here: true }, false, "The workload must not run: stopped by a command."],
    [
      "has a revoked credential",
      { ban: "credential_revoked" },
      false,
      "The workload must not run: credential_revoked.",
    ],
    [
      "is on hold, which starts nothing",
      { order: "hold" },
      false,
      "The workload must not be started: the control plane's order is hold.",
    ],
    [
      "could not be started again",
      { unwritable: "disk full" },
      false,
      "The workload could not be started again: disk full.",
    ],
    ["is not up", { up: null }, false, "There is no workload to restart: nothing is installed yet."],
    ["is being tried with a config", {}, true, "A config is being applied, which restarts the workload anyway."],
  ])("is not where it %s", (_, changes, applying, expected) => {
    expect(whyNoRestart({ ...SETTLED, ...changes }, applying)).toBe(expected);
  });
});

describe("an apply under way", () => {
  const limits = { ready_window_ms: 15_000, apply_deadline_ms: 120_000 };
  const view = {
    elapsed_ms: 20_000,
    may_run: true,
    unwritable: null,
    state: "running",
    reason: null,
    ready_for_ms: 0,
    exits: 0,
  } as const;

  it.each([
    ["ready, but not for long", { ready_for_ms: 14_999 }, { is: "waiting" }],
    ["ready for the whole window", { ready_for_ms: 15_000 }, { is: "applied" }],
    ["not ready in time", { elapsed_ms: 120_000 }, { is: "failed", reason: "not ready within 120 s" }],
    [
      "in the way of something",
      { state: "crashed", elapsed_ms: 120_000, reason: "port 18789 is taken" },
      { is: "failed", reason: "not ready within 120 s: port 18789 is taken" },
    ],
    ["bad config", { state: "failed", reason: "exit 78" }, { is: "failed", reason: "exit 78" }],
    ["crashed once", { state: "crashed", exits: 1 }, { is: "waiting" }],
    [
      "crashed thrice",
      { state: "crashed", exits: 3, reason: "exit 1" },
      { is: "failed", reason: "crash loop: exit 1" },
    ],
    ["not ready in time, on a full disk", { elapsed_ms: 120_000, unwritable: "disk full" }, { is: "interrupted" }],
    [
      "ready for the whole window, on a full disk",
      { ready_for_ms: 15_000, unwritable: "disk full" },
      { is: "applied" },
    ],
    ["no longer permitted", { may_run: false, ready_for_ms: 15_000 }, { is: "interrupted" }],
  ] as const)("%s", (_, changes, expected) => {
    expect(judgeApply({ ...view, ...changes }, limits)).toEqual(expected);
  });

  it("bars a failed config for good, but one that merely met a power cut for ten minutes", () => {
    const at_ms = 1_000_000;
    const later_ms = at_ms + 10 * 60_000;
    const failed = { config_id: "3", at_ms };
    expect(barredConfig({ ...failed, reason: "exit 78" }, later_ms)).toBe("3");
    expect(barredConfig({ ...failed, reason: DIED_DURING_APPLY }, later_ms - 1)).toBe("3");
    expect(barredConfig({ ...failed, reason: DIED_DURING_APPLY }, later_ms)).toBeNull();
  });
});

describe("a workload that ended by itself", () => {
  const limits = { first_ms: 1000, max_ms: 300_000 };
  it.each([
    ["first time", { code: 1, healthy_ms: 0, failures: 0 }, { do: "restart", after_ms: 1000, failures: 1 }],
    ["fifth time", { code: null, healthy_ms: 0, failures: 4 }, { do: "restart", after_ms: 16_000, failures: 5 }],
    [
      "after 30 s of health",
      { code: 1, healthy_ms: 30_000, failures: 9 },
      { do: "restart", after_ms: 1000, failures: 1 },
    ],
    ["even a clean exit", { code: 0, healthy_ms: 0, failures: 0 }, { do: "restart", after_ms: 1000 }],
    ["something in its way", { code: 78, healthy_ms: 0, failures: 0 }, { do: "restart", failures: 1 }],
    [
      "bad config",
      { code: null, bad_config: true, healthy_ms: 0, failures: 0 },
      { do: "give_up", reason: "bad config (it ended)" },
    ],
  ])("%s", (_, ended, expected) => {
    expect(afterEnd({ detail: "it ended", bad_config: false, ...ended }, limits, 1)).toMatchObject(expected);
  });

  it.each([
    [1, true, true],
    [null, true, true],
    [78, false, true],
    [78, true, false],
  ])("with %s, its config checked: %s, may have its config to blame: %s", (code, checked, suspect) => {
    expect(suspectsConfig({ code, checked })).toBe(suspect);
  });
});
