/**
 * `npm run record:d1 -- RELEASE`: writes down everything that this tree's Worker asks D1 in the life that
 * test/worker/d1-story.test.ts tells. Later migrations are tested against it, so it is recorded with each release.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const Value = z.union([z.string(), z.number(), z.null()]);
const Recorded = z.array(z.array(z.object({ statement: z.string(), params: z.array(Value) })));
const MARK = "RECORDED ";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const release = process.argv[2];
if (!/^\d+\.\d+\.\d+$/.test(release ?? "")) throw new Error("which release? Such as 0.2.0");

const story = ["run", "--project", "worker-alone", "test/worker/d1-story.test.ts"];
const { stdout } = spawnSync(join(root, "node_modules/.bin/vitest"), story, {
  cwd: root,
  encoding: "utf8",
  env: { ...process.env, RECORD_D1: "1" },
  maxBuffer: 64 * 1024 * 1024,
});
const line = stdout.split("\n").find((text) => text.includes(MARK));
if (line === undefined) throw new Error(`the story was not told to its end:\n${stdout.slice(-4_000)}`);
const batches = Recorded.parse(JSON.parse(line.slice(line.indexOf(MARK) + MARK.length)));

// Each text once; a batch names its texts by their number. Reads that repeat the one before say nothing new.
const statements = [...new Set(batches.flat().map(({ statement }) => statement))];
const numbered = batches
  .map((batch) => batch.map(({ statement, params }) => [statements.indexOf(statement), ...params]))
  .filter((batch, index, all) => JSON.stringify(batch) !== JSON.stringify(all[index - 1]));
const migrations = readdirSync(join(root, "migrations")).filter((name) => name.endsWith(".sql"));
const lines = (values: readonly unknown[]) => values.map((value) => `    ${JSON.stringify(value)}`).join(",\n");
const text = `{
  "release": "${release}",
  "last_migration": "${migrations.sort().at(-1)}",
  "statements": [\n${lines(statements)}\n  ],
  "batches": [\n${lines(numbered)}\n  ]
}\n`;
const dir = join(root, "test/fixtures/d1");
mkdirSync(dir, { recursive: true });
writeFileSync(join(dir, `${release}.json`), text);
console.log(`${statements.length} statements in ${numbered.length} batches of release ${release}`);
