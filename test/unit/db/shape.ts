/** What a database consists of, as SQLite itself tells it. */
import type { D1 } from "./d1.ts";

export interface Column {
  name: string;
  type: string;
  notnull: number;
  /** Its place in the primary key, from 1; 0: none. */
  pk: number;
}

interface ForeignKey {
  from: string;
  parent: string;
  to: string;
  on_delete: string;
}

export interface Table {
  name: string;
  columns: Column[];
  foreign_keys: ForeignKey[];
}

const OURS =
  "m.type = 'table' AND m.name NOT GLOB '_cf_*' AND m.name NOT GLOB 'sqlite_*' AND m.name <> 'd1_migrations'";
const COLUMNS = `SELECT m.name AS "table", c.name, c.type, c."notnull", c.pk
  FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE ${OURS} ORDER BY m.name, c.cid`;
const FOREIGN_KEYS = `SELECT m.name AS "table", k."from", k."table" AS parent, k."to", k.on_delete
  FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) k WHERE ${OURS} ORDER BY m.name, k."from"`;

/** Every table, parents before their children. */
export async function tablesOf(db: D1): Promise<Table[]> {
  const found = await db.batch([{ sql: COLUMNS }, { sql: FOREIGN_KEYS }]);
  const [columns, keys] = found as unknown as [(Column & { table: string })[], (ForeignKey & { table: string })[]];
  const tables = [...new Set(columns.map(({ table }) => table))].map((name) => ({
    name,
    columns: columns.filter(({ table }) => table === name).map(({ table: _, ...column }) => column),
    foreign_keys: keys.filter(({ table }) => table === name).map(({ table: _, ...key }) => key),
  }));
  return parentsFirst(tables);
}

function parentsFirst(tables: readonly Table[]): Table[] {
  const sorted: Table[] = [];
  const add = (table: Table) => {
    if (sorted.includes(table)) return;
    for (const { parent } of table.foreign_keys) {
      const found = tables.find(({ name }) => name === parent);
      if (found) add(found);
    }
    sorted.push(table);
  };
  for (const table of tables) add(table);
  return sorted;
}

/** Indexes and triggers by name, with their text. */
export async function attachedTo(db: D1): Promise<Map<string, string>> {
  const found = await db.run(
    "SELECT type || ' ' || name AS name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL",
  );
  return new Map(found.map(({ name, sql }) => [String(name), String(sql).replaceAll(/\s+/g, " ").trim()]));
}

export async function triggersOf(db: D1): Promise<string[]> {
  const found = await db.run("SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name");
  return found.map(({ name }) => String(name));
}
