/** Where the rollout of the desired config version stands. Pure. */
import type { RolloutState, WorkloadState } from "../../wire/enums.ts";
import type { BotState } from "./state.ts";

export function rolloutState({ config }: BotState): RolloutState {
  const { desired, applied, failed, delivered, rolled_back } = config;
  if (failed?.id === desired.id) return "failed";
  if (applied?.id === desired.id) return rolled_back?.version === desired.version ? "rolled_back" : "settled";
  return delivered ? "delivered" : "pending_delivery";
}

/** Whether the rollout stands elsewhere after an event than before it. */
export function standsElsewhere(before: BotState, after: BotState): boolean {
  return (
    before.generation !== after.generation ||
    before.config.desired.id !== after.config.desired.id ||
    rolloutState(before) !== rolloutState(after)
  );
}

/** `applied` with the workload stopped says that the gate is still to come. One that says nothing else means it whole. */
export function passedGate(workload: WorkloadState | undefined): boolean {
  return workload === undefined || workload === "running";
}
