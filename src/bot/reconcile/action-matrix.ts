/** Which action is possible when: the action matrix. Pure. */
import { BOT_ACTIONS, type BotAction, type BotStatus, type OperationKind } from "../../wire/enums.ts";
import type { EventBody } from "../model/events.ts";
import { adoptedDroplet, type BotState, isRunning } from "../model/state.ts";
import { isSuspended } from "../model/status.ts";

type Verdict =
  | { verdict: "start" }
  /** Already so, or already under way: the same operation answers. */
  | { verdict: "same" }
  | { verdict: "refuse" };

const START: Verdict = { verdict: "start" };
const SAME: Verdict = { verdict: "same" };
const REFUSE: Verdict = { verdict: "refuse" };

export function judgeAction(bot: BotState, action: BotAction): Verdict {
  if (bot.status === "destroyed") return action === "destroy" ? SAME : REFUSE;
  // What its droplet is just now does not matter: the suspension has to be taken away first.
  if (bot.suspension !== null && action !== "destroy") return REFUSE;
  if (isRunning(bot.operation)) return whileRunning(bot, action);
  return atRest(bot, action);
}

/** The operator's: comes before everything but a destroy. One that did not succeed may be asked for again. */
export function judgeSuspend(bot: BotState): Verdict {
  if (bot.destroyed_at !== null || isBeingDestroyed(bot)) return REFUSE;
  if (bot.suspension === null || bot.operation.kind !== "suspend") return START;
  return isRunning(bot.operation) || isSuspended(bot) ? SAME : START;
}

export function judgeUnsuspend(bot: BotState): Verdict {
  if (bot.destroyed_at !== null) return REFUSE;
  if (bot.suspension === null) return SAME;
  return isBeingDestroyed(bot) ? REFUSE : START;
}

function isBeingDestroyed({ operation }: BotState): boolean {
  return isRunning(operation) && operation.kind === "destroy";
}

/** An operation begins, in place of the one that is under way. */
export function takingOver({ operation }: BotState, operation_id: string, kind: OperationKind): EventBody[] {
  if (!isRunning(operation)) return [{ kind: "operation_requested", data: { operation_id, kind } }];
  const begun = operation.committed ? ({ begun: true } as const) : {};
  return [
    {
      kind: "operation_cancelled",
      data: { operation_id: operation.id, why: `pre-empted by ${kind}`, pre_empted: true },
    },
    { kind: "operation_requested", data: { operation_id, kind, ...begun } },
  ];
}

export function allowedActions(bot: BotState): BotAction[] {
  return BOT_ACTIONS.filter((action) => judgeAction(bot, action).verdict !== "refuse");
}

function whileRunning(bot: BotState, action: BotAction): Verdict {
  const { kind, replacing, recreating } = bot.operation;
  if (kind === action) return SAME;
  if (action === "destroy") return START;
  // A heal is ours: what a person asks for comes first. One that replaces the droplet leaves none to pause.
  const hasDroplet = !replacing && !recreating;
  if (kind === "heal") return action === "redeploy" || (action === "pause" && hasDroplet) ? START : REFUSE;
  return REFUSE;
}

function atRest(bot: BotState, action: BotAction): Verdict {
  if (action === "destroy") return START;
  const droplet = adoptedDroplet(bot);
  const table: Record<Exclude<BotStatus, "destroyed">, Record<Exclude<BotAction, "destroy">, Verdict>> = {
    pending: { pause: REFUSE, resume: REFUSE, redeploy: START },
    provisioning: { pause: REFUSE, resume: REFUSE, redeploy: START },
    online: { pause: START, resume: SAME, redeploy: START },
    unresponsive: { pause: droplet ? START : REFUSE, resume: REFUSE, redeploy: START },
    paused: { pause: SAME, resume: START, redeploy: START },
    suspended: { pause: REFUSE, resume: REFUSE, redeploy: REFUSE },
    error: { pause: droplet ? START : REFUSE, resume: droplet?.status === "off" ? START : REFUSE, redeploy: START },
  };
  return bot.status === "destroyed" ? REFUSE : table[bot.status][action];
}
