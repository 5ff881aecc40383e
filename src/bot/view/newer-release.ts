/** How a bot of a newer release is shown: what is known of it, and nothing in place of the rest. Pure. */
import type { BotView, Operation } from "../../wire/bot.ts";
import { DROPLET_STATUSES } from "../../wire/enums.ts";
import { isKnown, NEWER_RELEASE } from "../../wire/newer-release.ts";
import { isKnownOperation } from "../model/newer-release.ts";
import { adoptedDroplet, type BotState } from "../model/state.ts";

const SUMMARY =
  "A newer release of Spawnpoint has changed this bot. It is left alone until that release runs again: only its agent is answered.";

/** Whatever it does next, it is not this release that does it. */
function atRest(operation: Operation): Operation {
  return { ...operation, step: operation.state, next_attempt_at: null, deadline: null };
}

/** @param view of the state with its stand-ins @param stored the state as it is */
export function withoutGuesses(view: BotView, stored: BotState): BotView {
  const { droplet, operation, config } = view;
  return {
    ...view,
    phase: null,
    reason: NEWER_RELEASE,
    next: { what: NEWER_RELEASE, at: null },
    droplet: isKnown(DROPLET_STATUSES, adoptedDroplet(stored)?.status ?? "") ? droplet : null,
    operation: operation && isKnownOperation(stored.operation) ? atRest(operation) : null,
    config: { ...config, rollout: { ...config.rollout, deadline: null } },
    summary: SUMMARY,
  };
}
