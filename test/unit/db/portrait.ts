/** What must be the same before and after a migration. */
import { createHash } from "node:crypto";
import type { D1, Row } from "./d1.ts";
import { attachedTo, type Column, type Table, tablesOf } from "./shape.ts";

export interface Portrait {
  tables: readonly Table[];
  /** By table: how many rows, and a hash over all of them. */
  rows: ReadonlyMap<string, { count: number; sha256: string }>;
  attached: ReadonlyMap<string, string>;
  /** Rows whose parent is missing. */
  orphans: number;
}

/** @param like whose tables and columns count; without it, all that there are */
export async function portraitOf(db: D1, like?: Portrait): Promise<Portrait> {
  const tables = await tablesOf(db);
  const present = new Set(tables.flatMap(({ name, columns }) => columns.map((column) => `${name}.${column.name}`)));
  const kept = (like?.tables ?? tables)
    .map(({ name, columns }) => ({ name, columns: columns.filter((column) => present.has(`${name}.${column.name}`)) }))
    .filter(({ columns }) => columns.length > 0);
  const found = await db.batch(kept.map(({ name, columns }) => ({ sql: rowsAsText(name, columns) })));
  const rows = new Map(kept.map(({ name }, index) => [name, digest(found[index] ?? [])]));
  const orphans = (await db.run("SELECT * FROM pragma_foreign_key_check")).length;
  return { tables, rows, attached: await attachedTo(db), orphans };
}

/** `quote` tells types apart too: a number from its text, nothing from an empty text. */
function rowsAsText(table: string, columns: readonly Column[]): string {
  const quoted = columns.map(({ name }) => `quote("${name}")`).join(" || ',' || ");
  return `SELECT ${quoted} AS row FROM "${table}" ORDER BY 1`;
}

function digest(rows: readonly Row[]) {
  const hash = createHash("sha256");
  for (const { row } of rows) hash.update(`${row}\n`);
  return { count: rows.length, sha256: hash.digest("hex") };
}

/** What the second has lost of the first, or has otherwise; what it has beyond is no difference. */
export function lossesOf(before: Portrait, after: Portrait): string[] {
  const losses: string[] = [];
  for (const table of before.tables) {
    const now = after.tables.find(({ name }) => name === table.name);
    if (!now) losses.push(`table ${table.name} is gone`);
    else losses.push(...lossesOfTable(table, now));
  }
  for (const [table, { count, sha256 }] of before.rows) {
    const now = after.rows.get(table);
    if (now?.count !== count) losses.push(`${table} had ${count} rows, and has ${now?.count}`);
    else if (now.sha256 !== sha256) losses.push(`${table} has other values`);
  }
  for (const [name, sql] of before.attached) if (after.attached.get(name) !== sql) losses.push(`${name} is gone`);
  if (after.orphans > 0) losses.push(`${after.orphans} rows point to nothing`);
  return losses;
}

function lossesOfTable(before: Table, now: Table): string[] {
  const { name } = before;
  const columns = before.columns.filter((column) => !now.columns.some((other) => other.name === column.name));
  const keys = before.foreign_keys.filter(
    (key) => !now.foreign_keys.some((other) => JSON.stringify(other) === JSON.stringify(key)),
  );
  return [
    ...columns.map((column) => `${name}.${column.name} is gone`),
    ...keys.map((key) => `${name}.${key.from} points to ${key.parent} no more`),
  ];
}
