/** Holds the layers: fails where a file imports what stands above it, where files import in a circle, or where one was not seen. */
import { execFileSync } from "node:child_process";
import { cruiseTree } from "./layers/cruise.ts";
import { homeless } from "./layers/layers.ts";

const files = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", "src/**/*.ts", "bootstrap/agent/**/*.ts"],
  { encoding: "utf8" },
)
  .split("\n")
  .filter((file) => file !== "" && !file.endsWith(".d.ts"));

const { violations, imports, unseen } = await cruiseTree(process.cwd(), files);
for (const { rule, from, to } of violations) console.error(`${from} must not import ${to} (${rule})`);
for (const what of unseen) console.error(`not seen: ${what}`);
const strays = homeless(files);
for (const file of strays) console.error(`${file} belongs to no part, or to several: see scripts/layers/layers.ts`);
console.log(`layers: ${files.length} files, ${imports} imports between them, ${violations.length} violations`);
process.exit(violations.length + unseen.length + strays.length === 0 ? 0 : 1);
