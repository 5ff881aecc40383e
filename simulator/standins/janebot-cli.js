// Stands in for the customizer: leaves a sign in the workspace that it was there.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const args = process.argv.slice(2);
const at = args.indexOf("-d");
const workspace = at < 0 ? undefined : args[at + 1];
if (args[0] !== "init" || workspace === undefined) {
  console.error("usage: janebot-cli init -d <workspace>");
  process.exit(2);
}
mkdirSync(workspace, { recursive: true });
writeFileSync(join(workspace, "IDENTITY.md"), `${args.slice(1).join("\n")}\n`);
console.log(`initialised ${workspace}`);
