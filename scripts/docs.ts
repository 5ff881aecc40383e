/** `npm run docs`: writes the parts of documents that are generated. `--check`: fails where one is not up to date. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { withGenerated } from "./docs/generated.ts";
import { actionTable, stateDiagram } from "./docs/state-diagram.ts";

const DOCUMENT = "docs/architecture.md";
const PARTS = { "state diagram": `\`\`\`mermaid\n${stateDiagram()}\n\`\`\``, "action matrix": actionTable() };

const { values: options } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const file = join(import.meta.dirname, "..", DOCUMENT);
const present = readFileSync(file, "utf8");
const wanted = Object.entries(PARTS).reduce((text, [name, part]) => withGenerated(text, name, part), present);

if (wanted === present) console.log(`docs: ${DOCUMENT} is up to date`);
else if (options.check) {
  console.error(`${DOCUMENT} is not what the code says: run npm run docs, and read the difference`);
  process.exitCode = 1;
} else {
  writeFileSync(file, wanted);
  console.log(`docs: ${DOCUMENT} written`);
}
