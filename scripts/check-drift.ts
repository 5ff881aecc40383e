/**
 * `npm run check:drift`: fails where the schema says something that no migration does. `drizzle-kit check` looks at the
 * migrations alone, and finds them fine then; so they are copied, and drizzle-kit may write there what it misses.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** drizzle-kit's words. */
const NO_DRIFT = "No schema changes";

const { values: options } = parseArgs({
  options: { schema: { type: "string", default: "src/db/schema.ts" }, migrations: { type: "string" } },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const migrations = options.migrations ?? join(root, "migrations");
const scratch = mkdtempSync(join(tmpdir(), "spawnpoint-drift-"));

function check(): number {
  cpSync(migrations, scratch, { recursive: true });
  const before = filesOf(scratch);
  // Relative to the root: drizzle-kit takes no other path.
  const place = ["--dialect", "sqlite", "--out", relative(root, scratch)];
  const sound = drizzleKit("check", ...place);
  if (!sound.ok) return report(`The migrations do not fit together:\n${sound.output}`);
  const generated = drizzleKit("generate", ...place, "--schema", options.schema, "--name", "drift");
  const written = [...filesOf(scratch)].filter(([name, text]) => before.get(name) !== text);
  // It ends with 0 also where it failed, such as at a question that nobody could answer.
  if (generated.ok && generated.output.includes(NO_DRIFT) && written.length === 0) {
    console.log(`drift: none between ${options.schema} and ${before.size} files of migrations`);
    return 0;
  }
  const missing = written.filter(([name]) => name.endsWith(".sql")).map(([, text]) => text);
  return report(`The schema and the migrations differ. What is missing:\n${missing.join("\n") || generated.output}`);
}

function drizzleKit(...args: string[]): { ok: boolean; output: string } {
  // Nobody is asked: a column that may be a renamed one is a difference like any other.
  const { status, stdout, stderr } = spawnSync(join(root, "node_modules/.bin/drizzle-kit"), args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { ok: status === 0, output: `${stdout}${stderr}` };
}

function filesOf(dir: string): Map<string, string> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [relative(dir, path), readFileSync(path, "utf8")];
    }),
  );
}

function report(text: string): number {
  console.error(text);
  return 1;
}

try {
  process.exitCode = check();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
