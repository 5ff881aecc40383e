import { describe, it } from "vitest";
import { findDeadPaths } from "../../../scripts/docs/dead-paths.ts";

const HERE: Readonly<Record<string, string | null>> = {
  "README.md": "# What it is\n\n## Where to go next\n",
  "docs/guide.md": "",
  "src/api/refusal.ts": "",
  "src/bot/reconcile/rollout.ts": "",
  "scripts/build.sh": "",
};

/** The names in this text that are dead, if it stands in this file beside the others. */
function deadIn(file: string, text: string): string[] {
  const files = new Map(Object.entries({ ...HERE, [file]: text }));
  const elsewhere = {
    names: new Set(["dev.json"]),
    isIgnored: (path: string) => path.startsWith("dist/"),
  };
  return findDeadPaths(files, elsewhere).map(({ line, name }) => `${line} ${name}`);
}

describe("a dead name is found in", () => {
  const PLANTED: [where: string, file: string, text: string, found: string[]][] = [
    ["Markdown", "docs/a.md", "It is told\nby src/api/refusals.ts.", ["2 src/api/refusals.ts"]],
    ["Markdown, as code", "docs/a.md", "`test` and `src/gone`", ["1 src/gone"]],
    ["Markdown's own code", "docs/a.md", "```sh\nbash scripts/gone.sh\n```", ["2 scripts/gone.sh"]],
    ["a link", "docs/a.md", "[here](../README.md), [there](README.md)", ["1 README.md"]],
    [
      "a link's anchor",
      "docs/a.md",
      "[x](../README.md#where-to-go-next) [y](../README.md#gone)",
      ["1 ../README.md#gone"],
    ],
    ["a line's comment", "src/a.ts", "const a = 1; // as in `refusals.ts`", ["1 refusals.ts"]],
    ["a block's comment", "src/a.ts", "/** One.\n * Two (api/refusals.ts).\n */", ["2 api/refusals.ts"]],
    ["a comment behind a template", "src/a.ts", "const a = `\u0024{`}`}//`; // gone.ts", ["1 gone.ts"]],
    ["a comment behind a regular expression", "src/a.ts", "const a = /[\"'`/]/; // gone.ts", ["1 gone.ts"]],
    ["a comment behind a division", "src/a.ts", "const a = b / c; // gone.ts / 2", ["1 gone.ts"]],
    ["a relative path", "src/api/a.ts", "// ../bot/gone.ts", ["1 ../bot/gone.ts"]],
    ["a path without its extension", "src/a.ts", "// `reconcile/gone`", ["1 reconcile/gone"]],
    ["a pattern", "src/a.ts", "// src/bot/**/gone*.ts", ["1 src/bot/**/gone*.ts"]],
    ["a script's comment", "scripts/a.sh", "run # as gone.sh does", ["1 gone.sh"]],
    ["settings", "wrangler.toml", "# gone.ts\nmain = 1 # src/gone.ts", ["1 gone.ts", "2 src/gone.ts"]],
    ["SQL", "src/a.sql", "SELECT 1; -- gone.ts", ["1 gone.ts"]],
  ];
  for (const [where, file, text, found] of PLANTED) {
    it(where, ({ expect }) => {
      expect(deadIn(file, text)).toEqual(found);
    });
  }
});

describe("no dead name is", () => {
  const FINE: [what: string, file: string, text: string][] = [
    ["a file that is there", "src/a.ts", "// src/api/refusal.ts, api/refusal.ts, refusal.ts, ./api/refusal.ts"],
    ["a directory that is there", "docs/a.md", "`src/bot/reconcile`, `reconcile/`, src/api"],
    ["a path without its extension", "src/a.ts", "// `reconcile/rollout`"],
    ["a pattern that something matches", "src/a.ts", "// src/bot/**/*.ts, roll*.ts, `src/{api,bot}`"],
    ["code", "src/a.ts", 'import "./gone.ts"; const a = ["gone.ts", `gone.ts`, /gone.ts/];'],
    ["an address", "docs/a.md", "https://example.com/gone.ts and <https://github.com/some/gone.ts>"],
    ["a path of another machine", "docs/a.md", "/etc/gone.json, ~/gone.json, $DIR/gone.json, <state>/gone.json"],
    ["a placeholder", "docs/a.md", "NAME.sh, scripts/NAME.ts"],
    ["what a build makes", "docs/a.md", "dist/agent.js"],
    ["what a local system writes", "src/a.ts", "// `dev.json`"],
    ["a route", "docs/a.md", "`GET /docs`, `POST /src/gone`, `/bots/{id}/config`"],
    ["an alternative", "docs/a.md", "and/or, 5/6, `application/json`"],
  ];
  for (const [what, file, text] of FINE) {
    it(what, ({ expect }) => {
      expect(deadIn(file, text)).toEqual([]);
    });
  }
});
