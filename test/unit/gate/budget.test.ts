import { describe, it } from "vitest";
import { defaultLimits, healLimits, type Load, waitFor } from "../../../src/provider/gate/budget.ts";
import type { PermitKind } from "../../../src/provider/gate/permit.ts";

const idle: Load = {
  minute: 0,
  hour: 0,
  background_minute: 0,
  creates: 0,
  ahead: 0,
  creates_ahead: 0,
  queue: 0,
  creates_queue: 0,
  create_ms: 45_000,
};

describe("who may spend a request now", () => {
  const cases: { name: string; kind: PermitKind; load: Partial<Load>; granted: boolean }[] = [
    { name: "anybody, while little is spent", kind: "poll", load: {}, granted: true },
    { name: "background work up to its pace", kind: "poll", load: { background_minute: 77 }, granted: true },
    { name: "no background work beyond its pace", kind: "poll", load: { background_minute: 78 }, granted: false },
    { name: "a person all the same", kind: "user_action", load: { background_minute: 78, minute: 78 }, granted: true },
    { name: "a person up to the burst", kind: "user_action", load: { minute: 239 }, granted: true },
    { name: "nobody beyond the burst", kind: "user_action", load: { minute: 240 }, granted: false },
    { name: "no background work from the people's reserve", kind: "poll", load: { hour: 4_850 }, granted: false },
    { name: "a person from that reserve", kind: "user_action", load: { hour: 4_850 }, granted: true },
    { name: "nobody beyond the hour", kind: "user_action", load: { hour: 5_000 }, granted: false },
    { name: "the tenth create", kind: "create", load: { creates: 9 }, granted: true },
    { name: "not an eleventh create", kind: "create", load: { creates: 10 }, granted: false },
    {
      name: "not before those that wait for a create",
      kind: "create",
      load: { creates: 8, ahead: 2, creates_ahead: 2 },
      granted: false,
    },
    {
      name: "nobody before those who wait with a better right",
      kind: "poll",
      load: { background_minute: 70, ahead: 8 },
      granted: false,
    },
  ];
  for (const { name, kind, load, granted } of cases) {
    it(name, ({ expect }) => {
      expect(waitFor(kind, { ...idle, ...load }, defaultLimits) === null).toBe(granted);
    });
  }

  it("lets the next in line ask every second, and those behind according to their place", ({ expect }) => {
    expect(waitFor("create", { ...idle, creates: 10 }, defaultLimits)).toBe(1_000);
    expect(waitFor("create", { ...idle, creates: 10, creates_queue: 100 }, defaultLimits)).toBe(337_500);
    expect(waitFor("poll", { ...idle, background_minute: 78, queue: 780 }, defaultLimits)).toBe(600_000);
  });
});

describe("how many may be healed at once", () => {
  it("is three or 2 % of the fleet, and it is held above ten or 5 %", ({ expect }) => {
    expect(healLimits(0)).toEqual({ at_once: 3, hold_above: 10 });
    expect(healLimits(5_000)).toEqual({ at_once: 100, hold_above: 250 });
  });
});
