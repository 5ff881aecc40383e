/**
 * What each kind of operation does, and what people read of it. One entry a kind: a new one does not compile until it
 * has said all of it. Pure.
 */
import type { PermitKind } from "../../provider/gate/permit.ts";
import type { OperationKind } from "../../wire/enums.ts";
import { OPERATION_FACTS, type OperationFacts } from "../model/operations.ts";
import type { Policy } from "../model/policy.ts";
import { type BotState, type Instant, isRunning, type OperationState } from "../model/state.ts";
import type { Decision } from "./decision.ts";
import { EFFECTS, type Effect } from "./effects.ts";
import { ensureGone } from "./ensure-gone.ts";
import { ensureOff, ensureOn, ensureStopped } from "./ensure-power.ts";
import { ensureRunning, redeploy } from "./ensure-running.ts";
import { reconcileHeal } from "./heal.ts";
import type { Situation } from "./situation.ts";
import { record } from "./steps.ts";

interface OperationRules extends OperationFacts {
  /** Its next step. */
  reconcile(s: Situation): Decision;
  /** How long it may take, ms; null: what it began must be brought to its end, or it has its own patience. */
  deadline(policy: Policy): number | null;
  /** The permit that its calls ask for, where the call has none of its own. */
  permit(operation: OperationState, effect: Effect): PermitKind;
  /** What the history says when it was asked for. */
  asked: string;
  /** What a bot's summary says while it runs; null: the status says it. */
  doing: string | null;
}

const unbounded = () => null;
const byPerson = () => "user_action" as const;

export const OPERATIONS: Readonly<Record<OperationKind, OperationRules>> = {
  create: {
    ...OPERATION_FACTS.create,
    reconcile: ensureRunning,
    deadline: unbounded,
    permit: () => "poll",
    asked: "Create requested.",
    doing: null,
  },
  pause: {
    ...OPERATION_FACTS.pause,
    reconcile: ensureOff,
    deadline: (policy) => policy.power_deadline_ms,
    permit: byPerson,
    asked: "Pause requested.",
    doing: "Pausing.",
  },
  resume: {
    ...OPERATION_FACTS.resume,
    reconcile: (s) => (s.bot.operation.recreating ? ensureRunning(s) : ensureOn(s)),
    deadline: (policy) => policy.power_deadline_ms,
    permit: byPerson,
    asked: "Resume requested.",
    doing: "Resuming.",
  },
  redeploy: {
    ...OPERATION_FACTS.redeploy,
    reconcile: (s) => redeploy(s, "redeploy"),
    deadline: unbounded,
    permit: byPerson,
    asked: "Redeploy requested.",
    doing: null,
  },
  destroy: {
    ...OPERATION_FACTS.destroy,
    reconcile: (s) => ensureGone(s) ?? record({ kind: "destroyed", data: {} }),
    deadline: unbounded,
    permit: byPerson,
    asked: "Destroy requested.",
    doing: "Destroying.",
  },
  suspend: {
    ...OPERATION_FACTS.suspend,
    reconcile: ensureStopped,
    deadline: (policy) => policy.power_deadline_ms,
    permit: byPerson,
    asked: "Suspension started.",
    doing: "Suspending.",
  },
  heal: {
    ...OPERATION_FACTS.heal,
    reconcile: reconcileHeal,
    deadline: unbounded,
    // The first look is part of the heal: when all are silent at once, not even that is spent on each.
    permit: ({ power }, { kind }) => (power === null || kind !== "get_droplet" ? "heal" : "poll"),
    asked: "Healing started.",
    doing: "Healing.",
  },
};

/** When an operation gives up; null: it does not by the clock. */
export function deadlineOf({ kind, recreating, started_at }: OperationState, policy: Policy): Instant | null {
  const allowance = recreating ? policy.blocked_for_ms : OPERATIONS[kind].deadline(policy);
  return allowance === null ? null : started_at + allowance;
}

/** As which kind of request a call is counted. */
export function permitOf({ operation }: BotState, effect: Effect): PermitKind {
  if (!isRunning(operation)) return "poll";
  return EFFECTS[effect.kind].permit ?? OPERATIONS[operation.kind].permit(operation, effect);
}
