/** What the documents tell a new user to type, typed. */
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

/** The shell commands of a section, all its blocks in order, with the local state that the test has. */
async function commandsOf(document: string, section: string, state_dir: string): Promise<string> {
  const text = await readFile(`${ROOT}/${document}`, "utf8");
  const [, rest = ""] = text.split(`\n## ${section}\n`);
  const [body = ""] = rest.split("\n## ");
  const blocks = [...body.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block);
  if (blocks.length === 0) throw new Error(`${document} has no commands under "${section}"`);
  return blocks.join("\n").replace("STATE=.spawnpoint", `STATE=${state_dir}`);
}

/** @returns what the commands print */
async function type(document: string, section: string): Promise<string> {
  const commands = await commandsOf(document, section, system.state_dir);
  const { stdout } = await promisify(execFile)("bash", ["-eu", "-c", commands], { cwd: ROOT });
  return stdout;
}

describe("the API guide", () => {
  it("leads from signing up to a bot online, by a key that opens nothing once it is revoked", async ({ expect }) => {
    const stdout = await type("docs/api-guide.md", "Sign up, create a key, create a bot");
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
    has('"detail":"The API key is revoked. Use another one."');
    has('"action":"createBot"');
    expect(await readFile(`${system.state_dir}/worker.log`, "utf8")).not.toContain("correct horse battery");
  });
});

describe("README", () => {
  it("leads from a new bot through its everyday tasks to its end", async ({ expect }) => {
    const stdout = await type("README.md", "Five everyday tasks");
    const lines = stdout.split("\n");
    const statuses = lines.filter((line) => /^(online|paused|destroyed)$/.test(line));
    expect(statuses, stdout).toEqual(["online", "paused", "online", "destroyed"]);
    // The config's versions, and what differs between the first two.
    expect(lines, stdout).toEqual(expect.arrayContaining(["2", "3"]));
    expect(stdout).toContain("/trading_config/strictness");
    // The history, and the workload's log.
    expect(stdout).toContain("Night Owl");
    expect(stdout).toContain("gateway listening");
  });
});
