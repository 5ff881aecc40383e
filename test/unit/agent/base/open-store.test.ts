import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../../../bootstrap/agent/base/open-store.ts";

const all = mkdtempSync(join(tmpdir(), "spawnpoint-open-store-"));
afterAll(() => rmSync(all, { recursive: true }));
let path: string;
let said: string[];
const log = (event: string) => void said.push(event);
beforeEach(() => {
  path = join(mkdtempSync(join(all, "one-")), "agent.db");
  said = [];
});

describe("the agent's database", () => {
  it("keeps what was kept", () => {
    const store = openStore(path, log);
    store.set("stopped_here", true);
    store.close();
    expect(openStore(path, log).get("stopped_here")).toBe(true);
    expect(said).toEqual([]);
  });

  it.each([
    ["no database", (whole: Buffer) => Buffer.from("x".repeat(whole.length))],
    ["damaged", (whole: Buffer) => Buffer.concat([whole.subarray(0, 100), Buffer.alloc(whole.length - 100, 7)])],
  ])("that is %s is put aside, and a new one is used", (_what, damage) => {
    openStore(path, log).close();
    const wrong = damage(readFileSync(path));
    writeFileSync(path, wrong);
    const store = openStore(path, log);
    expect(store.get("stopped_here")).toBeNull();
    expect(said).toEqual(["database_put_aside"]);
    expect(readFileSync(`${path}.unreadable`).equals(wrong)).toBe(true);
  });

  it("that cannot be opened for another reason stays where it is", () => {
    // Whoever may write anywhere meets no read-only disk; what cannot be opened at all is told apart in the same way.
    mkdirSync(path);
    expect(() => openStore(path, log)).toThrow();
    expect([existsSync(path), existsSync(`${path}.unreadable`), said]).toEqual([true, false, []]);
  });
});
