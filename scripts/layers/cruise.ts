/** Reads the imports of a tree with dependency-cruiser, and makes sure that it has read all of them. */
import { readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import { AGENT_LAYERS, LAYERS, rulesOf } from "./layers.ts";

interface Violation {
  rule: string;
  from: string;
  to: string;
}

export interface Cruised {
  violations: Violation[];
  files: number;
  imports: number;
  /** Files and imports that are there, and that it did not see. */
  unseen: string[];
}

/**
 * dependency-cruiser has no parser for TypeScript 7 and reads what it can: what it may have missed is looked for here,
 * more simply, and reported.
 * @param root the tree's directory. @param files paths of all its TypeScript files, from there
 */
export async function cruiseTree(root: string, files: readonly string[]): Promise<Cruised> {
  const { output } = await cruise([...files], {
    baseDir: root,
    validate: true,
    ruleSet: { forbidden: rulesOf([LAYERS, AGENT_LAYERS]) },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
  });
  const { modules, summary } = output as ICruiseResult;
  const seen = new Map(
    modules.map(({ source, dependencies }) => [source, new Set(dependencies.map(({ resolved }) => resolved))]),
  );
  const named = files.flatMap((file) => importsOf(root, file).map((to) => ({ file, to })));
  return {
    violations: summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to })),
    files: files.length,
    imports: named.length,
    unseen: [
      ...files.filter((file) => !seen.has(file)),
      ...named.filter(({ file, to }) => !seen.get(file)?.has(to)).map(({ file, to }) => `${file} → ${to}`),
    ],
  };
}

/** Imports of other files of the tree, by text alone. */
function importsOf(root: string, file: string): string[] {
  const text = readFileSync(join(root, file), "utf8").replace(/^\s*(\/\/|\/?\*).*$/gm, "");
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.{1,2}\/[^"]+\.ts)"/g);
  return [...found].flatMap(([, path]) => (path ? [posix.join(dirname(file), path)] : []));
}
