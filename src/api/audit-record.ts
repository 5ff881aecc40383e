/** What the audit log is told of a request. */
import type { Context } from "hono";
import type { AuditRecord } from "../records/rows.ts";
import type { AppEnv } from "./context.ts";

type Told = Partial<Pick<AuditRecord, "account_id" | "bot_id" | "target" | "before" | "after" | "reason">>;

/** @param action the operation's id in the OpenAPI document */
export function auditOf(c: Context<AppEnv>, action: string, told: Told = {}): AuditRecord {
  const { actor, credential_id } = c.get("principal");
  return recordOf(c, action, { actor, credential_id, ...told });
}

/** Of a request that comes without a credential, such as a sign-in. */
export function recordOf(
  c: Context<AppEnv>,
  action: string,
  told: Told & Pick<AuditRecord, "actor" | "credential_id">,
): AuditRecord {
  const request_id = c.get("request_id");
  return {
    key: `${request_id}:${action}`,
    at: Date.now(),
    account_id: null,
    bot_id: null,
    target: null,
    before: null,
    after: null,
    reason: null,
    request_id,
    action,
    ...told,
  };
}

/** The account that the caller acts for; null for the operator. */
export function accountOf(c: Context<AppEnv>): string | null {
  const { scope } = c.get("principal");
  return "every_account" in scope ? null : scope.account_id;
}
