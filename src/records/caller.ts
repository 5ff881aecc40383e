/** Who asks, and whose bots they reach. */

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

export function inScope(scope: Scope, accountId: string): boolean {
  return "every_account" in scope || scope.account_id === accountId;
}

/** Which agent calls: the SHA-256 of its bearer token as it came, and which kind it said it is. */
export interface AgentCaller {
  token_sha256: string;
  kind: "reg" | "agt";
}
