import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import {
  ForeignFileError,
  makeForeignDirectory,
  readForeign,
  setAside,
  writeForeign,
} from "../../../../bootstrap/agent/base/foreign-files.ts";

const all = mkdtempSync(join(tmpdir(), "spawnpoint-foreign-"));
afterAll(() => rmSync(all, { recursive: true }));
let root: string;
let secret: string;
beforeEach(() => {
  root = mkdtempSync(join(all, "root-"));
  secret = join(mkdtempSync(join(all, "elsewhere-")), "secret");
  writeFileSync(secret, "the agent's own");
});

describe("a file below a directory that is somebody else's", () => {
  it("is read, and is null where it is not there", () => {
    writeFileSync(join(root, "a.md"), "text\n");
    expect(readForeign(root, join(root, "a.md"), 100)).toBe("text\n");
    expect(readForeign(root, join(root, "b.md"), 100)).toBeNull();
    expect(readForeign(root, join(root, "a.md"), 5)).toBe("text\n");
    expect(() => readForeign(root, join(root, "a.md"), 4)).toThrow("more than 4 bytes");
    expect(readForeign(root, join(root, "no", "such", "b.md"), 100)).toBeNull();
  });

  const mayMakeDevices = process.getuid?.() === 0;
  it.each<readonly [string, (path: string) => unknown]>([
    ["a link to a file", (path) => symlinkSync(secret, path)],
    ["a link to nothing", (path) => symlinkSync(join(root, "nothing"), path)],
    ["a directory", (path) => mkdirSync(path)],
    ["a pipe", (path) => execFileSync("mkfifo", [path])],
    ...(mayMakeDevices ? [["a device", (path: string) => execFileSync("mknod", [path, "c", "1", "5"])] as const] : []),
    ["a gigabyte", (path) => execFileSync("truncate", ["--size=1G", path])],
  ])("is not read where it is %s, and can be set aside and written", (_what, plant) => {
    const path = join(root, "AGENTS.md");
    plant(path);
    expect(() => readForeign(root, path, 1_000)).toThrow(ForeignFileError);
    const aside = setAside(path);
    writeForeign(root, path, "ours");
    expect(readForeign(root, path, 1_000)).toBe("ours");
    expect(readdirSync(root).sort()).toEqual(["AGENTS.md", aside.slice(root.length + 1)].sort());
    expect(readFileSync(secret, "utf8")).toBe("the agent's own");
  });

  it("is not reached through a linked directory, to read or to write", () => {
    symlinkSync(join(secret, ".."), join(root, "skills"));
    for (const touch of [
      () => readForeign(root, join(root, "skills", "secret"), 100),
      () => writeForeign(root, join(root, "skills", "secret"), "x"),
      () => writeForeign(root, join(root, "..", "secret"), "x"),
    ]) {
      expect(touch).toThrow(ForeignFileError);
    }
    expect(readFileSync(secret, "utf8")).toBe("the agent's own");
  });

  it("is replaced, not written into: a link there goes, and what it led to stays as it was", () => {
    symlinkSync(secret, join(root, "a.md"));
    writeForeign(root, join(root, "a.md"), "ours");
    expect([readFileSync(join(root, "a.md"), "utf8"), readFileSync(secret, "utf8")]).toEqual([
      "ours",
      "the agent's own",
    ]);
    expect(statSync(join(root, "a.md")).mode & 0o777).toBe(0o600);
  });

  it("is not read where it is no UTF-8, which would be written back as something else", () => {
    writeFileSync(join(root, "a.md"), Buffer.from([0x63, 0x61, 0x66, 0xe9]));
    expect(() => readForeign(root, join(root, "a.md"), 100)).toThrow(/not UTF-8/);
  });

  it("finds its directories made, whatever stood in their place", () => {
    symlinkSync(join(secret, ".."), join(root, "skills"));
    writeFileSync(join(root, "tmp"), "a file");
    for (const path of ["skills/rules", "tmp"]) makeForeignDirectory(root, join(root, path));
    writeForeign(root, join(root, "skills", "rules", "SKILL.md"), "ours");
    expect(statSync(join(root, "tmp")).isDirectory()).toBe(true);
    expect(readdirSync(join(secret, ".."))).toEqual(["secret"]);
  });

  it("is made with the directories on its way", () => {
    writeForeign(root, join(root, "skills", "rules", "SKILL.md"), "ours");
    expect(readForeign(root, join(root, "skills", "rules", "SKILL.md"), 100)).toBe("ours");
    expect(statSync(join(root, "skills")).mode & 0o777).toBe(0o700);
  });

  it("leaves nothing behind where it cannot be replaced", () => {
    mkdirSync(join(root, "a.md", "full"), { recursive: true });
    expect(() => writeForeign(root, join(root, "a.md"), "ours")).toThrow(ForeignFileError);
    expect(readdirSync(root)).toEqual(["a.md"]);
  });
});
