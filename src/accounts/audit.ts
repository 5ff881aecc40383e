/** The audit log: who did what, written in the same batch as what was done. Nothing changes or deletes an entry. */
import { and, desc, eq, lt, type SQL, sql } from "drizzle-orm";
import type { Scope } from "../bot/shell/answer.ts";
import type { AuditRecord } from "../bot/shell/audit.ts";
import { type Db, withRetry } from "../db/client.ts";
import { insertWhere } from "../db/insert-where.ts";
import { audit_log } from "../db/schema.ts";
import { withinScope } from "../db/scope.ts";
import type { AuditEntry } from "../wire/audit.ts";
import { redact } from "../wire/redact.ts";

/** Writes the entry where the condition holds: a statement for the batch that does the thing. */
export function auditWhere(db: Db, record: AuditRecord, done: SQL = sql`1 = 1`) {
  const { before, after, reason } = record;
  const entry = {
    ...record,
    before: redact(before),
    after: redact(after),
    reason: reason === null ? null : String(redact(reason)),
  };
  return insertWhere(db, audit_log, { ...entry, id: undefined }, sql`WHERE ${done}`);
}

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
