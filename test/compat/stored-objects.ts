/** What workerd has written of a bot's object, once it is gone; and what the cloud holds of the bot. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import type { SimulatorState } from "../../simulator/model/records.ts";
import { botTag } from "../../src/naming/fleet.ts";
import type { CloudPart } from "../fixtures/objects.ts";

/** The platform's own tables are none of the object's. */
const TABLES = `SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY name`;

/** Its tables and rows as SQL, a statement a line. @throws where no object knows the bot */
export function dumpObject(stateDir: string, botId: string): string[] {
  const files = readdirSync(stateDir, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".sqlite"));
  for (const file of files) {
    // Not read-only: what was committed may still be in the log beside it, as workerd itself would find it.
    const db = new DatabaseSync(join(stateDir, file));
    try {
      if (ownerOf(db) === botId) return dump(db);
    } finally {
      db.close();
    }
  }
  throw new Error(`no object knows bot ${botId}`);
}

function ownerOf(db: DatabaseSync): string | null {
  if (db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'document'").get() === undefined) return null;
  const row = db.prepare("SELECT json_extract(value, '$.id') AS id FROM document WHERE key = 'state'").get();
  return typeof row?.id === "string" ? row.id : null;
}

function dump(db: DatabaseSync): string[] {
  return db
    .prepare(TABLES)
    .all()
    .flatMap(({ name, sql }) => [
      `${String(sql).replaceAll(/\s+/g, " ")};`,
      ...db
        .prepare(`SELECT * FROM ${name}`)
        .all()
        .map((row) => `INSERT INTO ${name} VALUES (${Object.values(row).map(literal).join(", ")});`),
    ]);
}

function literal(value: SQLOutputValue): string {
  if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
  if (value instanceof Uint8Array) throw new Error("a Bot keeps no blobs");
  return String(value ?? "NULL");
}

/** Without user-data: a droplet's holds its registration token. */
export function cloudOf({ droplets, actions, due }: SimulatorState, botId: string): CloudPart {
  const own = droplets.filter(({ tags }) => tags.includes(botTag(botId)));
  const isOwn = (id: number) => own.some((droplet) => droplet.id === id);
  return {
    droplets: own.map((droplet) => ({ ...droplet, user_data: null, foreign: false })),
    actions: actions.filter((action) => isOwn(action.droplet_id) && action.status === "in-progress"),
    due: due.filter((each) => "droplet" in each && isOwn(each.droplet)),
  };
}
