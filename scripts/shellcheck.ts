/** Runs shellcheck over every shell script of the repository. */
import { execFileSync, spawnSync } from "node:child_process";

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.sh", ".ci/run"], {
  encoding: "utf8",
})
  .split("\n")
  .filter(Boolean);
const { error, status } = spawnSync("shellcheck", files, { stdio: "inherit" });
if (error) {
  console.error("shellcheck is needed to check the shell scripts: install it (Debian: apt-get install shellcheck).");
  process.exit(1);
}
console.log(`shellcheck: ${files.length} scripts checked`);
process.exit(status ?? 1);
