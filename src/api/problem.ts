/** Errors of the HTTP face: RFC 9457 problem details, one table from code to status and title. */
import type { Context, TypedResponse } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { z } from "zod";
import type { Refusal, RefusalCode } from "../bot/shell/answer.ts";
import { isUnavailable } from "../cloudflare/failures.ts";
import { PROBLEM_CONTENT_TYPE, type Problem } from "../wire/problem.ts";
import { quote } from "../wire/redact.ts";

/** What the API itself refuses; the rest are a Bot's own refusals. */
type ApiCode =
  | "malformed_request"
  | "invalid_request"
  | "unauthorized"
  | "forbidden"
  | "route_not_found"
  | "method_not_allowed"
  | "account_not_found"
  | "external_id_taken"
  | "quota_exceeded"
  | "body_too_large"
  | "uri_too_long"
  | "headers_too_large"
  | "unsupported_media_type"
  | "too_many_requests"
  | "upgrade_required"
  | "agent_release_not_found"
  | "key_not_found"
  | "secret_shown_before"
  | "session_not_found"
  | "member_not_found"
  | "invitation_not_found"
  | "last_owner"
  | "too_many_invitations"
  | "sign_up_closed"
  | "wrong_password"
  | "email_not_verified"
  | "token_invalid"
  | "too_many_creates"
  | "key_not_current"
  | "unavailable"
  | "internal_error";
export type ProblemCode = ApiCode | RefusalCode;

/** Every code with its status and title: a new refusal does not compile without an entry. */
const PROBLEMS: Readonly<Record<ProblemCode, { status: ContentfulStatusCode; title: string }>> = {
  malformed_request: { status: 400, title: "Malformed request" },
  unauthorized: { status: 401, title: "Not authenticated" },
  invalid_credential: { status: 401, title: "Invalid credential" },
  wrong_password: { status: 401, title: "Wrong address or password" },
  credential_revoked: { status: 401, title: "Credential revoked" },
  forbidden: { status: 403, title: "Not allowed" },
  email_not_verified: { status: 403, title: "Address not confirmed" },
  sign_up_closed: { status: 403, title: "Sign-up is closed" },
  quota_exceeded: { status: 403, title: "Bot limit reached" },
  wrong_droplet: { status: 403, title: "Wrong droplet" },
  route_not_found: { status: 404, title: "No such route" },
  account_not_found: { status: 404, title: "No such account" },
  bot_not_found: { status: 404, title: "No such bot" },
  operation_not_found: { status: 404, title: "No such operation" },
  config_not_found: { status: 404, title: "No such config" },
  command_not_found: { status: 404, title: "No such command" },
  key_not_found: { status: 404, title: "No such key" },
  session_not_found: { status: 404, title: "No such session" },
  member_not_found: { status: 404, title: "No such member" },
  invitation_not_found: { status: 404, title: "No such invitation" },
  agent_release_not_found: { status: 404, title: "No such agent release" },
  method_not_allowed: { status: 405, title: "Method not allowed" },
  secret_shown_before: { status: 409, title: "The secret was shown before" },
  last_owner: { status: 409, title: "An account needs an owner" },
  too_many_invitations: { status: 409, title: "Too many invitations" },
  external_id_taken: { status: 409, title: "external_id is taken" },
  bot_destroyed: { status: 409, title: "Bot is destroyed" },
  action_not_allowed: { status: 409, title: "Action not allowed now" },
  newer_release: { status: 409, title: "Bot changed by a newer release" },
  operation_committed: { status: 409, title: "Operation cannot be cancelled" },
  config_fenced: { status: 409, title: "Bot is being stopped" },
  generation_over: { status: 409, title: "Generation is over" },
  credential_conflict: { status: 409, title: "Another agent has registered" },
  rotation_not_asked: { status: 409, title: "Rotation not asked for" },
  config_version_conflict: { status: 412, title: "Config has changed" },
  body_too_large: { status: 413, title: "Body too large" },
  uri_too_long: { status: 414, title: "Address too long" },
  unsupported_media_type: { status: 415, title: "Unsupported content type" },
  token_invalid: { status: 422, title: "The token does not hold" },
  invalid_request: { status: 422, title: "Invalid request" },
  config_custom_assets: { status: 422, title: "Invalid request" },
  config_environment: { status: 422, title: "Invalid request" },
  idempotency_key_reused: { status: 422, title: "Idempotency-Key reused" },
  upgrade_required: { status: 426, title: "WebSocket needed" },
  duplicate_agent: { status: 429, title: "Another agent holds the channel" },
  restarted_lately: { status: 429, title: "Restarted just now" },
  too_many_commands: { status: 429, title: "Too many commands wait" },
  too_many_creates: { status: 429, title: "Too many bots made" },
  headers_too_large: { status: 431, title: "Headers too large" },
  too_many_requests: { status: 429, title: "Too many requests" },
  too_many_streams: { status: 429, title: "Too many streams" },
  too_many_waiters: { status: 429, title: "Too many waiters" },
  internal_error: { status: 500, title: "Internal error" },
  secret_unreadable: { status: 500, title: "Secret unreadable" },
  key_not_current: { status: 409, title: "Not the first encryption key" },
  key_retired: { status: 503, title: "Encryption key retired" },
  registration_pending: { status: 503, title: "Registration pending" },
  awaiting_release: { status: 503, title: "Waiting for a newer release" },
  bot_unreadable: { status: 503, title: "Bot state unreadable" },
  unavailable: { status: 503, title: "Unavailable" },
};

/** Fits every route's answers: which problems a route may meet is said where it is described. */
type ProblemResponse = Response & TypedResponse<never, never, never>;

type More = Partial<Pick<Problem, "errors" | "allowed">> & { retry_after_s?: number };

export function problem(c: Context, code: ProblemCode, detail: string, more: More = {}): ProblemResponse {
  const { status, title } = PROBLEMS[code];
  const { retry_after_s, ...members } = more;
  const body: Problem = {
    type: `https://spawnpoint.dev/problems/${code}`,
    title,
    status,
    detail,
    code,
    request_id: c.get("request_id") ?? "",
    ...members,
  };
  const headers: Record<string, string> = { "content-type": PROBLEM_CONTENT_TYPE };
  const wait = retry_after_s ?? (status === 503 || status === 429 ? 5 : null);
  if (wait !== null) headers["retry-after"] = String(wait);
  if (status === 401) headers["www-authenticate"] = 'Bearer realm="spawnpoint"';
  return c.body(JSON.stringify(body), status, headers) as unknown as ProblemResponse;
}

/** A Bot's refusal as HTTP. */
export function refusal(c: Context, { code, detail, allowed, retry_after_s }: Refusal): ProblemResponse {
  return problem(c, code, detail, {
    ...(allowed ? { allowed } : {}),
    ...(retry_after_s === undefined ? {} : { retry_after_s }),
  });
}

const MAX_ERRORS = 100;
const MAX_ERROR_CHARS = 300;

/** What zod says is wrong, and where. */
export type Issue = Pick<z.core.$ZodIssue, "path" | "message">;

/** A body that parses but says what cannot be is 422; a path or query that does not parse is 400. */
export function invalid(c: Context, target: string, issues: readonly Issue[]): Response {
  const errors = issues.slice(0, MAX_ERRORS).map(({ path, message }) => ({
    pointer: quote(
      `/${path.map((part) => String(part).replaceAll("~", "~0").replaceAll("/", "~1")).join("/")}`,
      MAX_ERROR_CHARS,
    ),
    detail: quote(message, MAX_ERROR_CHARS),
  }));
  const detail = errors
    .map(({ pointer, detail: text }) => `${pointer} ${text}`)
    .join("; ")
    .slice(0, 1000);
  return problem(c, target === "json" ? "invalid_request" : "malformed_request", detail, { errors });
}

/** What was thrown: hono's own refusals keep their meaning, anything else is ours and says nothing of itself. */
export function fromError(c: Context, error: Error): Response {
  if (error instanceof HTTPException && error.status === 400) {
    return problem(c, "malformed_request", "The body is not valid JSON.");
  }
  if (isUnavailable(error)) {
    return problem(c, "unavailable", "The service could not reach a part of itself. Try again.");
  }
  return problem(c, "internal_error", "Something went wrong on our side. It has been logged under this request_id.");
}
