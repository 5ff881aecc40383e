import { readFileSync } from "node:fs";
import { join } from "node:path";

const DOCS = join(import.meta.dirname, "../../../docs");

/** The cells of a document's table, without its head. @param heading the table is the first one under it. @param nth from 0 */
function tableOf(document: string, heading: string, nth = 0): string[][] {
  const [, section] = readFileSync(join(DOCS, document), "utf8").split(`\n${heading}\n`);
  if (section === undefined) throw new Error(`${document} has no heading "${heading}"`);
  const [own = ""] = section.split(/\n#+ /);
  const tables = own.split("\n\n").map((part) => part.trim());
  const table = tables.filter((part) => part.startsWith("|"))[nth];
  if (table === undefined) throw new Error(`${document} has no table under "${heading}"`);
  const [, , ...rows] = table.split("\n");
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim().replace(/^`(.*)`$/, "$1")),
  );
}

/** First cell → second cell. */
export function columnsOf(document: string, heading: string, nth = 0): Record<string, string> {
  return Object.fromEntries(tableOf(document, heading, nth).map(([name = "", value = ""]) => [name, value]));
}
