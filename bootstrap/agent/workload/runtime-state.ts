/** Pure: what the machine's table says of a bot whose workload is in this state. */
import type { WorkloadState } from "../../../src/wire/enums.ts";
import type { Runtime } from "../base/bot-table.ts";

/** @param forbidden somebody has said that it must not run: a person here, or the control plane */
export function runtimeOf(
  { state, reason }: { state: WorkloadState; reason: string | null },
  forbidden: boolean,
): Pick<Runtime, "state" | "error"> {
  switch (state) {
    case "starting":
    case "running":
    case "stopping":
      return { state: "Running", error: null };
    case "crashed":
    case "failed":
      return { state: "Error", error: reason };
    case "stopped":
      return { state: forbidden ? "Paused" : "Stopped", error: null };
  }
}
