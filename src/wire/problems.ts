/**
 * Every refusal of the API: its status, its title, and the sentence that is its detail wherever nothing more precise can be
 * said. A detail says what happened, why, and what to do next.
 */

interface ProblemKind {
  status: number;
  title: string;
  detail: string;
}

function kind<const S extends number>(status: S, title: string, detail: string) {
  return { status, title, detail } as const satisfies ProblemKind;
}

export const PROBLEMS = {
  malformed_request: kind(400, "Malformed request", "The path, query, headers or JSON body cannot be parsed."),

  unauthorized: kind(401, "Authentication required", "Send a valid credential."),
  invalid_credential: kind(401, "Invalid credential", "The token is not valid for this bot."),
  wrong_password: kind(401, "Wrong email or password", "The email address or the password is wrong."),
  credential_revoked: kind(
    401,
    "Credential revoked",
    "This agent's credential has been revoked. Stop the workload and exit.",
  ),

  forbidden: kind(403, "Forbidden", "The credential does not allow this request."),
  email_not_verified: kind(
    403,
    "Email address not verified",
    "Verify the email address first. POST /auth/verification sends the message again.",
  ),
  sign_up_closed: kind(403, "Sign-up is closed", "Sign-up is disabled. Ask the operator for an account."),
  quota_exceeded: kind(
    403,
    "Bot limit reached",
    "The account already has as many bots as its tier allows. Destroy a bot or change the tier.",
  ),
  wrong_droplet: kind(
    403,
    "Wrong droplet",
    "This bot runs on another droplet. The agent on this droplet must not run its workload.",
  ),

  route_not_found: kind(404, "Route not found", "No such route. GET /openapi.json lists all routes."),
  account_not_found: kind(404, "Account not found", "No such account."),
  bot_not_found: kind(404, "Bot not found", "No such bot."),
  operation_not_found: kind(
    404,
    "Operation not found",
    "No such operation, or it is no longer stored. GET /bots/{id}/operations lists the stored ones.",
  ),
  config_not_found: kind(
    404,
    "Config version not found",
    "No such config version. GET /bots/{id}/configs lists all versions.",
  ),
  command_not_found: kind(
    404,
    "Command not found",
    "No such command, or it is no longer stored. GET /bots/{id}/commands lists the stored ones.",
  ),
  key_not_found: kind(404, "API key not found", "No such API key."),
  session_not_found: kind(404, "Session not found", "No such session."),
  member_not_found: kind(404, "Member not found", "No such member of this account."),
  invitation_not_found: kind(404, "Invitation not found", "No such invitation, or it has expired."),
  agent_release_not_found: kind(
    404,
    "Agent bundle not found",
    "This deployment does not serve that bundle. GET /bot/{id}/agent returns the current one.",
  ),

  method_not_allowed: kind(405, "Method not allowed", "This route does not support the method. See the Allow header."),

  secret_shown_before: kind(
    409,
    "Secret already shown",
    "This Idempotency-Key has already created a key, and its secret is shown only once. Revoke that key and create another.",
  ),
  last_owner: kind(409, "Last owner", "This member is the account's last owner. Make another member an owner first."),
  too_many_invitations: kind(
    409,
    "Too many invitations",
    "The account has too many open invitations. Withdraw some, or wait until they expire.",
  ),
  external_id_taken: kind(
    409,
    "external_id already in use",
    "Another account has this external_id. Find it with GET /accounts?external_id=.",
  ),
  bot_destroyed: kind(409, "Bot destroyed", "The bot is destroyed and can no longer be changed. Create another bot."),
  action_not_allowed: kind(
    409,
    "Action not allowed",
    "The bot's current state does not allow this action. `allowed` lists the actions that it allows.",
  ),
  newer_release: kind(
    409,
    "Bot changed by a newer release",
    "A newer release of Spawnpoint has changed this bot. Until that release runs again, the bot can only be read or destroyed by force.",
  ),
  operation_committed: kind(
    409,
    "Operation cannot be cancelled",
    "The operation has already started to make changes and can no longer be cancelled.",
  ),
  config_fenced: kind(409, "Bot is stopping", "The bot is being stopped, so its config is not served."),
  generation_over: kind(
    409,
    "Outdated generation",
    "This agent belongs to an earlier generation; its reports are ignored.",
  ),
  credential_conflict: kind(
    409,
    "Credential conflict",
    "Another agent has already registered for this bot. This agent must not run.",
  ),
  rotation_not_asked: kind(
    409,
    "No rotation requested",
    "No credential rotation is pending for this bot. Keep the current credential.",
  ),
  key_not_current: kind(
    409,
    "Not the first encryption key",
    "The requested key is not the first of ENCRYPTION_KEYS. Deploy it first, then try again.",
  ),

  config_version_conflict: kind(
    412,
    "Config version conflict",
    "The config was changed by other requests. Read it and try again.",
  ),
  body_too_large: kind(413, "Body too large", "The request body is too large."),
  uri_too_long: kind(414, "URI too long", "The request URI is too long."),
  unsupported_media_type: kind(
    415,
    "Unsupported media type",
    "The body must be JSON. Send Content-Type: application/json.",
  ),

  token_invalid: kind(
    422,
    "Invalid or expired token",
    "The token is invalid, already used, or older than an hour. Request another message.",
  ),
  invalid_request: kind(422, "Invalid request", "The body does not match the schema. `errors` lists the fields."),
  config_custom_assets: kind(
    422,
    "Invalid request",
    'custom_assets is required with asset_focus "custom" and not allowed otherwise.',
  ),
  config_model: kind(422, "Invalid request", "The provider, model and base URL do not go together."),
  config_environment: kind(422, "Invalid request", "The environment variables would not be valid."),
  idempotency_key_reused: kind(
    422,
    "Idempotency-Key reused",
    "This Idempotency-Key was already used with a different request body. Use a new key.",
  ),
  upgrade_required: kind(
    426,
    "WebSocket upgrade required",
    "This route serves a WebSocket. Send the header Upgrade: websocket.",
  ),

  too_many_requests: kind(429, "Too many requests", "Too many requests. Try again after Retry-After."),
  duplicate_agent: kind(
    429,
    "Channel in use",
    "Another agent with the same credential keeps the channel open. Only one agent may run.",
  ),
  restarted_lately: kind(429, "Restarted recently", "The bot was restarted recently. Try again after Retry-After."),
  too_many_commands: kind(
    429,
    "Too many pending commands",
    "The bot has too many pending commands. Wait until the agent has run some of them.",
  ),
  too_many_creates: kind(
    429,
    "Too many bots created",
    "The account has created too many bots within an hour. Try again after Retry-After.",
  ),
  too_many_streams: kind(429, "Too many streams", "The bot has too many open event streams. Close one first."),
  too_many_waiters: kind(
    429,
    "Too many waiting requests",
    "Too many requests already wait for this bot. Try again after Retry-After.",
  ),
  headers_too_large: kind(431, "Headers too large", "The request headers are too large."),

  internal_error: kind(500, "Internal error", "Unexpected error. It is logged under this request_id."),
  secret_unreadable: kind(
    500,
    "Secrets unreadable",
    "The bot's secrets cannot be decrypted with the current encryption keys. The operator must restore the missing key.",
  ),

  key_retired: kind(
    503,
    "Encryption key retired",
    "The secrets were encrypted with a retired key, by an older deployment. Try again.",
  ),
  registration_pending: kind(
    503,
    "Registration pending",
    "The droplet is being verified with DigitalOcean. Try again after Retry-After.",
  ),
  awaiting_release: kind(
    503,
    "Waiting for a newer release",
    "A newer release of Spawnpoint has changed this bot. Try again when that release runs again.",
  ),
  bot_unreadable: kind(
    503,
    "Bot state unreadable",
    "The bot's stored state cannot be read. Nothing is changed until the operator repairs it.",
  ),
  unavailable: kind(503, "Temporarily unavailable", "Temporarily unavailable; try again."),
} as const;
export type ProblemCode = keyof typeof PROBLEMS;

/** With their codes. */
export const PROBLEM_CODES = Object.keys(PROBLEMS) as readonly ProblemCode[];

/** The URI that names the problem (RFC 9457, 3.1.1). */
export function problemType(code: ProblemCode): string {
  return `https://spawnpoint.dev/problems/${code}`;
}
