import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { AlreadyRunningError, lockInstance } from "../../../../bootstrap/agent/base/instance-lock.ts";

const directory = mkdtempSync(join(tmpdir(), "spawnpoint-lock-"));
afterAll(() => rmSync(directory, { recursive: true }));

describe("the lock of the only agent", () => {
  it("is one's until it is let go of", () => {
    const path = join(directory, "agent.lock");
    const first = lockInstance(path);
    expect(first.unavailable).toBeNull();
    expect(() => lockInstance(path)).toThrow(AlreadyRunningError);
    expect(() => lockInstance(path)).toThrow(path);
    first.release();
    const next = lockInstance(path);
    expect(next.unavailable).toBeNull();
    next.release();
  });

  it("that cannot be had for another reason keeps nobody from running", () => {
    const path = join(directory, "in-its-way");
    mkdirSync(path);
    const { unavailable, release } = lockInstance(path);
    expect(String(unavailable)).toContain("unable to open");
    release();
  });
});
