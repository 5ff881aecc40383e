import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, onTestFinished } from "vitest";

const ROOT = join(import.meta.dirname, "../../..");

function checkDrift(...args: string[]) {
  const node = join(ROOT, "node_modules/.bin/node");
  const script = ["scripts/check-drift.ts", ...args];
  const { status, stdout, stderr } = spawnSync(node, script, { cwd: ROOT, encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
}

describe("the check for drift between the schema and the migrations", () => {
  it("passes this tree, and leaves it as it is", ({ expect }) => {
    const before = readdirSync(join(ROOT, "migrations"), { recursive: true });
    const { status, output } = checkDrift();
    expect(status, output).toBe(0);
    expect(readdirSync(join(ROOT, "migrations"), { recursive: true })).toEqual(before);
  });

  it.for([
    ["another-table", "CREATE TABLE `forgotten`"],
    ["renamed-column", "Interactive prompts"],
    ["another-check", "retired_keys_rotation"],
  ])("catches %s", ([schema, words], { expect }) => {
    const { status, output } = checkDrift("--schema", `test/fixtures/drift/${schema}.ts`);
    expect(status, output).toBe(1);
    expect(output).toContain(words);
  });

  it("catches a migration that is not there", ({ expect }) => {
    const migrations = mkdtempSync(join(tmpdir(), "spawnpoint-drift-test-"));
    onTestFinished(() => rmSync(migrations, { recursive: true, force: true }));
    cpSync(join(ROOT, "migrations"), migrations, { recursive: true });
    const snapshots = readdirSync(join(migrations, "meta")).filter((name) => name.endsWith("_snapshot.json"));
    rmSync(join(migrations, "meta", snapshots.sort().at(-1) ?? ""));
    expect(checkDrift("--migrations", migrations)).toMatchObject({ status: 1 });
  });
});
