/** `wrangler d1 migrations apply`, as `npm start` and a deploy run it, on a database that an older release has filled. */
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, it } from "vitest";
import { type D1, MIGRATIONS_DIR, type Migration, readMigrations, startDatabases } from "./d1.ts";
import { fill } from "./filled.ts";
import { lossesOf, portraitOf } from "./portrait.ts";

const dir = mkdtempSync(join(tmpdir(), "spawnpoint-d1-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const PERSISTED = join(dir, "state", "v3");
const HALF = "9999_half.sql";
const QUIET = { WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", NO_COLOR: "1", CI: "true" };

/** wrangler and the test never have the database open at the same time. */
async function withDatabase<T>(run: (db: D1) => Promise<T>): Promise<T> {
  const databases = startDatabases(["of-the-test"], PERSISTED);
  return run(databases.open("of-the-test")).finally(databases.stop);
}

/** A project with our migrations and one that fails in its middle. */
function writeProject(migrations: readonly Migration[]): void {
  mkdirSync(join(dir, "migrations"));
  for (const { name } of migrations) copyFileSync(join(MIGRATIONS_DIR, name), join(dir, "migrations", name));
  writeFileSync(join(dir, "migrations", HALF), "CREATE TABLE half (id integer);\nINSERT INTO nowhere VALUES (1);\n");
  const config = `name = "of-the-test"
compatibility_date = "2026-10-01"
[[d1_databases]]
binding = "DB"
database_name = "spawnpoint"
database_id = "of-the-test"
`;
  writeFileSync(join(dir, "wrangler.toml"), config);
}

/** @param signal ends it where the test is given up */
function applyWithWrangler(signal: AbortSignal): Promise<unknown> {
  const wrangler = join(MIGRATIONS_DIR, "..", "node_modules", ".bin", "wrangler");
  const args = ["d1", "migrations", "apply", "DB", "--local", "--persist-to", join(dir, "state")];
  return promisify(execFile)(wrangler, args, { cwd: dir, env: { ...process.env, ...QUIET }, signal });
}

it("applies each file as a whole or not at all, and keeps what the database holds", async ({ expect, signal }) => {
  const migrations = await readMigrations();
  writeProject(migrations);
  const before = await withDatabase(async (db) => {
    await db.run(
      "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TEXT)",
    );
    for (const [round, migration] of migrations.slice(0, -1).entries()) {
      await db.apply(migration);
      await fill(db, round);
      await db.batch([{ sql: "INSERT INTO d1_migrations (name) VALUES (?)", params: [migration.name] }]);
    }
    return portraitOf(db);
  });
  await expect(applyWithWrangler(signal)).rejects.toThrow("nowhere");
  await withDatabase(async (db) => {
    const applied = await db.run("SELECT name FROM d1_migrations ORDER BY id");
    expect(applied.map(({ name }) => name)).toEqual(migrations.map(({ name }) => name));
    expect(await db.run("SELECT name FROM sqlite_master WHERE name = 'half'")).toEqual([]);
    expect(lossesOf(before, await portraitOf(db, before))).toEqual([]);
  });
});
