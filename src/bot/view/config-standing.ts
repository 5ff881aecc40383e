/** How a bot's config stands, on the wire. Pure. */
import type { ConfigStanding } from "../../wire/rollout.ts";
import { rolloutState } from "../model/rollout-state.ts";
import type { BotState, ConfigRef } from "../model/state.ts";
import { ackDeadline } from "../reconcile/rollout.ts";
import type { Situation } from "../reconcile/situation.ts";

export function viewConfigStanding(s: Situation): ConfigStanding {
  const { desired, applied, effective, last_good, since } = s.bot.config;
  const deadline = ackDeadline(s);
  return {
    desired: ref(desired),
    applied: applied && ref(applied),
    effective: effective && ref(effective),
    last_good: last_good && ref(last_good),
    rollout: {
      state: rolloutState(s.bot),
      version: desired.version,
      since: new Date(since).toISOString(),
      deadline: deadline === null ? null : new Date(deadline).toISOString(),
      reason: reasonOf(s.bot),
    },
    drift: effective?.id !== desired.id,
  };
}

function ref({ id, version }: ConfigRef): ConfigRef {
  return { id, version };
}

function reasonOf({ config: { desired, failed, rolled_back } }: BotState): string | null {
  if (failed?.id === desired.id) return failed.reason;
  return rolled_back?.version === desired.version ? rolled_back.reason : null;
}
