/** Whether this agent may run a workload. */
import type { WorkloadOrder } from "../../../src/wire/enums.ts";

/** Why this agent must not run a workload, whatever it was told before. */
export type Ban = "credential_revoked" | "wrong_droplet" | "another_credential";

/** What the control plane last let this agent do. Lives in memory only: a restarted agent has no order. */
export interface Permission {
  order: WorkloadOrder | null;
  ban: Ban | null;
  /** Monotonic ms of the first of an unbroken row of `credential_revoked`; null while there is none. */
  revoked_since_ms: number | null;
}

export const NO_PERMISSION: Permission = { order: null, ban: null, revoked_since_ms: null };
