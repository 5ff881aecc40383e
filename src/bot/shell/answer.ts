/** What a Bot answers over RPC. Refusals are values; only bugs and platform failures throw. */
import type { BotAction } from "../../wire/enums.ts";

/** Why a Bot says no. One exhaustive table (api/refusals.ts) maps these to HTTP. */
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

export function refuse(code: RefusalCode, detail: string, more: Partial<Refusal> = {}): Refusal {
  return { ok: false, code, detail, ...more };
}

/** Whose bots the caller may reach: an account's, or every account's for the operator. */
export type Scope = { account_id: string } | { every_account: true };

/** Comes with every call: who asks, and under which name the same call may be repeated. */
export interface Caller {
  scope: Scope;
  actor: string;
  /** The token, key or session that was used; with the action it is what the audit log is told. */
  credential_id: string;
  /** The operation's id in the OpenAPI document. */
  action: string;
  request_id: string;
  /** `Idempotency-Key` with its scope, and the hash of the body that it came with. */
  idempotency?: { key: string; body_hash: string };
}

/** Who calls: the SHA-256 of the bearer token as it came, and which kind it said it is. */
export interface AgentCaller {
  token_sha256: string;
  kind: "reg" | "agt";
}

export function inScope(scope: Scope, accountId: string): boolean {
  return "every_account" in scope || scope.account_id === accountId;
}
