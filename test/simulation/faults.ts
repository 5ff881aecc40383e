/** What DigitalOcean may do wrong in a schedule, within the fault model and, one time in ten, beyond it. */
import type { FaultKind } from "../../simulator/model/faults.ts";
import type { Knobs } from "../../simulator/model/knobs.ts";
import type { Operation } from "../../simulator/model/routes.ts";
import type { World } from "./world.ts";

/** Not the world's: its value would bring SQLite along, which `workerd` does not have. */
const MINUTE = 60_000;

/** Faults within the model: a POST takes effect within 60 s or never, lists lag by 60 s, tags by 120 s or for ever. */
export const FAULTS: { on: Operation; faults: FaultKind[] }[] = [
  {
    on: "create_droplet",
    faults: [
      "before_effect",
      "after_effect",
      "timeout_before",
      "timeout_after",
      "late_effect",
      "status_5xx_before",
      "status_5xx_after",
      "html_502_before",
      "html_502_after",
      "unparsable_202",
      "rate_limited",
      "rate_limited_bare",
      "rate_limited_stale_reset",
      "quota",
      "capacity",
      "try_again",
      "create_errored",
      "stuck_new",
      "tags_never",
      "no_address",
    ],
  },
  {
    on: "get_droplet",
    faults: [
      "before_effect",
      "timeout_before",
      "status_5xx_before",
      "html_502_before",
      "rate_limited",
      "unauthorized",
      "forbidden",
    ],
  },
  {
    on: "list_droplets",
    faults: [
      "before_effect",
      "html_502_before",
      "rate_limited_hourly",
      "list_duplicate_row",
      "list_omits",
      "page_fails",
    ],
  },
  {
    on: "delete_droplet",
    faults: [
      "before_effect",
      "after_effect",
      "timeout_after",
      "status_5xx_after",
      "pending_event",
      "rate_limited",
      "lost_action",
    ],
  },
  {
    on: "droplet_action",
    faults: [
      "before_effect",
      "after_effect",
      "timeout_after",
      "pending_event",
      "lost_action",
      "rate_limited",
      "html_502_after",
    ],
  },
];

export function drawKnobs(random: () => number): Partial<Knobs> {
  return {
    create_ms: 10_000 + random() * 120_000,
    tag_ms: random() * 120_000,
    tags_missing_forever: random() < 0.2 ? 0.5 : 0,
    list_lag_ms: random() * 60_000,
    get_lag_ms: random() < 0.3 ? random() * 60_000 : 0,
    ip_lag_ms: random() * 20_000,
    delete_ms: random() * 90_000,
    guest_ignores_acpi: random() < 0.2,
    power_on_active: random() < 0.5 ? "refuse" : "accept",
    delete_while_new: (["pending_event", "accept", "ineffective"] as const)[Math.floor(random() * 3)] ?? "accept",
  };
}

/** @param enabled whether a feature of this name is part of the schedule */
export function addFaults({ random, simulator }: World, enabled: (feature: string) => boolean): void {
  // One in ten breaks the bounds: a POST that takes effect long after it was given up. Only the sweep finds its droplet.
  const latest_ms = random() < 0.1 ? 40 * MINUTE : 50_000;
  for (const { on, faults } of FAULTS) {
    for (const fault of faults) {
      if (random() >= 0.25) continue;
      const rule = {
        on,
        fault,
        probability: random() * 0.4,
        delay_ms: random() * (fault === "late_effect" ? latest_ms : 50_000),
        duration_ms: 30_000,
        ends: random() < 0.5 ? ("completed" as const) : ("errored" as const),
      };
      if (enabled(`${on}: ${fault}`)) simulator.script.add(rule);
    }
  }
}
