import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { type Cruised, cruiseTree } from "../../scripts/layers/cruise.ts";
import { AGENT_LAYERS, homeless, LAYERS, type Part } from "../../scripts/layers/layers.ts";

/** A file of the part, by the part's name. */
function fileOf({ name }: Part, base: string): string {
  return name.endsWith(".ts") ? name : `${name}/${base}.ts`;
}

/** The imports of a file, each in another form. */
function importing(from: string, targets: readonly string[]): string {
  const up = "../".repeat(from.split("/").length - 1);
  return targets.map((to, index) => FORMS[index % FORMS.length]?.(`${up}${to}`, `it${index}`)).join("");
}

/** Each way in which a file can come to depend on another. */
const FORMS: readonly ((path: string, name: string) => string)[] = [
  (path, name) => `import { it as ${name} } from "${path}";\nexport const ${name}Used = ${name};\n`,
  (path, name) => `import type { It as ${name} } from "${path}";\nexport const ${name}Used: ${name} | null = null;\n`,
  (path, name) => `export { it as ${name} } from "${path}";\n`,
  (path, name) => `export const ${name} = () => import("${path}");\n`,
];

interface Plant {
  from: string;
  to: string;
}

/** Every import that the table forbids: from each part to each that does not stand below it. */
function forbidden(table: readonly (readonly Part[])[]): Plant[] {
  return table.flatMap((parts, height) =>
    parts.flatMap((part) =>
      table
        .slice(height)
        .flat()
        .filter((other) => other !== part)
        .map((other) => ({ from: fileOf(part, "planted"), to: fileOf(other, "target") })),
    ),
  );
}

describe("the linter of layers", () => {
  let root: string;
  let cruised: Cruised;
  let hidden: Cruised;
  const planted = [...forbidden(LAYERS), ...forbidden(AGENT_LAYERS)];
  const outside: Plant = { from: "src/wire/from-tests.ts", to: "test/fixture.ts" };
  const circle = ["src/wire/here.ts", "src/wire/there.ts"] as const;

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "layers-"));
    const write = (file: string, text: string) => {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    };
    for (const part of [...LAYERS, ...AGENT_LAYERS].flat()) {
      write(fileOf(part, "target"), "export const it = 1;\nexport interface It {\n  is: number;\n}\n");
    }
    write(outside.to, "export const it = 1;\n");
    const plants = [...planted, outside];
    const sources = new Set(plants.map(({ from }) => from));
    for (const from of sources) {
      const targets = plants.filter((plant) => plant.from === from).map(({ to }) => to);
      write(from, importing(from, targets));
    }
    write(circle[0], 'import type { There } from "./there.ts";\nexport interface Here {\n  there: There;\n}\n');
    write(circle[1], 'import type { Here } from "./here.ts";\nexport interface There {\n  here: Here;\n}\n');
    const all = new Set([
      ...[...LAYERS, ...AGENT_LAYERS].flat().map((part) => fileOf(part, "target")),
      ...plants.flatMap(({ from, to }) => [from, to]),
      ...circle,
    ]);
    cruised = await cruiseTree(root, [...all]);
    write(
      "src/wire/hiding.ts",
      'export async function it<T extends object>(it: T): Promise<T> {\n  await import("../api/target.ts");\n  return it;\n}\n',
    );
    hidden = await cruiseTree(root, ["src/wire/hiding.ts", "src/api/target.ts"]);
  }, 120_000);

  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it("sees every file and every import", ({ expect }) => {
    expect(cruised.unseen).toEqual([]);
    expect(cruised.imports).toBe(planted.length + 1 + circle.length);
  });

  it("catches an import against each rule, in whichever form", ({ expect }) => {
    const caught = new Set(cruised.violations.map(({ from, to }) => `${from} → ${to}`));
    expect(planted.map(({ from, to }) => `${from} → ${to}`).filter((plant) => !caught.has(plant))).toEqual([]);
  });

  it("has a planted import for each part but the highest", ({ expect }) => {
    const broken = new Set(cruised.violations.map(({ rule }) => rule));
    const highest = [LAYERS.at(-1), AGENT_LAYERS.at(-1)].flat().map((part) => part?.name);
    const parts = [...LAYERS, ...AGENT_LAYERS].flat().map(({ name }) => name);
    expect(parts.filter((name) => !broken.has(name) && !highest.includes(name))).toEqual([]);
  });

  it("catches a circle, even one of types alone", ({ expect }) => {
    const circles = cruised.violations.filter(({ rule }) => rule === "no-circle").map(({ from }) => from);
    expect(circles.some((from) => circle.some((file) => file === from))).toBe(true);
  });

  it("catches what the code takes from its tests", ({ expect }) => {
    expect(cruised.violations).toContainEqual({ rule: "nothing-from-outside", ...outside });
  });

  it("says what it has not seen, where syntax of TypeScript hides an import from the parser", ({ expect }) => {
    expect(hidden.unseen).toEqual(["src/wire/hiding.ts → src/api/target.ts"]);
  });

  it("says which file belongs to no part", ({ expect }) => {
    expect(homeless(["src/bot/model/state.ts", "src/bot/loose.ts", "src/stray/file.ts"])).toEqual([
      "src/bot/loose.ts",
      "src/stray/file.ts",
    ]);
  });
});
