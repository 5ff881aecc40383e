/**
 * What a Bot knows, as it is persisted. The state is the fold of the bot's events (fold.ts) and holds facts only; what a
 * person reads as `status` is derived from them (status.ts). Instants are milliseconds since the epoch.
 */
import * as z from "zod";
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
import { Enrolment, readEnrolment, TokenState } from "./enrolment.ts";
import { Hold, readHolds } from "./holds.ts";
import { keep, member } from "./keep.ts";

export type Instant = number;
const Instant = z.number();

export const POWER_ACTIONS = ["shutdown", "power_off", "power_on", "power_cycle"] as const;
export type PowerAction = (typeof POWER_ACTIONS)[number];

export const OperationState = keep({
  id: z.string(),
  kind: member(OPERATION_KINDS),
  state: member(OPERATION_STATES),
  actor: z.string(),
  started_at: Instant,
  ended_at: Instant.nullable(),
  /** Set once the operation has made an intent: from then on it cannot be cancelled. */
  committed: z.boolean(),
  /** Tries that failed. The present try is `failures + 1`. */
  failures: z.int(),
  last_error: z.string().nullable(),
  /** A new generation was started by this operation: from here on it is a create. */
  recreating: z.boolean(),
  /** A heal that has given the present droplet up and takes it away. */
  replacing: z.boolean(),
  power: keep({ action: member(POWER_ACTIONS), sent_at: Instant, count: z.int() }).nullable(),
  /** The workload has stopped, or had the time to: its droplet may be switched off or taken away. */
  wound_down: z.boolean().default(false),
});
export type OperationState = z.infer<typeof OperationState>;

export const LOOKS = ["name", "tag", "list"] as const;
export const Look = keep({ how: member(LOOKS), began_at: Instant });
export type Look = z.infer<typeof Look>;

/** Of what a bot makes; absent: a droplet, as before there were kinds. */
export const RESOURCE_KINDS = [DROPLET] as const;

export const INTENT_STATES = ["open", "adopted", "refused", "absent"] as const;

/** A droplet that we set out to make. Committed before the POST; ends adopted, refused or absent. */
export const Intent = keep({
  id: z.string(),
  kind: member(RESOURCE_KINDS).default(DROPLET),
  generation: z.int(),
  droplet_name: z.string(),
  tags: z.array(z.string()),
  enrolment: Enrolment.optional(),
  /** What `enrolment` says, for the release before. */
  token_hash: z.string(),
  token_expires_at: Instant,
  token_state: TokenState,
  opened_at: Instant,
  /** When the POST ended without telling us its outcome; null while it runs, or where we died during it. */
  ended_at: Instant.nullable(),
  looks: z.array(Look),
  state: member(INTENT_STATES),
  /** Refused for what was asked: asking again would not help. Other refusals pass by themselves. */
  refused_for_good: z.boolean(),
}).transform(readEnrolment);
export type Intent = z.infer<typeof Intent>;

export const Droplet = keep({
  id: z.int(),
  name: z.string(),
  generation: z.int(),
  status: member(DROPLET_STATUSES),
  ip_address: z.string().nullable(),
  kind: member(RESOURCE_KINDS).default(DROPLET),
  found_at: Instant,
  observed_at: Instant,
  /** First seen `active` with a public address. */
  active_at: Instant.nullable(),
  /** Some GET by id has answered 200: only then does a single 404 mean something. */
  seen_by_id: z.boolean(),
  /** To be deleted: a failed try, or one that should not exist. */
  condemned: z.string().nullable(),
  delete_sent_at: Instant.nullable(),
  /** When the last DELETE ended; null while it runs, or where we died during it. */
  delete_ended_at: Instant.nullable(),
  /** When an action that switches it on (off) was sent and has not shown its effect: it may still have it. */
  on_sent_at: Instant.nullable().default(null),
  off_sent_at: Instant.nullable().default(null),
  missing: keep({ by_id: z.array(Instant), by_name: Instant.nullable(), by_tag: Instant.nullable() }),
});
export type Droplet = z.infer<typeof Droplet>;

/** The operator, or billing, does not want the bot to run. The operation `suspend` sees to it. */
const Suspension = keep({
  since: Instant,
  reason: z.string(),
  by: z.string(),
  /** A person wanted the bot off before: without the suspension it would be paused. */
  paused: z.boolean(),
  /** When it was last confirmed that nothing of the bot runs; null: not yet. */
  confirmed_at: Instant.nullable(),
});

const ConfigRef = keep({ id: z.string(), version: z.int() });
export type ConfigRef = z.infer<typeof ConfigRef>;

/** A desired version failed, and what was good before it came back as a new version. */
export const RolledBack = keep({
  failed_version: z.int(),
  reason: z.string(),
  restored_from: z.int(),
  version: z.int(),
});
export type RolledBack = z.infer<typeof RolledBack>;

/** A limit of the applied config that the workload's report has passed, until it is kept again. */
const Breach = keep({
  limit: z.string(),
  /** As reported when it was passed. */
  value: z.number(),
  max: z.number(),
  since: Instant,
  /** The bot was held for it: once that hold was lifted, it is not held for the same breach again. */
  stopped: z.boolean(),
});
export type Breach = z.infer<typeof Breach>;

/** Of droplets whose agents were refused, the last ones. */
export const KEEP_REFUSED_DROPLETS = 16;

export const PRESENCES = ["never", "heard", "silent"] as const;

export const BotState = keep({
  id: z.string(),
  account_id: z.string(),
  name: z.string(),
  persona: member(PERSONAS),
  policies: keep({ healing: member(HEALING_POLICIES), start: member(START_POLICIES).nullable() }),
  paper_mode: z.boolean(),
  fleet: keep({ prefix: z.string(), tag: z.string() }),
  created_at: Instant,
  updated_at: Instant,
  /** Number of the last event folded in. */
  revision: z.int(),
  generation: z.int(),

  status: member(BOT_STATUSES),
  /** Of the present status. */
  since: Instant,
  reason: z.string().nullable(),
  confirmed_by: z.string().nullable(),

  operation: OperationState,
  /** Why the work under way cannot go on just now; null while it can. */
  waiting: z.string().nullable(),
  intents: z.array(Intent),
  droplets: z.array(Droplet),
  adopted: z.int().nullable(),
  /** Droplets that came with a valid token and whose name is still to be checked. */
  claims: z.array(keep({ intent_id: z.string(), droplet_id: z.int() })),

  agent: keep({
    credential_sha256: z.string(),
    /** What it had until its last rotation. */
    rotated_from: z.string().optional(),
    /** The credential was shown when it was bound; absent: by an agent of an earlier release, or with such a Worker. */
    proven: z.boolean().optional(),
    droplet_id: z.int(),
    boot_id: z.string(),
    bound_at: Instant,
  }).nullable(),
  revoked_credentials: z.array(z.string()),
  presence: member(PRESENCES),
  presence_since: Instant.default(0),
  /** The workload's permission to run as it was last given; null: the last event is older than this field. */
  order: member(WORKLOAD_ORDERS).nullable().default(null),
  /** Since when the workload's permission to run is what it is. */
  order_since: Instant.default(0),
  /** When the last heals began. */
  heals: z.array(Instant),
  stage: keep({ stage: z.string(), at: Instant, count: z.int() }).nullable(),
  /** An unexpected restart of a bot that may only be started by a person. */
  start_held: z.boolean(),
  /** Since when a workload is awaited that has not been ready since its start; null: it has been, or nobody has said. */
  starting_since: Instant.nullable().default(null),
  /** The burst of crashes that the history tells of last. */
  crashes: keep({ first_at: Instant, count: z.int(), told_at: Instant }).nullable().default(null),
  /** A person has stopped the workload, or somebody but the operator holds the bot (holds.ts). */
  workload_stopped: z.boolean().default(false),
  /** Some command may be waiting for the agent. */
  commands_pending: z.boolean().default(false),

  config: keep({
    desired: ConfigRef,
    /** Since when the rollout of the desired version stands where it does (rollout.ts). */
    since: Instant.default(0),
    /** The desired version was handed to the agent of the present generation: it may fail from now on. */
    delivered: z.boolean().default(false),
    /** Acknowledged by the agent of the present generation. */
    applied: ConfigRef.nullable(),
    effective: ConfigRef.nullable(),
    /** The last one with which a workload passed its gate, in whichever generation. */
    last_good: ConfigRef.nullable(),
    failed: ConfigRef.extend({ reason: z.string(), at: Instant }).nullable(),
    /** The last time that we put an earlier version back. */
    rolled_back: RolledBack.extend({ at: Instant }).nullable().default(null),
  }),

  off_by_us: z.boolean(),
  suspension: Suspension.nullable().default(null),
  /** Everybody who holds the bot, the operator first. */
  holds: z.array(Hold).default([]),
  breaches: z.array(Breach).default([]),
  error: keep({ code: z.string(), detail: z.string() }).nullable(),
  flags: z.array(z.string()),
  refused_droplets: z.array(z.int()),
  destroyed_at: Instant.nullable(),
  /** Since when neither the bot nor the index has its secrets any more, which comes long after it was destroyed. */
  secrets_erased_at: Instant.nullable().default(null),
}).transform(readHolds);
export type BotState = z.infer<typeof BotState>;

export function isRunning(operation: OperationState): boolean {
  return operation.state === "queued" || operation.state === "running";
}

export function adoptedDroplet(bot: BotState): Droplet | null {
  return bot.droplets.find((droplet) => droplet.id === bot.adopted) ?? null;
}

/** By our doing nothing of the bot runs: its droplet is off, or there is none. */
export function isOff(bot: BotState): boolean {
  const droplet = adoptedDroplet(bot);
  return bot.off_by_us && (droplet === null || droplet.status === "off");
}

/** The droplet goes, whatever is asked for: a failed try, or its DELETE is on the way. */
export function isDoomed(droplet: Droplet): boolean {
  return droplet.condemned !== null || droplet.delete_sent_at !== null;
}

export function openIntent(bot: BotState): Intent | null {
  return bot.intents.find((intent) => intent.state === "open") ?? null;
}
