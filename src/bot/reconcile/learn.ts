/** What the outcome of each call teaches, as events; the table in effects.ts says which of these is asked. Pure. */

import type { Listing } from "../../provider/digitalocean.ts";
import type { Outcome } from "../../provider/outcome.ts";
import type { ProviderDroplet } from "../../provider/schema.ts";
import { type DropletLook, dropletKind } from "../../resources/droplet.ts";
import { judgeOwnership } from "../../resources/ownership.ts";
import { MAX_DROPLETS, roomForDroplets } from "../model/droplet-capacity.ts";
import type { DropletFacts, EventBody } from "../model/events.ts";
import { hasGoneOff } from "../model/fold-droplets.ts";
import type { Policy } from "../model/policy.ts";
import type { BotState, Droplet, Instant, PowerAction } from "../model/state.ts";

/** What a listing is evidence of. */
export type ListSubject = { intent_id: string } | { droplet_id: number };

/** Timing of the call and the bounds that judge it. */
export interface Context {
  began_at: Instant;
  ended_at: Instant;
  policy: Policy;
}

/** Whether the provider holds the work up, and why; said once when it begins and once when it is over. */
export function learnWaiting(bot: BotState, outcome: Outcome<unknown>, refusalHolds: boolean): EventBody[] {
  const reason = waitingFor(outcome, refusalHolds, bot.waiting);
  return reason === bot.waiting ? [] : [{ kind: "waiting", data: { reason } }];
}

function waitingFor(outcome: Outcome<unknown>, refusalHolds: boolean, before: string | null): string | null {
  switch (outcome.kind) {
    case "ok":
    case "missing":
      return null;
    case "rate_limited":
    case "unauthorized":
      return `provider_${outcome.kind}`;
    case "refused":
      return refusalHolds && isPassing(outcome.reason) ? `provider_${outcome.reason}` : before;
    case "unknown":
      return before;
  }
}

export function learnCreate(
  bot: BotState,
  intentId: string,
  outcome: Outcome<ProviderDroplet>,
  endedAt: Instant,
): EventBody[] {
  const intent = bot.intents.find(({ id }) => id === intentId);
  if (intent === undefined) return [];
  switch (outcome.kind) {
    case "ok": {
      const facts = factsOf(bot, outcome.value);
      // An answer about a droplet of another name proves nothing about ours: look for it.
      if (facts?.name !== intent.droplet_name)
        return [unanswered(intentId, endedAt, "the answer names another droplet")];
      return [{ kind: "intent_adopted", data: { intent_id: intentId, droplet: facts, via: "post" } }];
    }
    case "unknown":
    case "missing":
      return [unanswered(intentId, endedAt, outcome.kind === "unknown" ? outcome.detail : "404 for a create")];
    case "refused":
      return [refusedIntent(intentId, outcome.reason, outcome.detail, !isPassing(outcome.reason))];
    case "rate_limited":
    case "unauthorized":
      return [refusedIntent(intentId, outcome.kind, `provider_${outcome.kind}`, false)];
  }
}

function refusedIntent(intent_id: string, code: string, detail: string, for_good: boolean): EventBody {
  return { kind: "intent_refused", data: { intent_id, code, detail, for_good } };
}

/** Refusals that time or a person mends; anything else is our request's fault. */
export function isPassing(reason: string): boolean {
  return reason !== "invalid" && reason !== "conflict";
}

function unanswered(intent_id: string, ended_at: Instant, detail: string): EventBody {
  return { kind: "intent_unanswered", data: { intent_id, ended_at, detail } };
}

export function learnGet(bot: BotState, id: number, outcome: Outcome<ProviderDroplet>, context: Context): EventBody[] {
  const claim = bot.claims.find(({ droplet_id }) => droplet_id === id);
  const known = bot.droplets.find((droplet) => droplet.id === id);
  if (outcome.kind === "missing") {
    if (claim) return [{ kind: "claim_dropped", data: { droplet_id: id, why: "missing" } }];
    return known && missingAgain(known, context) ? [missing(id, "id", context.began_at)] : [];
  }
  if (outcome.kind !== "ok") return [];
  const facts = factsOf(bot, outcome.value);
  if (facts === null) {
    if (!claim) return known ? [contradiction(id)] : [];
    return [{ kind: "claim_dropped", data: { droplet_id: id, why: "foreign" } }];
  }
  if (claim) return adoptClaim(bot, claim.intent_id, facts);
  if (!known) return [];
  const changed = known.status !== facts.status || known.ip_address !== facts.ip_address;
  const news = changed || !known.seen_by_id || known.missing.by_id.length > 0 || hasGoneOff(bot, facts);
  return news ? [{ kind: "droplet_observed", data: { droplet: facts, via: "id" } }] : [];
}

/** While replication lags every poll answers 404: one says so, and one after the window proves it. */
function missingAgain(droplet: Droplet, { began_at, policy }: Context): boolean {
  const first = droplet.missing.by_id.length === 0;
  return first || droplet.seen_by_id || began_at >= droplet.found_at + policy.replication_window_ms;
}

function adoptClaim(bot: BotState, intent_id: string, droplet: DropletFacts): EventBody[] {
  const intent = bot.intents.find(({ id }) => id === intent_id);
  if (intent && intent.state !== "adopted" && intent.droplet_name === droplet.name) {
    return [{ kind: "intent_adopted", data: { intent_id, droplet, via: "registration" } }];
  }
  return [{ kind: "droplet_found", data: { droplet, via: "registration" } }];
}

export function learnDelete(droplet_id: number, outcome: Outcome<null>): EventBody[] {
  const ended = (accepted: boolean, text: string): EventBody[] => [
    { kind: "droplet_delete_ended", data: { droplet_id, accepted, outcome: text } },
  ];
  switch (outcome.kind) {
    case "ok":
    case "missing":
      return ended(true, outcome.kind);
    // It may have been taken: a second DELETE waits for evidence, like after a 204.
    case "unknown":
      return ended(true, outcome.detail);
    case "refused":
      return ended(false, outcome.detail);
    case "rate_limited":
    case "unauthorized":
      return ended(false, outcome.kind);
  }
}

export function learnPower(droplet_id: number, action: PowerAction, outcome: Outcome<unknown>): EventBody[] {
  const refused = (detail: string): EventBody[] => [{ kind: "power_refused", data: { droplet_id, action, detail } }];
  switch (outcome.kind) {
    // Either way the droplet's own state tells: what may have been taken is waited for like what was.
    case "ok":
    case "unknown":
      return [];
    case "missing":
      return refused("no such droplet");
    case "refused":
      return refused(outcome.detail);
    case "rate_limited":
    case "unauthorized":
      return refused(`provider_${outcome.kind}`);
  }
}

export function learnList(
  bot: BotState,
  how: DropletLook,
  subject: ListSubject,
  outcome: Outcome<Listing>,
  began_at: Instant,
): EventBody[] {
  if (outcome.kind !== "ok") return [];
  const ours = outcome.value.droplets
    .map((droplet) => factsOf(bot, droplet))
    .filter((facts) => facts !== null)
    .sort((a, b) => a.id - b.id);
  const events: EventBody[] = [];
  if ("intent_id" in subject) {
    const intent = bot.intents.find(({ id }) => id === subject.intent_id);
    if (intent)
      events.push({
        kind: "intent_looked",
        data: { intent_id: intent.id, how, began_at, found: ours.slice(0, MAX_DROPLETS).map(({ id }) => id) },
      });
    const mine = ours.find((facts) => facts.name === intent?.droplet_name);
    if (mine && intent?.state !== "adopted") {
      events.push({ kind: "intent_adopted", data: { intent_id: subject.intent_id, droplet: mine, via: "look" } });
    }
  } else {
    const still = ours.find(({ id }) => id === subject.droplet_id);
    // A list that shows it contradicts the 404: all evidence of absence has to be gathered anew.
    if (still) events.push({ kind: "droplet_observed", data: { droplet: still, via: "list" } });
    else if (how !== "list") events.push(missing(subject.droplet_id, how, began_at));
  }
  const adopted = events.flatMap((event) => (event.kind === "intent_adopted" ? [event.data.droplet.id] : []));
  const strangers = ours.filter(
    ({ id }) => !adopted.includes(id) && !bot.droplets.some((droplet) => droplet.id === id),
  );
  return [
    ...events,
    ...strangers
      .slice(0, Math.max(0, roomForDroplets(bot) - adopted.length))
      .map((droplet): EventBody => ({ kind: "droplet_found", data: { droplet, via: how } })),
  ];
}

function missing(droplet_id: number, how: "id" | "name" | "tag", began_at: Instant): EventBody {
  return { kind: "droplet_missing", data: { droplet_id, how, began_at } };
}

function contradiction(droplet_id: number): EventBody {
  const detail = `droplet ${droplet_id} no longer carries this bot's name and tags`;
  return { kind: "flag_raised", data: { flag: "droplet_contradicted", detail } };
}

function factsOf(bot: BotState, droplet: ProviderDroplet): DropletFacts | null {
  const ownership = judgeOwnership(dropletKind, bot, droplet);
  if (ownership.verdict !== "ours") return null;
  const { id, name, status, ip_address } = droplet;
  return { id, name, generation: ownership.generation, status, ip_address };
}
