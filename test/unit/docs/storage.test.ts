import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { getTableName, is } from "drizzle-orm";
import { SQLiteTable } from "drizzle-orm/sqlite-core";
import { describe, it } from "vitest";
import { Store as AgentStore } from "../../../bootstrap/agent/base/store.ts";
import { Store } from "../../../src/bot/shell/store.ts";
import * as schema from "../../../src/db/schema.ts";
import { Ledger } from "../../../src/provider/gate/ledger.ts";
import { SqliteStorage } from "../../simulation/sqlite-storage.ts";
import { columnsOf } from "./tables.ts";

const DOCUMENT = "storage.md";
const TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";

function documented(heading: string): string[] {
  return Object.keys(columnsOf(DOCUMENT, heading)).sort();
}

describe("docs/storage.md", () => {
  it("lists every table of D1", ({ expect }) => {
    const tables = Object.values(schema).flatMap((each) => (is(each, SQLiteTable) ? [getTableName(each)] : []));
    expect(documented("## D1")).toEqual(tables.sort());
  });

  it("lists every table of a Bot's SQLite", ({ expect }) => {
    expect(documented("## A Bot's SQLite")).toEqual(tablesAfter((storage) => new Store(storage).migrate()));
  });

  it("lists every table of the gate's SQLite", ({ expect }) => {
    expect(documented("## The gate's SQLite")).toEqual(tablesAfter(({ sql }) => new Ledger(sql).migrate()));
  });

  it("lists every table of the agent's SQLite", ({ expect }) => {
    const directory = mkdtempSync(join(tmpdir(), "spawnpoint-docs-"));
    try {
      const path = join(directory, "agent.db");
      new AgentStore(path, () => undefined).close();
      const db = new DatabaseSync(path);
      const names = db
        .prepare(TABLES)
        .all()
        .map(({ name }) => name);
      db.close();
      expect(documented("## The agent's SQLite on a droplet")).toEqual(names);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("lists the documents of a Bot and of the gate", ({ expect }) => {
    expect(Object.keys(columnsOf(DOCUMENT, "## A Bot's SQLite", 1))).toEqual([
      "schema",
      "state",
      "runtime",
      "retired_keys",
    ]);
    expect(Object.keys(columnsOf(DOCUMENT, "## The gate's SQLite", 1))).toEqual(["schema", "state", "sweep"]);
  });
});

function tablesAfter(migrate: (storage: SqliteStorage) => void): string[] {
  const storage = new SqliteStorage();
  migrate(storage);
  const names = storage.sql.exec<{ name: string }>(TABLES).map(({ name }) => name);
  storage.close();
  return names;
}
