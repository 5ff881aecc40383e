/**
 * What each call to DigitalOcean *is*: how it is told from others, permitted, paced, and what its outcome teaches. What
 * it *does* stands in alarm/effects.ts. One entry a kind in each: a new call does not compile until it has both. Pure.
 */
import type { Listing } from "../../provider/digitalocean.ts";
import type { PermitKind } from "../../provider/gate/permit.ts";
import type { Outcome } from "../../provider/outcome.ts";
import type { ProviderDroplet } from "../../provider/schema.ts";
import type { DropletLook } from "../../resources/droplet.ts";
import type { EventBody } from "../model/events.ts";
import type { BotState, PowerAction } from "../model/state.ts";
import {
  type Context,
  type ListSubject,
  learnCreate,
  learnDelete,
  learnGet,
  learnList,
  learnPower,
  learnWaiting,
} from "./learn.ts";

/** `asks`: what is to be done. `sent`: what the outcome is told with. `answer`: what DigitalOcean says. */
interface Calls {
  create_droplet: { asks: { generation: number }; sent: { intent_id: string }; answer: ProviderDroplet };
  get_droplet: { asks: { droplet_id: number }; sent: { droplet_id: number }; answer: ProviderDroplet };
  delete_droplet: { asks: { droplet_id: number }; sent: { droplet_id: number }; answer: null };
  power: {
    asks: { droplet_id: number; action: PowerAction };
    sent: { droplet_id: number; action: PowerAction };
    answer: unknown;
  };
  /** A listing as evidence: for an open intent, or for a droplet that should be gone. */
  list: {
    asks: { how: DropletLook; generation: number; subject: ListSubject };
    sent: { how: DropletLook; subject: ListSubject };
    answer: Listing;
  };
}

export type EffectKind = keyof Calls;
/** One call to DigitalOcean. */
export type Effect<K extends EffectKind = EffectKind> = { [P in K]: { kind: P } & Calls[P]["asks"] }[K];
export type Answered<K extends EffectKind> = Outcome<Calls[K]["answer"]>;
export type Sent<K extends EffectKind> = Calls[K]["sent"];
/** What a finished call was, with its outcome. */
export type Finished<K extends EffectKind = EffectKind> = {
  [P in K]: { kind: P; outcome: Answered<P> } & Sent<P>;
}[K];

type OutcomeKind = Outcome<unknown>["kind"];

interface EffectRules<K extends EffectKind> {
  /** Names a call for pacing: the same call again is paced, another one is not. */
  key(effect: Effect<K>): string;
  /** Of two calls with one key: whether either will do for the other. */
  same(a: Effect<K>, b: Effect<K>): boolean;
  /** The permit that it needs while an operation runs; null: as the operation says. */
  permit: PermitKind | null;
  /** What its outcome teaches of the world, as events. */
  learn(bot: BotState, finished: Finished<K>, context: Context): EventBody[];
  pace: {
    /** Whether a call that ended so counts as done: what comes next is paced from then on. */
    counts(outcome: OutcomeKind): boolean;
    /** The key of the read that has to be made anew after such an outcome; null: none. */
    outdates(effect: Effect<K>, outcome: OutcomeKind): string | null;
    /** A refusal that passes by itself holds the work up, and is said to people. */
    refusalHolds: boolean;
  };
}

const always = () => true;
const nothing = () => null;

export const EFFECTS: { readonly [K in EffectKind]: EffectRules<K> } = {
  create_droplet: {
    key: ({ generation }) => `create:${generation}`,
    same: always,
    permit: "create",
    learn: (bot, { intent_id, outcome }, { ended_at }) => learnCreate(bot, intent_id, outcome, ended_at),
    pace: { counts: always, outdates: nothing, refusalHolds: true },
  },
  get_droplet: {
    key: ({ droplet_id }) => readKey(droplet_id),
    same: always,
    permit: null,
    learn: (bot, { droplet_id, outcome }, context) => learnGet(bot, droplet_id, outcome, context),
    // A read that failed has shown nothing: it is no evidence, and the backoff paces the next one.
    pace: { counts: (outcome) => outcome === "ok" || outcome === "missing", outdates: nothing, refusalHolds: false },
  },
  delete_droplet: {
    key: ({ droplet_id }) => `delete_droplet:${droplet_id}`,
    same: always,
    permit: null,
    learn: (_bot, { droplet_id, outcome }) => learnDelete(droplet_id, outcome),
    pace: { counts: always, outdates: nothing, refusalHolds: false },
  },
  power: {
    key: ({ droplet_id }) => `power:${droplet_id}`,
    same: (a, b) => a.action === b.action,
    permit: null,
    learn: (_bot, { droplet_id, action, outcome }) => learnPower(droplet_id, action, outcome),
    pace: {
      counts: always,
      // What a refused action did not find as expected has to be read again before it is judged.
      outdates: ({ droplet_id }, outcome) => (outcome === "ok" || outcome === "unknown" ? null : readKey(droplet_id)),
      refusalHolds: false,
    },
  },
  list: {
    key: ({ how, subject }) => `list:${how}:${"intent_id" in subject ? subject.intent_id : subject.droplet_id}`,
    same: always,
    permit: null,
    learn: (bot, { how, subject, outcome }, { began_at }) => learnList(bot, how, subject, outcome, began_at),
    pace: { counts: always, outdates: nothing, refusalHolds: false },
  },
};

/** Under which a read of a droplet is remembered. */
export function readKey(dropletId: number): string {
  return `get_droplet:${dropletId}`;
}

export function effectKey<K extends EffectKind>(effect: Effect<K>): string {
  return EFFECTS[effect.kind].key(effect);
}

export function sameEffect(a: Effect, b: Effect): boolean {
  return a.kind === b.kind && effectKey(a) === effectKey(b) && alike(a, b);
}

function alike<K extends EffectKind>(a: Effect<K>, b: Effect<K>): boolean {
  return EFFECTS[a.kind].same(a, b);
}

/** Its permit is a place among the few creates at a time, which is to be given back. */
export function needsLease({ kind }: Effect): boolean {
  return EFFECTS[kind].permit === "create";
}

export function outdatedRead<K extends EffectKind>(effect: Effect<K>, outcome: Outcome<unknown>): string | null {
  return EFFECTS[effect.kind].pace.outdates(effect, outcome.kind);
}

/**
 * What an outcome teaches, as events. Asked with the state as it is *after* the call: an outcome that comes too late to
 * advance an operation still tells what exists.
 */
export function learn<K extends EffectKind>(bot: BotState, finished: Finished<K>, context: Context): EventBody[] {
  const { learn: learnFrom, pace } = EFFECTS[finished.kind];
  return [...learnFrom(bot, finished, context), ...learnWaiting(bot, finished.outcome, pace.refusalHolds)];
}
