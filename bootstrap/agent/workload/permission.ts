/** Whether this agent may run a workload. */
import type { OfflinePolicy } from "../../../src/wire/config.ts";
import type { WorkloadOrder } from "../../../src/wire/enums.ts";

/** Why this agent must not run a workload, whatever it was told before. */
export type Ban = "credential_revoked" | "wrong_droplet" | "another_credential";

/** What the control plane last let this agent do. Lives in memory only: a restarted agent has no order. */
export interface Permission {
  order: WorkloadOrder | null;
  ban: Ban | null;
  /** Monotonic ms of the first of an unbroken row of `credential_revoked`; null while there is none. */
  revoked_since_ms: number | null;
  /** Monotonic ms of the control plane's last word to this agent; null: there was none. */
  heard_ms: number | null;
}

export const NO_PERMISSION: Permission = { order: null, ban: null, revoked_since_ms: null, heard_ms: null };

/** The control plane has been silent for so long that its last permission does not hold any more. */
export function isCutOff({ heard_ms }: Permission, policy: OfflinePolicy | undefined, now_ms: number): boolean {
  return policy?.action === "stop" && heard_ms !== null && now_ms - heard_ms >= policy.after_s * 1000;
}
