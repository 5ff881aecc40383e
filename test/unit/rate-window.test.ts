import { describe, it } from "vitest";
import { RateWindows } from "../../src/api/rate-window.ts";

describe("a rate window", () => {
  it("lets so many through a minute, says how many are left, and begins anew", ({ expect }) => {
    const windows = new RateWindows();
    const count = (now: number) => windows.count("key", 3, now);
    expect(count(0)).toEqual({ allowed: true, limit: 3, remaining: 2, reset_s: 60 });
    expect(count(30_000)).toMatchObject({ allowed: true, remaining: 1, reset_s: 30 });
    expect(count(59_500)).toMatchObject({ allowed: true, remaining: 0, reset_s: 1 });
    expect(count(59_999)).toMatchObject({ allowed: false, remaining: 0, reset_s: 1 });
    expect(count(60_000)).toMatchObject({ allowed: true, remaining: 2, reset_s: 60 });
  });

  it("counts each key by itself", ({ expect }) => {
    const windows = new RateWindows();
    windows.count("a", 1, 0);
    expect(windows.count("a", 1, 0).allowed).toBe(false);
    expect(windows.count("b", 1, 0).allowed).toBe(true);
  });

  it("remembers a bounded number of keys", ({ expect }) => {
    const windows = new RateWindows();
    for (let key = 0; key < 25_000; key++) windows.count(`stranger ${key}`, 1, 0);
    expect(windows.size).toBeLessThanOrEqual(10_000);
    windows.count("late", 1, 61_000);
    expect(windows.count("late", 1, 61_001).allowed).toBe(false);
  });
});
