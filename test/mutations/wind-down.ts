/** A workload has its time to stop before its droplet is switched off or taken away. */
import type { Mutant } from "./mutant.ts";

const WIND_DOWN = "src/bot/reconcile/wind-down.ts";
const core = "test/unit/bot/wind-down.test.ts";
const real = "test/worker/wind-down.test.ts";

export const windDown: readonly Mutant[] = [
  {
    name: "power-waits-for-the-workload",
    guard: "No droplet is switched off under a workload that is being wound down.",
    file: "src/bot/reconcile/ensure-power.ts",
    find: "return windDown(s) ?? callNow(s, {",
    replace: "return callNow(s, {",
    caught_by: [core],
  },
  {
    name: "revocation-waits-for-the-workload",
    guard: "An agent that winds its workload down may say when it is done.",
    file: "src/bot/reconcile/ensure-gone.ts",
    find: "if (winding) return winding;",
    replace: "if (winding === undefined) return winding;",
    caught_by: [core],
  },
  {
    name: "wind-down-has-a-bound",
    guard: "No agent holds a pause up for ever.",
    file: WIND_DOWN,
    find: "return Math.min(longest,",
    replace: "return Math.max(longest,",
    caught_by: [core],
  },
  {
    name: "wind-down-ends-when-it-is-told",
    guard: "Only a workload that has stopped is taken for stopped.",
    file: "src/bot/agent/endpoints.ts",
    find: "isWindingDown(bot, rt.telemetry) && hasStopped(beat.workload)",
    replace: "isWindingDown(bot, rt.telemetry)",
    caught_by: [real],
  },
  {
    name: "acknowledgement-counts-from-the-drain",
    guard: "A config is not failed for the time that the workload before it took to stop.",
    file: "src/bot/reconcile/rollout.ts",
    find: "Math.max(config.since, bot.order_since, drained)",
    replace: "Math.max(config.since, bot.order_since)",
    caught_by: [core],
  },
  {
    name: "cut-off-ends-the-permission",
    guard: "A workload does not go on where its offline policy says that it stops.",
    file: "bootstrap/agent/workload/apply-rules.ts",
    find: "s.ban !== null || s.cut_off ||",
    replace: "s.ban !== null ||",
    caught_by: ["test/unit/agent/workload/apply-rules.test.ts"],
  },
  {
    name: "cut-off-is-the-policy's",
    guard: "A workload goes on through an outage unless its config says otherwise.",
    file: "bootstrap/agent/workload/permission.ts",
    find: 'policy?.action === "stop" && ',
    replace: "policy !== undefined && ",
    caught_by: ["test/unit/agent/workload/permission.test.ts"],
  },
];
