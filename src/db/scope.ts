import { type Column, eq, type SQL } from "drizzle-orm";
import type { Scope } from "../records/caller.ts";

/** The caller's reach as a condition on the column that names the account. Every tenant-facing query carries it. */
export function withinScope(accountId: Column, scope: Scope): SQL | undefined {
  return "every_account" in scope ? undefined : eq(accountId, scope.account_id);
}
