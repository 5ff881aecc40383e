import { existsSync } from "node:fs";
import type { Sandbox } from "./sandbox.ts";
import type { Ending } from "./spawn.ts";
import type { UnitFile } from "./unit-file.ts";

/** Signals that count as a clean end of a service that is no oneshot. */
const CLEAN_SIGNALS: readonly string[] = ["SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"];

/** Whether a process ended well, as systemd sees it. */
export function isClean(unit: UnitFile, ending: Ending): boolean {
  if (ending.signal !== null) return unit.type !== "oneshot" && CLEAN_SIGNALS.includes(ending.signal);
  return ending.code === 0 || unit.success_exit_status.includes(ending.code ?? -1);
}

/** Whether a service that ended by itself is started again. */
export function restarts(unit: UnitFile, ending: Ending): boolean {
  if (unit.restart_prevent_exit_status.includes(ending.code ?? -1)) return false;
  const clean = isClean(unit, ending);
  switch (unit.restart) {
    case "no":
      return false;
    case "always":
      return true;
    case "on-failure":
      return !clean;
    case "on-success":
      return clean;
    case "on-abnormal":
      return !clean && ending.signal !== null;
  }
}

/** Whether the unit is to be started at all. */
export function conditionsHold(unit: UnitFile, sandbox: Sandbox): boolean {
  return unit.conditions.every(({ path, negated }) => existsSync(sandbox.path(path)) !== negated);
}
