/** What the API must answer to an action, told from what it shows: the action matrix said once more, for the tests. */
import type { BotView, Operation } from "../../../src/wire/bot.ts";
import type { BotAction, BotStatus } from "../../../src/wire/enums.ts";

/** What of a bot decides about an action. */
export interface Shown {
  status: BotStatus;
  operation: Pick<Operation, "kind" | "ended_at">;
  droplet: Pick<NonNullable<BotView["droplet"]>, "status"> | null;
  /** A heal has given the droplet up, or makes the next one. */
  replacing?: boolean;
}

/** `begins` a new operation, `is so` already or under way (the same operation answers), or is `refused`. */
export type Verdict = "begins" | "is so" | "refused";

type Row = Record<BotAction, Verdict | ((shown: Shown) => boolean)>;

const ALL_BUT_REDEPLOY: Pick<Row, "pause" | "resume" | "destroy"> = {
  pause: "refused",
  resume: "refused",
  destroy: "begins",
};
const hasDroplet = ({ droplet }: Shown) => droplet !== null;

const AT_REST: Readonly<Record<BotStatus, Row>> = {
  pending: { ...ALL_BUT_REDEPLOY, redeploy: "begins" },
  provisioning: { ...ALL_BUT_REDEPLOY, redeploy: "begins" },
  online: { pause: "begins", resume: "is so", redeploy: "begins", destroy: "begins" },
  unresponsive: { pause: hasDroplet, resume: "refused", redeploy: "begins", destroy: "begins" },
  paused: { pause: "is so", resume: "begins", redeploy: "begins", destroy: "begins" },
  suspended: { ...ALL_BUT_REDEPLOY, redeploy: "refused" },
  error: {
    pause: hasDroplet,
    resume: ({ droplet }) => droplet?.status === "off",
    redeploy: "begins",
    destroy: "begins",
  },
  destroyed: { pause: "refused", resume: "refused", redeploy: "refused", destroy: "is so" },
};

export function judge(shown: Shown, action: BotAction): Verdict {
  const { kind, ended_at } = shown.operation;
  if (ended_at === null) {
    if (kind === action) return "is so";
    if (action === "destroy") return "begins";
    // A heal is ours and gives way to what a person asks for, as long as there is something to pause.
    const fits = action === "redeploy" || (action === "pause" && shown.replacing !== true);
    return kind === "heal" && fits ? "begins" : "refused";
  }
  const verdict = AT_REST[shown.status][action];
  return typeof verdict === "string" ? verdict : verdict(shown) ? "begins" : "refused";
}
