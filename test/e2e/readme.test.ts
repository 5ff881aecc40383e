/** What README tells a new user to type, typed. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, it } from "vitest";
import { ROOT, System } from "./system.ts";

let system: System;
beforeAll(async () => {
  system = await System.start();
});
afterAll(() => system.remove());

/** The shell commands of a section, with the local state that the test has. */
async function commandsOf(section: string, state_dir: string): Promise<string> {
  const readme = await readFile(`${ROOT}/README.md`, "utf8");
  const block = /```sh\n(.*?)```/s.exec(readme.split(`\n## ${section}\n`)[1] ?? "")?.[1];
  if (block === undefined) throw new Error(`README has no commands under "${section}"`);
  return block.replace("STATE=.spawnpoint", `STATE=${state_dir}`);
}

describe("README", () => {
  it("leads from signing up to a bot online, by a key that opens nothing once it is revoked", async ({ expect }) => {
    const commands = await commandsOf("People, keys and bots", system.state_dir);
    const { stdout } = await promisify(execFile)("bash", ["-eu", "-c", commands], { cwd: ROOT });
    const answers = stdout.replaceAll("}{", "}\n{").split("\n");
    const has = (part: string) =>
      expect(
        answers.filter((answer) => answer.includes(part)),
        stdout,
      ).not.toEqual([]);
    has('"status":"accepted"');
    has('"status":"verified"');
    has('"subscription_tier":"basic"');
    has('"reached":true');
    has('"detail":"The key is revoked."');
    has('"action":"createBot"');
    expect(await readFile(`${system.state_dir}/worker.log`, "utf8")).not.toContain("correct horse battery");
  });
});
