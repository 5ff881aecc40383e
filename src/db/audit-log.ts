/** How the audit log is written: in the same batch as what was done. Nothing changes or deletes an entry. */
import { type SQL, sql } from "drizzle-orm";
import type { AuditRecord } from "../records/rows.ts";
import { redact } from "../wire/redact.ts";
import type { Db } from "./client.ts";
import { insertWhere } from "./insert-where.ts";
import { audit_log } from "./schema.ts";

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
