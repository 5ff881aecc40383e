/**
 * Everything that can happen to a Bot. Events are appended, never changed; a kind that this release does not know is
 * kept and skipped, so that a deploy can be rolled back.
 */

import type { Fleet } from "../../naming/fleet.ts";
import type { PatchBotRequest, Policies } from "../../wire/bot.ts";
import type { DropletStatus, HoldOwner, OperationKind, Persona, WorkloadState } from "../../wire/enums.ts";
import type { Limit } from "../../wire/trading-report.ts";
import type { BotState, ConfigRef, Instant, Look, PowerAction, RolledBack } from "./state.ts";

export interface DropletFacts {
  id: number;
  name: string;
  generation: number;
  status: DropletStatus;
  ip_address: string | null;
}

/** What may exist of a bot that was destroyed by force. */
export interface Leftovers {
  droplet_ids: number[];
  /** Names that droplets may still turn up under. */
  open_intents: string[];
}

/** Folded in fold-operations.ts. */
export interface OperationEvents {
  accepted: {
    id: string;
    account_id: string;
    name: string;
    persona: Persona;
    policies: Policies;
    paper_mode: boolean;
    fleet: Fleet;
    config: ConfigRef;
    operation_id: string;
  };
  changed: { name?: string | undefined; persona?: Persona | undefined; policies?: PatchBotRequest["policies"] };

  /**
   * `unsuspended`: nobody asked for this very operation; it brings back what a suspension had stopped. `begun`: what it
   * has pre-empted, or has to undo, had begun to act.
   */
  operation_requested: { operation_id: string; kind: OperationKind; why?: "unsuspended"; begun?: true };
  operation_succeeded: { operation_id: string };
  operation_failed: { operation_id: string; code: string; detail: string };
  /** `pre_empted`: another operation follows at once, and decides what becomes of the bot. */
  operation_cancelled: { operation_id: string; why: string; pre_empted?: true };
  attempt_failed: { operation_id: string; code: string; detail: string };
  waiting: { reason: string | null };
  replacement_begun: { operation_id: string; why: string };
  generation_started: { generation: number; why: string };
  suspended: { reason: string };
  unsuspended: Record<string, never>;

  /** The whole state as it was before this event: what is older may be forgotten. */
  snapshot: { bot: BotState };

  /** `forced`: not confirmed; what may be left is named. */
  destroyed: { forced?: true; left?: Leftovers };
  /** The bot has been destroyed for so long that nobody will ask for its secrets. */
  secrets_erased: Record<string, never>;
}

/** Folded in fold-droplets.ts. */
export interface DropletEvents {
  intent_opened: {
    intent_id: string;
    generation: number;
    droplet_name: string;
    tags: string[];
    token_hash: string;
    token_expires_at: Instant;
    region: string;
    size: string;
    image: string;
  };
  intent_unanswered: { intent_id: string; ended_at: Instant; detail: string };
  intent_looked: { intent_id: string; found: number[] } & Look;
  intent_adopted: { intent_id: string; droplet: DropletFacts; via: "post" | "look" | "registration" };
  intent_refused: { intent_id: string; code: string; detail: string; for_good: boolean };
  intent_absent: { intent_id: string };

  droplet_found: { droplet: DropletFacts; via: string };
  droplet_observed: { droplet: DropletFacts; via: "id" | "list" };
  droplet_delete_sent: { droplet_id: number };
  droplet_delete_ended: { droplet_id: number; outcome: string; accepted: boolean };
  droplet_missing: { droplet_id: number; how: "id" | "name" | "tag"; began_at: Instant };
  droplet_gone: { droplet_id: number };
  power_sent: { droplet_id: number; action: PowerAction };
  power_refused: { droplet_id: number; action: PowerAction; detail: string };
}

/** Folded in fold-agent.ts. */
export interface AgentEvents {
  registration_claimed: { intent_id: string; droplet_id: number };
  claim_dropped: { droplet_id: number; why: "missing" | "foreign" };
  agent_registered: {
    intent_id: string;
    credential_sha256: string;
    droplet_id: number;
    boot_id: string;
    proven?: boolean;
  };
  /** `starting`, here and with what follows: its workload has not been ready since its start. */
  agent_booted: { boot_id: string; expected: boolean; starting?: true };
  agent_heard: { via: string; starting?: true };
  agent_silent: { last_seen_at: Instant | null };
  agent_refused: { code: string; droplet_id: number };
  credential_revoked: Record<string, never>;
  /** The agent's next credential counts from now on, and the one before does not. */
  credential_rotated: { credential_sha256: string };
  stage_reported: { stage: string; detail: string | null };
  flag_raised: { flag: string; detail: string };
  /** A person has seen what was flagged. */
  security_acknowledged: { flags: string[]; reason: string };

  config_published: { config: ConfigRef; paper_mode: boolean; restored_from: number | null };
  /** The desired version was handed to the agent for the first time in this generation. */
  config_delivered: { config: ConfigRef };
  /** `workload`: what it was doing by then, as far as the agent said. */
  config_applied: { config: ConfigRef; workload?: WorkloadState | undefined; starting?: true };
  config_effective: { config: ConfigRef };
  config_failed: { config: ConfigRef; reason: string; workload?: WorkloadState | undefined };
  rolled_back: RolledBack;
  /** The desired version failed, and there is nothing to go back to. */
  config_given_up: { config: ConfigRef; reason: string };

  /** What an operation waits for before it touches the droplet. `deadline`: the workload was not reported stopped in time. */
  wind_down_ended: { how: "stopped" | "deadline" | "forced" };
  /** Since its start the workload has been ready. */
  workload_ready: Record<string, never>;
  /** It was not in time: the bot is given up until it is. */
  workload_not_ready: { detail: string };
  /** All that the present burst of crashes has come to so far. `reason`: of the last one; null: the agent did not say. */
  workload_crashed: { count: number; first_at: Instant; last_at: Instant; reason: string | null };
  /** Interrupted by a crash or a kill, and kept from coming back. */
  runs_aborted: { count: number };

  command_requested: { command_id: string; kind: string };
  /** `left`: others still wait. */
  command_ended: { command_id: string; kind: string; ok: boolean; detail: string | null; left: boolean };
}

/** Folded in fold-holds.ts. */
export interface HoldEvents {
  /** The workload's report has passed a limit of the config of this version. */
  limit_breached: { limit: Limit; value: number; max: number; version: number };
  /** `value`: null where the report says nothing of it any more. */
  limit_kept_again: { limit: Limit; value: number | null; max: number };
  /** By anybody but the operator, whose hold is the suspension. */
  hold_placed: { owner: HoldOwner; reason: string };
  hold_released: { owner: HoldOwner; reason: string };
}

export type EventData = OperationEvents & DropletEvents & AgentEvents & HoldEvents;
export type EventKind = keyof EventData;
/** What is to be recorded: the shell adds number, time and actor. */
export type EventBody = { [K in EventKind]: { kind: K; data: EventData[K] } }[EventKind];
export type BotEvent = EventBody & { seq: number; at: Instant; actor: string };

/** What people read of a bot at a time. */
export interface Standing {
  status: BotState["status"];
  generation: number;
}

/** An event with what people read of the bot before and after it. */
export type RecordedEvent = BotEvent & {
  /** Null: there was no bot, or the release that recorded the event did not say. */
  before: Standing | null;
  after: Standing | null;
  /** Why the status is what it is after the event. */
  reason: string | null;
};
