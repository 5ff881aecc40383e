/** Every envelope that workerd has written to disk, of D1 and of each object: read from the files, after whoever wrote them is gone. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type SealedRow, sealedFields } from "../../src/secrets/sealed.ts";
import { keyIdOf, openVault, parseKeyring } from "../../src/secrets/vault.ts";

export interface StoredSecret {
  store: "D1" | "object" | "outbox";
  bot_id: string;
  version: number;
  key: string;
  plain: string;
}

/** @param dir where Miniflare keeps its state. @throws where one of them does not open with this ring */
export async function openEverySecret(dir: string, ring: string): Promise<StoredSecret[]> {
  const vault = openVault(parseKeyring(ring), (count) => crypto.getRandomValues(new Uint8Array(count)));
  const secrets: StoredSecret[] = [];
  for (const { store, row } of storedRows(dir)) {
    for (const { field, envelope, context } of sealedFields(row)) {
      const { bot_id, version } = row;
      const plain = await vault.open(envelope, context).catch((error: unknown) => {
        throw new Error(`${field} of bot ${bot_id}, version ${version}, in ${store}: ${error}`);
      });
      secrets.push({ store, bot_id, version, key: keyIdOf(envelope) ?? "", plain });
    }
  }
  return secrets;
}

interface StoredRow {
  store: StoredSecret["store"];
  row: SealedRow;
}

function* storedRows(dir: string): Generator<StoredRow> {
  for (const path of databases(dir)) {
    // Not read-only: what was committed may still be in the log beside it, as workerd itself would find it.
    const db = new DatabaseSync(path);
    try {
      const has = (table: string) => db.prepare("SELECT 1 FROM sqlite_master WHERE name = ?").get(table) !== undefined;
      if (has("bot_configs")) {
        for (const row of db.prepare("SELECT * FROM bot_configs").all()) yield { store: "D1", row: row as SealedRow };
      }
      if (!has("outbox")) continue;
      for (const row of json(db, "SELECT value FROM config WHERE value IS NOT NULL")) yield { store: "object", row };
      for (const row of json(db, "SELECT json_extract(value, '$.row') AS value FROM outbox WHERE key LIKE 'config:%'"))
        yield { store: "outbox", row };
    } finally {
      db.close();
    }
  }
}

function json(db: DatabaseSync, query: string): SealedRow[] {
  return db
    .prepare(query)
    .all()
    .map(({ value }) => JSON.parse(String(value)) as SealedRow);
}

function databases(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".sqlite"))
    .map((name) => join(dir, name));
}
