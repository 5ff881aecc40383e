/** The workload as another user's unit: who may order what, and when it is called ended. */
import type { Mutant } from "./mutant.ts";

const LAUNCHER = "bootstrap/launcher.sh";
const orders = "test/unit/bootstrap/launcher.test.ts";
const unitSite = "test/unit/agent/workload/unit-site.test.ts";

export const launcher: readonly Mutant[] = [
  {
    name: "launcher-order-is-all-there-is",
    guard: "An order with anything beside it is none.",
    file: LAUNCHER,
    find: "if ((met != 1)); then",
    replace: "if ((met > 128)); then",
    caught_by: [orders],
  },
  {
    name: "launcher-hears-the-agent",
    guard: "Whoever else gets at the launcher's socket orders nothing.",
    file: LAUNCHER,
    find: "$peer != 0 && $peer !=",
    replace: "$peer == nobody && $peer !=",
    caught_by: [orders],
  },
  {
    name: "launcher-starts-no-second",
    guard: "Nothing is started beside what is left of a workload.",
    file: LAUNCHER,
    find: '  is_over || answer "refused: the workload runs"\n',
    replace: "",
    caught_by: [orders],
  },
  {
    name: "ended-is-the-kernels-word",
    guard: "A unit's workload has ended only when its control group is empty.",
    file: "bootstrap/agent/workload/unit-site.ts",
    find: "      if (!isPopulated(group)) return;\n      await pause",
    replace: "      return;\n      await pause",
    caught_by: [unitSite],
  },
  {
    name: "exit-waits-for-the-unit",
    guard: "What has ended is told only when nothing of the unit is left.",
    file: "bootstrap/agent/workload/steward-line.ts",
    find: "    await this.#clear();\n",
    replace: "    void this.#clear();\n",
    caught_by: [unitSite],
  },
  {
    name: "port-is-the-workloads-users",
    guard: "A port that another user listens on as well is not the workload's.",
    file: "bootstrap/agent/workload/listener.ts",
    find: "sockets.every((socket) => socket.uid === uid)",
    replace: "sockets.some((socket) => socket.uid === uid)",
    caught_by: ["test/unit/agent/workload/listener.test.ts"],
  },
];
