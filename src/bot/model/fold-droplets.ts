/** How intents, droplets and power actions change the state. Pure. */
import { DROPLET } from "../../resources/droplet.ts";
import { enrolled, withToken } from "./enrolment.ts";
import type { DropletEvents, DropletFacts } from "./events.ts";
import { commit, type Folds, troubled, withoutAgent } from "./fold-parts.ts";
import {
  type BotState,
  type Droplet,
  type Instant,
  type Intent,
  isRunning,
  type OperationState,
  type PowerAction,
} from "./state.ts";

const KEEP_LOOKS = 16;
/** Attempts to create one droplet leave an intent each; the closed ones teach nothing after a while. */
const KEEP_CLOSED_INTENTS = 8;
const SWITCHES_OFF: readonly PowerAction[] = ["shutdown", "power_off"];

export const dropletFolds: Folds<keyof DropletEvents> = {
  intent_opened: (bot, data, at) => ({
    operation: commit(bot),
    waiting: null,
    intents: [
      ...bot.intents.filter((intent) => intent.state === "open"),
      ...bot.intents.filter((intent) => intent.state !== "open").slice(-KEEP_CLOSED_INTENTS),
      {
        id: data.intent_id,
        kind: DROPLET,
        generation: data.generation,
        droplet_name: data.droplet_name,
        tags: data.tags,
        ...enrolled({ token_hash: data.token_hash, expires_at: data.token_expires_at, state: "live" }),
        opened_at: at,
        ended_at: null,
        looks: [],
        state: "open",
        refused_for_good: false,
      },
    ],
  }),
  intent_unanswered: (bot, data) => ({
    operation: troubled(bot, data.detail),
    intents: editIntent(bot, data.intent_id, () => ({ ended_at: data.ended_at })),
  }),
  intent_looked: (bot, { intent_id, how, began_at }) => ({
    intents: editIntent(bot, intent_id, (intent) => ({
      looks: [...intent.looks, { how, began_at }].slice(-KEEP_LOOKS),
    })),
  }),
  intent_adopted: (bot, data, at) => {
    const droplets = addDroplet(bot.droplets, data.droplet, at, data.via === "registration");
    const lives = bot.destroyed_at === null && data.droplet.generation === bot.generation;
    const mayAdopt = lives && bot.adopted === null;
    return {
      waiting: null,
      intents: editIntent(bot, data.intent_id, () => ({ state: "adopted" })),
      droplets,
      adopted: mayAdopt ? data.droplet.id : bot.adopted,
      claims: bot.claims.filter((claim) => claim.droplet_id !== data.droplet.id),
    };
  },
  intent_refused: (bot, data) => ({
    operation: troubled(bot, data.detail),
    intents: editIntent(bot, data.intent_id, (intent) => ({
      ...withToken(intent, "killed"),
      state: "refused",
      refused_for_good: data.for_good,
    })),
  }),
  intent_absent: (bot, data) => ({ intents: editIntent(bot, data.intent_id, () => ({ state: "absent" })) }),

  droplet_found: (bot, data, at) => ({
    droplets: addDroplet(bot.droplets, data.droplet, at, data.via === "registration"),
    claims: bot.claims.filter((claim) => claim.droplet_id !== data.droplet.id),
  }),
  droplet_observed: (bot, data, at) => ({
    ...(bot.off_by_us && data.droplet.id === bot.adopted && data.droplet.status === "active"
      ? { off_by_us: false, start_held: bot.start_held || isSwitchedOnByHand(bot) }
      : {}),
    // What its agent said before says nothing of it once it is on again.
    ...(bot.presence === "heard" && hasGoneOff(bot, data.droplet) ? { presence: "silent" as const } : {}),
    droplets: editDroplet(bot, data.droplet.id, (droplet) => ({
      status: data.droplet.status,
      ip_address: data.droplet.ip_address,
      observed_at: at,
      seen_by_id: droplet.seen_by_id || data.via === "id",
      active_at: droplet.active_at ?? (isUp(data.droplet) ? at : null),
      on_sent_at: data.droplet.status === "active" ? null : droplet.on_sent_at,
      off_sent_at: data.droplet.status === "off" ? null : droplet.off_sent_at,
      missing: { by_id: [], by_name: null, by_tag: null },
    })),
  }),
  droplet_delete_sent: (bot, data, at) => ({
    operation: commit(bot),
    droplets: editDroplet(bot, data.droplet_id, () => ({
      delete_sent_at: at,
      delete_ended_at: null,
      missing: { by_id: [], by_name: null, by_tag: null },
    })),
  }),
  droplet_delete_ended: (bot, data, at) => ({
    droplets: editDroplet(bot, data.droplet_id, () =>
      data.accepted ? { delete_ended_at: at } : { delete_sent_at: null, delete_ended_at: null },
    ),
  }),
  droplet_missing: (bot, data) => ({
    droplets: editDroplet(bot, data.droplet_id, ({ missing }) => ({
      missing: {
        by_id: data.how === "id" ? [...missing.by_id, data.began_at].slice(-4) : missing.by_id,
        by_name: data.how === "name" ? data.began_at : missing.by_name,
        by_tag: data.how === "tag" ? data.began_at : missing.by_tag,
      },
    })),
  }),
  droplet_gone: (bot, data) => {
    const droplets = bot.droplets.filter((droplet) => droplet.id !== data.droplet_id);
    if (bot.adopted !== data.droplet_id) return { droplets };
    const presence = bot.presence === "never" ? "never" : "silent";
    return { ...withoutAgent(bot), droplets, adopted: null, presence, operation: countVanished(bot, data.droplet_id) };
  },
  power_sent: (bot, data, at) => {
    const before = bot.operation.power;
    const count = before?.action === data.action ? before.count + 1 : 1;
    const sent = SWITCHES_OFF.includes(data.action) ? { off_sent_at: at } : { on_sent_at: at };
    return {
      operation: { ...commit(bot), power: { action: data.action, sent_at: at, count } },
      droplets: editDroplet(bot, data.droplet_id, () => sent),
    };
  },
  power_refused: (bot, data) => ({
    operation: { ...troubled(bot, data.detail), power: withoutRefused(bot.operation.power) },
  }),
};

/**
 * Also where the last read had shown it off already: its agent has been heard since, so it was on in between. At rest that
 * is of no interest: nobody is about to switch it on.
 */
export function hasGoneOff(bot: BotState, { id, status }: DropletFacts): boolean {
  const known = bot.droplets.find((droplet) => droplet.id === id);
  if (id !== bot.adopted || status !== "off" || known === undefined) return false;
  return known.status !== "off" || (bot.presence === "heard" && isRunning(bot.operation));
}

/** Whoever paused the bot has not asked for it to trade. A suspended one is switched off again. */
function isSwitchedOnByHand(bot: BotState): boolean {
  return bot.operation.ended_at !== null && bot.suspension === null;
}

/** A refused action has not happened; but whoever had come to insist goes on insisting, and at once. */
function withoutRefused(power: OperationState["power"]): OperationState["power"] {
  return power?.action === "power_off" ? { ...power, sent_at: 0, count: power.count - 1 } : null;
}

/** A droplet that vanishes while it is being built is a failed try; one that we condemned was counted already. */
function countVanished(bot: BotState, dropletId: number): OperationState {
  const { operation } = bot;
  const condemned = bot.droplets.find((droplet) => droplet.id === dropletId)?.condemned ?? null;
  if (!operation.recreating || operation.ended_at !== null || condemned !== null) return operation;
  return { ...operation, failures: operation.failures + 1, last_error: `Droplet ${dropletId} vanished.` };
}

function editIntent(bot: BotState, id: string, edit: (intent: Intent) => Partial<Intent>): Intent[] {
  return bot.intents.map((intent) => (intent.id === id ? { ...intent, ...edit(intent) } : intent));
}

function editDroplet(bot: BotState, id: number, edit: (droplet: Droplet) => Partial<Droplet>): Droplet[] {
  return bot.droplets.map((droplet) => (droplet.id === id ? { ...droplet, ...edit(droplet) } : droplet));
}

/** `active` without an address is not active: DigitalOcean fills the networks in later. */
export function isUp(droplet: Pick<Droplet, "status" | "ip_address">): boolean {
  return droplet.status === "active" && droplet.ip_address !== null;
}

function addDroplet(known: Droplet[], facts: DropletFacts, at: Instant, seen: boolean): Droplet[] {
  if (known.some((droplet) => droplet.id === facts.id)) return known;
  const droplet: Droplet = {
    ...facts,
    kind: DROPLET,
    found_at: at,
    observed_at: at,
    active_at: isUp(facts) ? at : null,
    // A GET has shown it: unlike after a 202 or in a list, a 404 is then no replication lag.
    seen_by_id: seen,
    condemned: null,
    delete_sent_at: null,
    delete_ended_at: null,
    on_sent_at: null,
    off_sent_at: null,
    missing: { by_id: [], by_name: null, by_tag: null },
  };
  return [...known, droplet];
}
