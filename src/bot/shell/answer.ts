/** What a Bot answers over RPC. Refusals are values; only bugs and platform failures throw. */
import type { BotAction } from "../../wire/enums.ts";
import { PROBLEMS } from "../../wire/problems.ts";

/** Why a Bot says no. One exhaustive table (wire/problems.ts) has their statuses and sentences. */
export type RefusalCode =
  | "bot_not_found"
  | "bot_unreadable"
  | "newer_release"
  | "awaiting_release"
  | "bot_destroyed"
  | "action_not_allowed"
  | "operation_not_found"
  | "operation_committed"
  | "config_not_found"
  | "config_fenced"
  | "config_version_conflict"
  | "config_custom_assets"
  | "config_model"
  | "config_environment"
  | "idempotency_key_reused"
  | "invalid_credential"
  | "credential_revoked"
  | "credential_conflict"
  | "rotation_not_asked"
  | "generation_over"
  | "wrong_droplet"
  | "registration_pending"
  | "duplicate_agent"
  | "command_not_found"
  | "too_many_commands"
  | "restarted_lately"
  | "secret_unreadable"
  | "key_retired"
  | "too_many_streams"
  | "too_many_waiters";

export interface Refusal {
  ok: false;
  code: RefusalCode;
  detail: string;
  allowed?: BotAction[];
  retry_after_s?: number;
}

export type Answer<T> = { ok: true; value: T; replayed?: boolean } | Refusal;

export function ok<T>(value: T): Answer<T> {
  return { ok: true, value };
}

/** @param detail what is known beyond the code's own sentence */
export function refuse(
  code: RefusalCode,
  detail: string = PROBLEMS[code].detail,
  more: Partial<Refusal> = {},
): Refusal {
  return { ok: false, code, detail, ...more };
}
