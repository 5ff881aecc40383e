/** The fold of a bot's events into its state. Pure; every change of state is an event. */
import type { BotEvent, EventData, EventKind } from "./events.ts";
import type { BotState, Droplet, Instant, Intent, OperationState } from "./state.ts";
import { deriveStatus } from "./status.ts";

const KEEP_REFUSED_DROPLETS = 16;
const KEEP_REVOKED_CREDENTIALS = 8;
const KEEP_LOOKS = 16;
/** Attempts to create one droplet leave an intent each; the closed ones teach nothing after a while. */
const KEEP_CLOSED_INTENTS = 8;

type Handlers = {
  [K in EventKind]: (bot: BotState, data: EventData[K], at: Instant, actor: string) => Partial<BotState>;
};

/** The state before anything happened: only `accepted` makes a bot of nothing. */
export function applyFirst(event: BotEvent): BotState {
  if (event.kind !== "accepted") throw new Error(`a history begins with accepted, not ${event.kind}`);
  const { id, account_id, name, persona, policies, paper_mode, fleet, config, operation_id } = event.data;
  return {
    id,
    account_id,
    name,
    persona,
    policies,
    paper_mode,
    fleet,
    created_at: event.at,
    updated_at: event.at,
    revision: event.seq,
    generation: 1,
    status: "pending",
    since: event.at,
    reason: "accepted",
    confirmed_by: "spawnpoint",
    operation: newOperation(operation_id, "create", event.actor, event.at),
    waiting: null,
    intents: [],
    droplets: [],
    adopted: null,
    claims: [],
    agent: null,
    revoked_credentials: [],
    presence: "never",
    stage: null,
    start_held: false,
    config: { desired: config, applied: null, effective: null, last_good: null, failed: null },
    off_by_us: false,
    error: null,
    flags: [],
    refused_droplets: [],
    destroyed_at: null,
  };
}

/** Folds one event in. Events of kinds that this release does not know change nothing but the revision. */
export function apply(bot: BotState | null, event: BotEvent): BotState {
  if (bot === null) return applyFirst(event);
  const handler = handlers[event.kind] as ((...args: unknown[]) => Partial<BotState>) | undefined;
  const changed = handler ? handler(bot, event.data, event.at, event.actor) : {};
  const next: BotState = { ...bot, ...changed, revision: event.seq, updated_at: event.at };
  const { status, reason, confirmed_by } = deriveStatus(next);
  return { ...next, status, reason, confirmed_by, since: status === bot.status ? bot.since : event.at };
}

function newOperation(id: string, kind: OperationState["kind"], actor: string, at: Instant): OperationState {
  return {
    id,
    kind,
    state: "queued",
    actor,
    started_at: at,
    ended_at: null,
    committed: false,
    failures: 0,
    last_error: null,
    recreating: kind === "create",
    power: null,
  };
}

const handlers: Handlers = {
  accepted: () => ({}),
  changed: (bot, data) => ({
    name: data.name ?? bot.name,
    persona: data.persona ?? bot.persona,
    policies: {
      healing: data.policies?.healing ?? bot.policies.healing,
      start: data.policies?.start === undefined ? bot.policies.start : data.policies.start,
    },
    start_held: data.policies?.start === "auto" ? false : bot.start_held,
  }),

  operation_requested: (_bot, data, at, actor) => ({
    operation: newOperation(data.operation_id, data.kind, actor, at),
    waiting: null,
    error: null,
    stage: null,
    ...(data.kind === "pause" ? {} : { start_held: false }),
  }),
  operation_succeeded: (bot, _data, at) => ({
    operation: { ...bot.operation, state: "succeeded", ended_at: at },
    waiting: null,
    ...(bot.operation.kind === "pause" ? { off_by_us: true, presence: "never" as const } : {}),
  }),
  operation_failed: (bot, data, at) => ({
    operation: { ...bot.operation, state: "failed", ended_at: at, last_error: data.detail },
    waiting: null,
    error: { code: data.code, detail: data.detail },
  }),
  operation_cancelled: (bot, _data, at) => ({
    operation: { ...bot.operation, state: "cancelled", ended_at: at },
    waiting: null,
    ...(bot.adopted === null
      ? { error: { code: "cancelled", detail: `The ${bot.operation.kind} was cancelled; the bot has no droplet.` } }
      : {}),
  }),
  attempt_failed: (bot, data) => ({
    operation: { ...bot.operation, failures: bot.operation.failures + 1, last_error: data.detail },
    droplets: bot.droplets.map((droplet) =>
      droplet.id === bot.adopted ? { ...droplet, condemned: droplet.condemned ?? data.code } : droplet,
    ),
    ...withoutAgent(bot),
  }),
  waiting: (bot, data) => ({
    waiting: data.reason,
    operation: data.reason ? { ...bot.operation, last_error: data.reason } : bot.operation,
  }),
  generation_started: (bot, data) => ({
    generation: data.generation,
    operation: { ...commit(bot), recreating: true, power: null },
    config: { ...bot.config, applied: null, effective: null, failed: null },
    intents: bot.intents.filter((intent) => intent.state === "open"),
    claims: [],
    adopted: null,
    stage: null,
    off_by_us: false,
    flags: [],
    refused_droplets: [],
    ...withoutAgent(bot),
  }),

  intent_opened: (bot, data, at) => ({
    operation: commit(bot),
    waiting: null,
    intents: [
      ...bot.intents.filter((intent) => intent.state === "open"),
      ...bot.intents.filter((intent) => intent.state !== "open").slice(-KEEP_CLOSED_INTENTS),
      {
        id: data.intent_id,
        generation: data.generation,
        droplet_name: data.droplet_name,
        tags: data.tags,
        token_hash: data.token_hash,
        token_expires_at: data.token_expires_at,
        token_state: "live",
        opened_at: at,
        ended_at: null,
        looks: [],
        state: "open",
      },
    ],
  }),
  intent_unanswered: (bot, data) => ({
    operation: { ...bot.operation, last_error: data.detail },
    intents: editIntent(bot, data.intent_id, () => ({ ended_at: data.ended_at })),
  }),
  intent_looked: (bot, { intent_id, how, began_at }) => ({
    intents: editIntent(bot, intent_id, (intent) => ({
      looks: [...intent.looks, { how, began_at }].slice(-KEEP_LOOKS),
    })),
  }),
  intent_adopted: (bot, data, at) => {
    const droplets = addDroplet(bot.droplets, data.droplet, at, data.via === "registration");
    const mayAdopt = bot.adopted === null && data.droplet.generation === bot.generation;
    return {
      waiting: null,
      intents: editIntent(bot, data.intent_id, () => ({ state: "adopted" })),
      droplets,
      adopted: mayAdopt ? data.droplet.id : bot.adopted,
      claims: bot.claims.filter((claim) => claim.droplet_id !== data.droplet.id),
    };
  },
  intent_refused: (bot, data) => ({
    operation: { ...bot.operation, last_error: data.detail },
    intents: editIntent(bot, data.intent_id, () => ({ state: "refused", token_state: "killed" })),
  }),
  intent_absent: (bot, data) => ({ intents: editIntent(bot, data.intent_id, () => ({ state: "absent" })) }),

  droplet_found: (bot, data, at) => ({
    droplets: addDroplet(bot.droplets, data.droplet, at, data.via === "registration"),
    claims: bot.claims.filter((claim) => claim.droplet_id !== data.droplet.id),
  }),
  droplet_observed: (bot, data, at) => ({
    // On again, by our resume or by another hand: then the person who paused it has not asked for it to trade.
    ...(bot.off_by_us && data.droplet.status === "active"
      ? { off_by_us: false, start_held: bot.operation.ended_at !== null }
      : {}),
    droplets: editDroplet(bot, data.droplet.id, (droplet) => ({
      status: data.droplet.status,
      ip_address: data.droplet.ip_address,
      observed_at: at,
      seen_by_id: droplet.seen_by_id || data.via === "id",
      active_at: droplet.active_at ?? (isUp(data.droplet) ? at : null),
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
    return { operation: { ...commit(bot), power: { action: data.action, sent_at: at, count } } };
  },
  power_refused: (bot, data) => ({ operation: { ...bot.operation, power: null, last_error: data.detail } }),

  registration_claimed: (bot, data) => ({ claims: [...bot.claims, data] }),
  claim_dropped: (bot, data) => ({
    claims: bot.claims.filter((claim) => claim.droplet_id !== data.droplet_id),
    refused_droplets: remember(bot.refused_droplets, data.droplet_id, KEEP_REFUSED_DROPLETS),
  }),
  agent_registered: (bot, data, at) => ({
    agent: {
      credential_sha256: data.credential_sha256,
      droplet_id: data.droplet_id,
      boot_id: data.boot_id,
      bound_at: at,
    },
    presence: "heard",
    intents: bot.intents.map((intent) => ({
      ...intent,
      token_state:
        intent.id === data.intent_id ? "used" : intent.token_state === "live" ? "killed" : intent.token_state,
    })),
  }),
  agent_booted: (bot, data) => ({
    agent: bot.agent && { ...bot.agent, boot_id: data.boot_id },
    start_held: data.expected ? bot.start_held : true,
  }),
  agent_heard: () => ({ presence: "heard" }),
  agent_silent: () => ({ presence: "silent" }),
  agent_refused: (bot, data) => ({
    refused_droplets: remember(bot.refused_droplets, data.droplet_id, KEEP_REFUSED_DROPLETS),
    flags: remember(bot.flags, data.code, Number.POSITIVE_INFINITY),
  }),
  credential_revoked: (bot) => ({
    operation: commit(bot),
    ...withoutAgent(bot),
    intents: bot.intents.map((intent) => ({ ...intent, token_state: "killed" })),
  }),
  stage_reported: (bot, data, at) => ({
    stage: { stage: data.stage, at, count: (bot.stage?.count ?? 0) + 1 },
  }),
  flag_raised: (bot, data) => ({ flags: remember(bot.flags, data.flag, Number.POSITIVE_INFINITY) }),

  config_published: (bot, data) => ({ config: { ...bot.config, desired: data.config }, paper_mode: data.paper_mode }),
  config_applied: (bot, data) => ({
    config: { ...bot.config, applied: data.config, effective: data.config, last_good: data.config, failed: null },
    ...(bot.error?.code === "config_failed" ? { error: null } : {}),
  }),
  config_effective: (bot, data) => ({ config: { ...bot.config, effective: data.config } }),
  config_failed: (bot, data, at) => ({
    config: { ...bot.config, failed: { ...data.config, reason: data.reason, at } },
  }),

  destroyed: (bot, _data, at) => ({
    destroyed_at: at,
    adopted: null,
    waiting: null,
    operation: { ...bot.operation, state: "succeeded", ended_at: at },
  }),
};

/** From its first intent on an operation runs and can no longer be cancelled. */
function commit(bot: BotState): OperationState {
  const { operation } = bot;
  return operation.state === "queued" || operation.state === "running"
    ? { ...operation, state: "running", committed: true }
    : operation;
}

/** A droplet that vanishes while it is being built is a failed try; one that we condemned was counted already. */
function countVanished(bot: BotState, dropletId: number): OperationState {
  const { operation } = bot;
  const condemned = bot.droplets.find((droplet) => droplet.id === dropletId)?.condemned ?? null;
  if (!operation.recreating || operation.ended_at !== null || condemned !== null) return operation;
  return { ...operation, failures: operation.failures + 1, last_error: `Droplet ${dropletId} vanished.` };
}

function withoutAgent(bot: BotState): Partial<BotState> {
  return {
    agent: null,
    presence: "never",
    revoked_credentials: bot.agent
      ? remember(bot.revoked_credentials, bot.agent.credential_sha256, KEEP_REVOKED_CREDENTIALS)
      : bot.revoked_credentials,
  };
}

function remember<T>(list: readonly T[], item: T, most: number): T[] {
  return [...list.filter((other) => other !== item), item].slice(-most);
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

function addDroplet(
  known: Droplet[],
  facts: EventData["droplet_found"]["droplet"],
  at: Instant,
  seen: boolean,
): Droplet[] {
  if (known.some((droplet) => droplet.id === facts.id)) return known;
  const droplet: Droplet = {
    ...facts,
    found_at: at,
    observed_at: at,
    active_at: isUp(facts) ? at : null,
    // A GET has shown it: unlike after a 202 or in a list, a 404 is then no replication lag.
    seen_by_id: seen,
    condemned: null,
    delete_sent_at: null,
    delete_ended_at: null,
    missing: { by_id: [], by_name: null, by_tag: null },
  };
  return [...known, droplet];
}
