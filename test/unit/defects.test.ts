/**
 * The security defects of claw-spawn (https://github.com/janebot2026/claw-spawn) on the droplet: each is shown not to be
 * here. Those of the API are in test/worker/defects.test.ts.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../../bootstrap");
const files = readdirSync(ROOT).filter((name) => /\.(sh|service)$/.test(name));
const read = (name: string) => readFileSync(join(ROOT, name), "utf8");
const scripts = files.filter((name) => name.endsWith(".sh")).map((name) => ({ name, text: read(name) }));

describe("claw-spawn's W31: the agent is root by way of docker, and downloads run as root unseen", () => {
  it.each([
    ["agent", "spawnpoint-agent", "UMask=0077"],
    ["workload", "openclaw", "UMask=0027"],
  ])("has a unit for the %s, of its own user, without a capability or a way to gain one", (name, user, umask) => {
    const unit = read(`spawnpoint-${name}.service`).split("\n");
    for (const line of [
      `User=${user}`,
      umask,
      "NoNewPrivileges=yes",
      "PrivateTmp=yes",
      "ProtectSystem=strict",
      "ProtectHome=yes",
      "CapabilityBoundingSet=",
    ]) {
      expect(unit).toContain(line);
    }
    for (const { name, text } of scripts) {
      expect(text, name).not.toMatch(/usermod.*docker|adduser.*docker|-G\s*docker|SupplementaryGroups=.*docker/);
      expect(text, name).not.toMatch(/(curl|wget)[^\n|]*\|\s*(sudo\s+)?(ba|z|da)?sh\b/);
    }
  });
});

describe("claw-spawn's W33: files of fixed names in /tmp, and a config that everybody can read", () => {
  it("writes nothing into shared directories, and what is private as nobody else's", () => {
    for (const { name, text } of scripts) {
      const code = text.replaceAll(/^\s*#.*$/gm, "");
      expect(code, name).not.toMatch(/(^|[\s"'=>])(\/var)?\/tmp\//);
    }
    expect(read("bootstrap.sh")).toMatch(/umask 0?077/);
  });
});
