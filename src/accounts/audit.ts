/** The audit log: who did what, written in the same batch as what was done. Nothing changes or deletes an entry. */
import { and, desc, eq, lt } from "drizzle-orm";
import { auditWhere } from "../db/audit-log.ts";
import { type Db, withRetry } from "../db/client.ts";
import { audit_log } from "../db/schema.ts";
import { withinScope } from "../db/scope.ts";
import type { Scope } from "../records/caller.ts";
import type { AuditRecord } from "../records/rows.ts";
import type { AuditEntry } from "../wire/audit.ts";

/** Of what has no statement of its own here. Sent again, it is the same entry. */
export async function appendAudit(db: Db, record: AuditRecord): Promise<void> {
  await withRetry(() => auditWhere(db, record));
}

export interface AuditFilter {
  account_id?: string | undefined;
  bot_id?: string | undefined;
  actor?: string | undefined;
  action?: string | undefined;
}

/** Newest first. @param before only entries with smaller numbers */
export async function listAudit(db: Db, scope: Scope, filter: AuditFilter, limit: number, before: number | null) {
  const { account_id, bot_id, actor, action } = filter;
  const rows = await withRetry(() =>
    db
      .select()
      .from(audit_log)
      .where(
        and(
          withinScope(audit_log.account_id, scope),
          account_id === undefined ? undefined : eq(audit_log.account_id, account_id),
          bot_id === undefined ? undefined : eq(audit_log.bot_id, bot_id),
          actor === undefined ? undefined : eq(audit_log.actor, actor),
          action === undefined ? undefined : eq(audit_log.action, action),
          before === null ? undefined : lt(audit_log.id, before),
        ),
      )
      .orderBy(desc(audit_log.id))
      .limit(limit + 1),
  );
  const data = rows.slice(0, limit);
  const last = data.at(-1);
  return { data: data.map(viewEntry), next_cursor: rows.length > limit && last ? String(last.id) : null };
}

function viewEntry({ key: _key, at, before, after, ...entry }: typeof audit_log.$inferSelect): AuditEntry {
  return { ...entry, at: new Date(at).toISOString(), before: before ?? null, after: after ?? null };
}
