/** The DigitalOcean of one schedule: its ways, its faults, and whether it keeps within the fault model. */
import type { FaultKind } from "../../../simulator/model/faults.ts";
import { Simulator } from "../../../simulator/model/simulator.ts";
import { drawKnobs, FAULTS } from "../../simulation/faults.ts";
import { prng } from "../../simulation/prng.ts";
import { hurried, hurriedKnobs } from "./speed.ts";

/** Droplets of different schedules never share a number: the index knows them all. */
const DROPLETS_A_CLOUD = 10_000;
const FIRST_DROPLET = 600_000_000;
/** What costs real seconds, whatever the settings say: seldom, and once. */
const SLOW_FAULTS: readonly FaultKind[] = [
  "rate_limited",
  "rate_limited_bare",
  "rate_limited_stale_reset",
  "pending_event",
];
/** Five minutes. */
const ENDLESS_FAULT: FaultKind = "rate_limited_hourly";
/** A gate that dies over these waits a minute before it asks again. */
const GATE_FAULTS: readonly FaultKind[] = ["unauthorized", "forbidden"];

export interface Cloud {
  simulator: Simulator;
  /** Whatever comes of a POST is listed within the look window. */
  bounded: boolean;
}

/** @param gateDies whether the gate of the schedule is among those whose process may die at a call */
export function drawCloud(seed: number, draw: () => number, gateDies: boolean): Cloud {
  const options = {
    now: () => Date.now(),
    random: prng(seed ^ 0x51a7),
    droplet_limit: 10_000,
    knobs: hurriedKnobs(drawKnobs(draw)),
  };
  const next_droplet = FIRST_DROPLET + (seed % 100_000) * DROPLETS_A_CLOUD;
  const simulator = Simulator.restore({ ...new Simulator(options).snapshot(), next_droplet }, options);
  return { simulator, bounded: addFaults(simulator, draw, gateDies) };
}

/** @returns whether they are within bounds */
function addFaults({ script }: Simulator, draw: () => number, gateDies: boolean): boolean {
  // One in ten breaks the bounds: a POST that takes effect long after it was given up. Only the sweep finds its droplet.
  const late = draw() < 0.1;
  let bounded = !late;
  for (const { on, faults } of FAULTS) {
    for (const fault of faults) {
      const slow = SLOW_FAULTS.includes(fault);
      const drawn = draw() < (slow ? 0.04 : 0.25);
      if (!drawn || fault === ENDLESS_FAULT || (gateDies && GATE_FAULTS.includes(fault))) continue;
      // Lists that lag and leave out as well can hide a droplet for longer than anybody looks.
      if (fault === "list_omits") bounded = false;
      script.add({
        on,
        fault,
        probability: draw() * 0.4,
        delay_ms: hurried(draw() * (late && fault === "late_effect" ? 600_000 : 50_000)),
        duration_ms: hurried(30_000),
        ...(slow ? { times: 1, retry_after_s: 1 } : {}),
      });
    }
  }
  return bounded;
}
