/** Everything that is written goes through one place each, in the control plane and in the agent: there it is redacted. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const WRITES = /\bconsole\s*[.[]|\bprocess\s*\.\s*(?:stdout|stderr)\b|\butil\.debuglog\b/;

it("nothing in src or bootstrap/agent writes to the console beside the two loggers and a local system's messages", ({
  expect,
}) => {
  const files = globSync(["src/**/*.ts", "bootstrap/agent/**/*.ts"], { cwd: ROOT });
  expect(files.length).toBeGreaterThan(100);
  const writers = files.filter((file) => WRITES.test(readFileSync(join(ROOT, file), "utf8")));
  expect(writers.sort()).toEqual(["bootstrap/agent/main.ts", "src/cloudflare/log.ts", "src/people/mail.ts"]);
});
