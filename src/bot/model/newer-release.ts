/**
 * Bots that a newer release has changed before it was rolled back. Members of enumerations that this release does not
 * know are carried as they are stored; while a state holds any, nothing is decided, folded or started for its bot, since
 * whatever this release made of it would be a guess. Pure.
 */
import { DROPLET } from "../../resources/droplet.ts";
import {
  BOT_STATUSES,
  DROPLET_STATUSES,
  HEALING_POLICIES,
  OPERATION_KINDS,
  OPERATION_STATES,
  PERSONAS,
  START_POLICIES,
  WORKLOAD_ORDERS,
} from "../../wire/enums.ts";
import { isKnown } from "../../wire/newer-release.ts";
import { TOKEN_STATES } from "./enrolment.ts";
import {
  type BotState,
  type Droplet,
  INTENT_STATES,
  type Intent,
  LOOKS,
  type OperationState,
  POWER_ACTIONS,
  PRESENCES,
  RESOURCE_KINDS,
} from "./state.ts";

/** How often such a bot looks whether the release that knows it runs again. */
export const WATCH_EVERY_MS = 60 * 60_000;

/** @param standIn what is read in place of an unknown member: whatever promises and permits the least */
type Visit = <T extends string>(value: T, known: readonly T[], standIn: NoInfer<T>) => T;

const known: Visit = (value, members, standIn) => (isKnown(members, value) ? value : standIn);

const readings = new WeakMap<BotState, BotState>();

/**
 * The state with a stand-in for every unknown member: to be shown, and to be asked what is certain. Never to be stored.
 * The same object where all of it is known.
 */
export function asKnown(bot: BotState): BotState {
  const before = readings.get(bot);
  if (before !== undefined) return before;
  let unknown = 0;
  const read = visitState(bot, (value, members, standIn) => {
    const shown = known(value, members, standIn);
    if (shown !== value) unknown++;
    return shown;
  });
  const reading = unknown === 0 ? bot : read;
  readings.set(bot, reading);
  return reading;
}

/** Whether the state holds what only a newer release knows. */
export function isOfNewerRelease(bot: BotState): boolean {
  return asKnown(bot) !== bot;
}

export function isKnownOperation({ kind, state }: OperationState): boolean {
  return isKnown(OPERATION_KINDS, kind) && isKnown(OPERATION_STATES, state);
}

/** Every place of the state that holds a member of an enumeration. */
function visitState(bot: BotState, visit: Visit): BotState {
  const { healing, start } = bot.policies;
  return {
    ...bot,
    status: visit(bot.status, BOT_STATUSES, bot.destroyed_at === null ? "error" : "destroyed"),
    persona: visit(bot.persona, PERSONAS, "beginner"),
    policies: {
      ...bot.policies,
      healing: visit(healing, HEALING_POLICIES, "off"),
      start: start && visit(start, START_POLICIES, "manual"),
    },
    presence: visit(bot.presence, PRESENCES, "silent"),
    order: bot.order && visit(bot.order, WORKLOAD_ORDERS, "hold"),
    operation: visitOperation(bot.operation, visit),
    droplets: bot.droplets.map((droplet) => visitDroplet(droplet, visit)),
    intents: bot.intents.map((intent) => visitIntent(intent, visit)),
  };
}

function visitOperation(operation: OperationState, visit: Visit): OperationState {
  const { kind, state, power } = operation;
  return {
    ...operation,
    kind: visit(kind, OPERATION_KINDS, "create"),
    // It may be under way: what it is then for may stop the workload.
    state: visit(state, OPERATION_STATES, "running"),
    power: power && { ...power, action: visit(power.action, POWER_ACTIONS, "power_off") },
  };
}

function visitDroplet(droplet: Droplet, visit: Visit): Droplet {
  return {
    ...droplet,
    kind: visit(droplet.kind, RESOURCE_KINDS, DROPLET),
    status: visit(droplet.status, DROPLET_STATUSES, "archive"),
  };
}

function visitIntent(intent: Intent, visit: Visit): Intent {
  return {
    ...intent,
    kind: visit(intent.kind, RESOURCE_KINDS, DROPLET),
    enrolment: { ...intent.enrolment, state: visit(intent.enrolment.state, TOKEN_STATES, "killed") },
    token_state: visit(intent.token_state, TOKEN_STATES, "killed"),
    // Its droplet may exist.
    state: visit(intent.state, INTENT_STATES, "open"),
    looks: intent.looks.map((look) => ({ ...look, how: visit(look.how, LOOKS, "list") })),
  };
}
