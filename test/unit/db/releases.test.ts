/**
 * While a release is deployed, the one before serves on: on the old schema, on the new one, and while D1 changes the one
 * into the other. So whatever a release asked D1 (test/fixtures/d1) is asked again at each of these times, and each
 * statement has to answer what it answers where nothing is migrated.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, it } from "vitest";
import { type D1, type Migration, type Row, readMigrations, type Statement, startDatabases, type Value } from "./d1.ts";
import { fill } from "./filled.ts";
import { lossesOf, type Portrait, portraitOf } from "./portrait.ts";

interface Release {
  release: string;
  last_migration: string;
  statements: string[];
  /** One transaction each: the number of each statement's text, then its values. */
  batches: [number, ...Value[]][][];
}

const DIR = join(import.meta.dirname, "../../fixtures/d1");
const releases = globSync("*.json", { cwd: DIR }).map((file) => {
  return JSON.parse(readFileSync(join(DIR, file), "utf8")) as Release;
});
const migrations = await readMigrations();
/** Of the release's batches, how many are done when the migrations begin. */
const CUTS = [0, 0.25, 0.5, 0.75, 1] as const;
const databases = startDatabases(
  releases.flatMap(({ release }) => [release, `${release} meanwhile`, ...CUTS.map((cut) => `${release} at ${cut}`)]),
);
afterAll(() => databases.stop());

function migrationsOf({ last_migration }: Release): { old: Migration[]; later: Migration[] } {
  const index = migrations.findIndex(({ name }) => name === last_migration);
  return { old: migrations.slice(0, index + 1), later: migrations.slice(index + 1) };
}

async function databaseOf(release: Release, name: string): Promise<D1> {
  const db = databases.open(name);
  await db.applyAll(migrationsOf(release).old);
  await fill(db, 0);
  return db;
}

/** Asks the batches one after the other. @returns the rows that each statement answered; without ORDER BY in no order */
async function ask(db: D1, { statements, batches }: Release, from: number, to: number): Promise<Row[][][]> {
  const asked = batches
    .slice(from, to)
    .map((batch) => batch.map(([text, ...params]): Statement => ({ sql: statements[text] ?? "", params })));
  const answers = await db.batches(asked);
  return answers.map((rows, batch) =>
    rows.map((found, index) => (/order by/i.test(asked[batch]?.[index]?.sql ?? "") ? found : sorted(found))),
  );
}

function sorted(rows: readonly Row[]): Row[] {
  return rows.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}

it("there is a release whose statements are known", ({ expect }) => {
  expect(releases.map(({ release }) => release)).toContain("0.1.0");
});

describe.for(releases)("what release $release asks D1", (release) => {
  const { batches, release: name } = release;
  const { later } = migrationsOf(release);
  let undisturbed: Promise<{ answers: Row[][][]; before: Portrait; after: Portrait }> | undefined;
  /** Where nothing is migrated. */
  function untouched() {
    undisturbed ??= (async () => {
      const db = await databaseOf(release, name);
      const before = await portraitOf(db);
      const answers = await ask(db, release, 0, batches.length);
      return { answers, before, after: await portraitOf(db) };
    })();
    return undisturbed;
  }

  it("changes every table but the fleet's, so that none is spoken of without being met", async ({ expect }) => {
    const { before, after } = await untouched();
    const same = [...before.rows].filter(([table, { sha256 }]) => after.rows.get(table)?.sha256 === sha256);
    expect(same.map(([table]) => table)).toEqual(["fleets"]);
  });

  it.for(CUTS)("is answered alike when the later migrations come after %d of it", async (cut, { expect }) => {
    const { answers, after } = await untouched();
    const db = await databaseOf(release, `${name} at ${cut}`);
    const first = Math.floor(batches.length * cut);
    const asked = await ask(db, release, 0, first);
    await db.applyAll(later);
    asked.push(...(await ask(db, release, first, batches.length)));
    expect(asked).toEqual(answers);
    expect(lossesOf(after, await portraitOf(db, after))).toEqual([]);
  });

  it("is answered alike while they are under way", async ({ expect }) => {
    const { answers, after } = await untouched();
    const db = await databaseOf(release, `${name} meanwhile`);
    const first = Math.floor(batches.length / 2);
    const asked = await ask(db, release, 0, first);
    const [rest] = await Promise.all([ask(db, release, first, batches.length), db.applyAll(later)]);
    expect([...asked, ...rest]).toEqual(answers);
    expect(lossesOf(after, await portraitOf(db, after))).toEqual([]);
  });
});
