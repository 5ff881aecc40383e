/** Which action is possible when: the action matrix. Pure. */
import type { BotAction, BotStatus } from "../wire/enums.ts";
import { adoptedDroplet, type BotState, isRunning } from "./state.ts";

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
  if (isRunning(bot.operation)) return whileRunning(bot, action);
  return atRest(bot, action);
}

export function allowedActions(bot: BotState): BotAction[] {
  const all: BotAction[] = ["pause", "resume", "redeploy", "destroy"];
  return all.filter((action) => judgeAction(bot, action).verdict !== "refuse");
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
