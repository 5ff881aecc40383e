/** `npm run docs`: writes the parts of documents that are generated. `--check`: fails where one is not up to date. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ReportFile, RulesFile } from "../src/wire/trading-report.ts";
import { withGenerated } from "./docs/generated.ts";
import { jsonSchema } from "./docs/json-schema.ts";
import { actionTable, stateDiagram } from "./docs/state-diagram.ts";

const DOCUMENTS: Record<string, Record<string, string>> = {
  "docs/architecture.md": {
    "state diagram": `\`\`\`mermaid\n${stateDiagram()}\n\`\`\``,
    "action matrix": actionTable(),
  },
  "docs/trading-report.md": {
    "report.json schema": jsonSchema(ReportFile),
    "spawnpoint.json schema": jsonSchema(RulesFile),
  },
};

const { values: options } = parseArgs({ options: { check: { type: "boolean", default: false } } });

for (const [document, parts] of Object.entries(DOCUMENTS)) {
  const file = join(import.meta.dirname, "..", document);
  const present = readFileSync(file, "utf8");
  const wanted = Object.entries(parts).reduce((text, [name, part]) => withGenerated(text, name, part), present);
  if (wanted === present) console.log(`docs: ${document} is up to date`);
  else if (options.check) {
    console.error(`${document} is not what the code says: run npm run docs, and read the difference`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, wanted);
    console.log(`docs: ${document} written`);
  }
}
