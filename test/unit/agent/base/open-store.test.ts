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

  it("that cannot be opened for another reason stays where it is, and is done without", () => {
    mkdirSync(path);
    const store = openStore(path, log);
    store.set("stopped_here", true);
    expect([store.get("stopped_here"), store.durable, store.trouble]).toEqual([true, false, expect.anything()]);
    expect([existsSync(path), existsSync(`${path}.unreadable`), said]).toEqual([true, false, []]);
  });

  it("that is found damaged later is put aside, and written anew from what is known", () => {
    const store = openStore(path, log);
    store.set("stopped_here", true);
    writeFileSync(path, "x".repeat(readFileSync(path).length));
    store.set("last_stage", "1");
    store.set("last_stage", "2");
    expect([said, store.durable]).toEqual([["database_put_aside"], true]);
    store.close();
    expect(openStore(path, log).get("stopped_here")).toBe(true);
  });
});
