/** `INSERT … SELECT … WHERE`: the condition and the insert are one statement, so nothing can come between them. */
import { getTableColumns, is, SQL, sql } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import type { Db } from "./client.ts";

type Row<T extends SQLiteTable> = { [K in keyof T["$inferInsert"]]: T["$inferInsert"][K] | SQL };

/** Inserts the row where `tail` (`FROM … WHERE …`, or just `WHERE …`) yields one; a row that is there already stays. */
export function insertWhere<T extends SQLiteTable>(db: Db, table: T, row: Row<T>, tail: SQL) {
  // In the table's own order, which is the one that `INSERT` names.
  const values = Object.entries(getTableColumns(table)).map(([name, column]) => {
    const value = (row as Record<string, unknown>)[name];
    if (is(value, SQL)) return value;
    return value === undefined || value === null ? sql`NULL` : sql`${sql.param(value, column)}`;
  });
  return db
    .insert(table)
    .select(sql`SELECT ${sql.join(values, sql`, `)} ${tail}`)
    .onConflictDoNothing();
}
