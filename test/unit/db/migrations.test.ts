/** Every migration of D1 on a database in which every table has rows: what it must keep, and that it does. */
import { getTableName, is, Table } from "drizzle-orm";
import { afterAll, describe, it } from "vitest";
import * as schema from "../../../src/db/schema.ts";
import { type D1, type Migration, readMigrations, startDatabases } from "./d1.ts";
import { fill, ROWS } from "./filled.ts";
import { lossesOf, portraitOf } from "./portrait.ts";
import { tablesOf, triggersOf } from "./shape.ts";

const ENUMS_GROW = "0005_let_enums_grow.sql";
const migrations = await readMigrations();
const databases = startDatabases(["filled", "empty", ...migrations.map(({ name }) => name), ..."abcdef"]);
afterAll(() => databases.stop());

/** What each trigger refuses. A new one fails the test until it stands here. */
const TRIGGERS: Readonly<Record<string, string>> = {
  audit_log_is_never_changed: "UPDATE audit_log SET actor = 'nobody'",
  audit_log_is_never_cut: "DELETE FROM audit_log",
};

function upTo(name: string): Migration[] {
  return migrations.slice(
    0,
    migrations.findIndex((migration) => migration.name === name),
  );
}

/** With rows of each release that was before it, as a database has that lived through all of them. */
async function filledBefore(name: string, db: D1): Promise<D1> {
  for (const [round, migration] of upTo(name).entries()) {
    await db.apply(migration);
    await fill(db, round);
  }
  return db;
}

function named(name: string): Migration {
  const found = migrations.find((migration) => migration.name === name);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
}

/** The migration with another text. */
function changed({ name, queries }: Migration, change: (query: string) => string): Migration {
  return { name, queries: queries.map(change) };
}

describe.for(migrations.slice(1))("$name on a filled database", (migration) => {
  it("keeps all rows, foreign keys, indexes and triggers, and what they refuse", async ({ expect }) => {
    const db = await filledBefore(migration.name, databases.open(migration.name));
    const before = await portraitOf(db);
    expect([...before.rows.values()].every(({ count }) => count > 0)).toBe(true);
    await db.apply(migration);
    expect(lossesOf(before, await portraitOf(db, before))).toEqual([]);
    // The rows of the release that comes with it fit in beside the old ones.
    await fill(db, migrations.length);
    for (const name of await triggersOf(db)) {
      await expect(db.run(TRIGGERS[name] ?? ""), name).rejects.toThrow("append-only");
    }
    for (const { name, sql } of await violations(db)) await expect(db.run(sql), name).rejects.toThrow("FOREIGN KEY");
  });
});

/** Statements that would leave a row without its parent. */
async function violations(db: D1): Promise<{ name: string; sql: string }[]> {
  return (await tablesOf(db)).flatMap(({ name: table, foreign_keys }) =>
    foreign_keys.flatMap(({ from, parent, to }) => {
      const name = `${table}.${from}`;
      return [
        { name, sql: `DELETE FROM "${parent}" WHERE "${to}" IN (SELECT "${from}" FROM "${table}")` },
        { name, sql: `UPDATE "${table}" SET "${from}" = 'nobody' WHERE "${from}" IS NOT NULL` },
      ];
    }),
  );
}

describe("a database that lived through all migrations", () => {
  it("has a row in each table that the schema names, and no other table", async ({ expect }) => {
    const db = databases.open("filled");
    await db.applyAll(migrations);
    await fill(db, 0);
    const declared = Object.values(schema).flatMap((table) => (is(table, Table) ? [getTableName(table)] : []));
    const { rows } = await portraitOf(db);
    expect([...rows.keys()].sort()).toEqual(declared.sort());
    for (const [table, { count }] of rows) expect(count, table).toBe(table === "fleets" ? 1 : ROWS);
  });

  it("has every trigger that is tried here", async ({ expect }) => {
    const db = databases.open("empty");
    await db.applyAll(migrations);
    expect(await triggersOf(db)).toEqual(Object.keys(TRIGGERS).sort());
  });

  it("takes enum members that a later release brings, but not a third state of a rotation", async ({ expect }) => {
    const db = databases.open("filled");
    for (const column of [
      "bots.status",
      "bots.persona",
      "bots.operation_kind",
      "droplets.status",
      "accounts.tier",
      "memberships.role",
      "invitations.role",
    ]) {
      const [table, name] = column.split(".");
      await db.run(`UPDATE ${table} SET ${name} = 'of_a_later_release'`);
    }
    await expect(db.run("UPDATE key_rotations SET state = 'of_a_later_release'")).rejects.toThrow("CHECK");
    for (const refused of ["bots SET generation = 0", "bots SET name = ''", "accounts SET external_id = ''"]) {
      await expect(db.run(`UPDATE ${refused}`), refused).rejects.toThrow("CHECK");
    }
  });
});

describe("these tests", () => {
  const rebuild = named(ENUMS_GROW);
  const drizzleKits = changed(rebuild, (query) => query.replace("defer_foreign_keys=ON", "foreign_keys=OFF"));

  it("refuse a rebuild without deferred keys on a filled database, which an empty one lets pass", async ({
    expect,
  }) => {
    const empty = databases.open("a");
    await empty.applyAll(upTo(ENUMS_GROW));
    await empty.apply(drizzleKits);
    const filled = await filledBefore(ENUMS_GROW, databases.open("b"));
    await expect(filled.apply(drizzleKits)).rejects.toThrow("FOREIGN KEY");
  });

  it.for(["accounts", "bots"])("fail as a whole where the rebuild loses one of the %s", async (table, { expect }) => {
    const db = await filledBefore(ENUMS_GROW, databases.open(table === "bots" ? "c" : "d"));
    const before = await portraitOf(db);
    const lossy = changed(rebuild, (query) => query.replace(`FROM \`kept_${table}\``, "$& WHERE rowid <> 1"));
    expect(lossy.queries).not.toEqual(rebuild.queries);
    await expect(db.apply(lossy)).rejects.toThrow();
    expect(lossesOf(before, await portraitOf(db, before))).toEqual([]);
  });

  it("see lost triggers, indexes, keys, columns and values", async ({ expect }) => {
    const db = await filledBefore(ENUMS_GROW, databases.open("e"));
    const before = await portraitOf(db);
    const queries = [
      "CREATE TABLE kept AS SELECT * FROM audit_log",
      "DROP TABLE audit_log",
      "ALTER TABLE kept RENAME TO audit_log",
      "CREATE TABLE kept AS SELECT id, user_id, expires_at FROM sessions",
      "DROP TABLE sessions",
      "ALTER TABLE kept RENAME TO sessions",
      "UPDATE users SET name = name || ' '",
      "DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency LIMIT 1)",
      "DROP TABLE retired_keys",
    ];
    await db.apply({ queries });
    const losses = lossesOf(before, await portraitOf(db, before));
    for (const lost of [
      "trigger audit_log_is_never_changed is gone",
      "trigger audit_log_is_never_cut is gone",
      "index audit_log_by_bot is gone",
      "sessions.token is gone",
      "sessions.user_id points to users no more",
      "users has other values",
      "table retired_keys is gone",
    ]) {
      expect(losses).toContain(lost);
    }
    expect(losses.filter((loss) => loss.startsWith("idempotency had"))).toHaveLength(1);
  });
});
