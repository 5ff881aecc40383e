/**
 * What each kind of operation is to the state: what follows from it while it runs and when it ends. Pure. How it is
 * carried out, and its words, stand beside these facts in reconcile/operations.ts.
 */
import type { OperationKind } from "../../wire/enums.ts";
import type { OperationState } from "./state.ts";

export interface OperationFacts {
  /**
   * What people read as the status while it runs. `kept`: what it was, until the end is confirmed. `replacing`: set up
   * anew once the old droplet is gone. `waking`: paused until its droplet comes on. `healing`: as its agent is heard.
   */
  readonly status: "kept" | "replacing" | "waking" | "healing";
  /** While it runs the workload has no permission to run. */
  readonly stopsWorkload: "throughout" | "until_recreating" | "no";
  /** It takes the droplet away. */
  readonly removesDroplet: boolean;
  /**
   * What it goes through once no intent is open and no droplet is to go: it boots a droplet, switches one off (its success
   * then means that the droplet is off by our doing), or waits until none is left; a heal looks and power-cycles first.
   */
  readonly course: "boots" | "switches_off" | "removes" | "heals";
  /** It stops trading for a while, so people may ask for it only so often. */
  readonly interrupts: boolean;
  /** Whether whoever asked for it may cancel it before it has made its first intent. */
  readonly cancel: "until_committed" | "never";
}

export const OPERATION_FACTS: Readonly<Record<OperationKind, OperationFacts>> = {
  create: {
    status: "replacing",
    stopsWorkload: "no",
    removesDroplet: false,
    course: "boots",
    interrupts: false,
    cancel: "until_committed",
  },
  pause: {
    status: "kept",
    stopsWorkload: "throughout",
    removesDroplet: false,
    course: "switches_off",
    interrupts: false,
    cancel: "until_committed",
  },
  resume: {
    status: "waking",
    stopsWorkload: "no",
    removesDroplet: false,
    course: "boots",
    interrupts: false,
    cancel: "until_committed",
  },
  redeploy: {
    status: "replacing",
    stopsWorkload: "until_recreating",
    removesDroplet: true,
    course: "boots",
    interrupts: true,
    cancel: "until_committed",
  },
  destroy: {
    status: "kept",
    stopsWorkload: "throughout",
    removesDroplet: true,
    course: "removes",
    interrupts: false,
    cancel: "until_committed",
  },
  // It ends with the suspension, and is nobody's to cancel.
  suspend: {
    status: "kept",
    stopsWorkload: "throughout",
    removesDroplet: false,
    course: "switches_off",
    interrupts: false,
    cancel: "never",
  },
  heal: {
    status: "healing",
    stopsWorkload: "no",
    removesDroplet: false,
    course: "heals",
    interrupts: false,
    cancel: "until_committed",
  },
};

/** Of a kind that only a newer release knows: nothing may be taken for granted, so its workload may not run. */
const UNKNOWN: OperationFacts = {
  status: "kept",
  stopsWorkload: "throughout",
  removesDroplet: false,
  course: "boots",
  interrupts: false,
  cancel: "never",
};

export function factsOf(kind: OperationKind): OperationFacts {
  return OPERATION_FACTS[kind] ?? UNKNOWN;
}

/** While the operation runs, the workload may not. */
export function stopsWorkload({ kind, recreating }: OperationState): boolean {
  switch (factsOf(kind).stopsWorkload) {
    case "throughout":
      return true;
    case "until_recreating":
      return !recreating;
    case "no":
      return false;
  }
}
