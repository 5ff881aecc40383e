/** What the mechanism says, over the droplet and over kinds that are planted here. */
import { describe, it } from "vitest";
import { confirmMissing, removeResource } from "../../../src/resources/absence.ts";
import { dropletKind } from "../../../src/resources/droplet.ts";
import { resolveIntent } from "../../../src/resources/intent.ts";
import type { Bounds, Evidence, PendingCreate, PendingDelete, ResourceKind } from "../../../src/resources/kind.ts";
import { diskKind, listedDiskKind } from "./planted.ts";

const T = 1_000_000;
const BOUNDS: Bounds = {
  call_timeout_ms: 30,
  look_window_ms: 120,
  replication_window_ms: 120,
  redelete_after_ms: 180,
  confirm_gone_poll_ms: 3,
  poll_young_for_ms: 60,
  poll_old_ms: 15,
};

const GONE = { step: "gone" };

function waitUntil(until: number): object {
  return { step: "wait", until };
}

/** No read has ever shown it. */
function unseen(missed_at: number[]): Partial<Evidence> {
  return { seen_by_id: false, missed_at };
}

function looks(count: number): PendingCreate["looks"] {
  return Array.from({ length: count }, () => ({ how: "list", began_at: T }));
}

describe("a create without an answer", () => {
  const CREATE: PendingCreate = { opened_at: T, ended_at: T + 10, looks: [] };
  const TABLE: [string, ResourceKind, Partial<PendingCreate>, now: number, step: object][] = [
    ["a droplet, just now", dropletKind, {}, T + 10, { step: "wait", until: T + 12 }],
    ["a droplet, its first look due", dropletKind, {}, T + 12, { step: "look", how: "name" }],
    ["a droplet, its second", dropletKind, { looks: looks(1) }, T + 20, { step: "look", how: "tag" }],
    ["a droplet, its last too early", dropletKind, { looks: looks(6) }, T + 129, { step: "wait", until: T + 130 }],
    ["a droplet, its last", dropletKind, { looks: looks(6) }, T + 130, { step: "look", how: "list" }],
    ["a droplet, looked for in full", dropletKind, { looks: looks(7) }, T + 130, { step: "absent" }],
    ["a droplet, during whose POST we died", dropletKind, { ended_at: null }, T, { step: "wait", until: T + 32 }],
    ["a listed kind, just now", listedDiskKind, {}, T + 10, { step: "wait", until: T + 70 }],
    ["a listed kind, its last look", listedDiskKind, { looks: looks(1) }, T + 130, { step: "look", how: "list" }],
    ["a listed kind, looked for in full", listedDiskKind, { looks: looks(2) }, T + 130, { step: "absent" }],
    ["an idempotent kind", diskKind, {}, T + 10, { step: "repeat" }],
    ["an idempotent kind whose create may still run", diskKind, { ended_at: null }, T + 29, waitUntil(T + 30)],
    ["an idempotent kind during whose create we died", diskKind, { ended_at: null }, T + 30, { step: "repeat" }],
  ];
  it.for(TABLE)("%s", ([, kind, changes, now, step], { expect }) => {
    expect(resolveIntent(kind, { ...CREATE, ...changes }, now, BOUNDS)).toEqual(step);
  });
});

describe("the evidence that a resource is gone", () => {
  const SHOWN: Evidence = { found_at: T, seen_by_id: true, read_at: T, missed_at: [], absent_at: {} };
  const LATE = [T + 121];
  const TABLE: [string, ResourceKind, Partial<Evidence>, since: number, now: number, step: object][] = [
    ["a droplet that no read has missed", dropletKind, {}, 0, T + 15, { step: "read" }],
    ["… read just now", dropletKind, { read_at: T + 2 }, 0, T + 3, waitUntil(T + 17)],
    ["… deleted just now", dropletKind, {}, T + 2, T + 3, waitUntil(T + 5)],
    ["a droplet with a 404", dropletKind, { missed_at: [T] }, 0, T, { step: "look", how: "name" }],
    ["… absent by name", dropletKind, { missed_at: [T], absent_at: { name: T } }, 0, T, { step: "look", how: "tag" }],
    ["… absent by name and tag", dropletKind, { missed_at: [T], absent_at: { name: T, tag: T } }, 0, T, GONE],
    [
      "… absent before its DELETE had ended",
      dropletKind,
      { missed_at: [T], absent_at: { name: T, tag: T } },
      T + 1,
      T + 1,
      { step: "look", how: "name" },
    ],
    ["… whose DELETE may still run", dropletKind, { missed_at: [T] }, T + 9, T, waitUntil(T + 9)],
    ["a droplet that no read has shown, one 404", dropletKind, unseen(LATE), 0, T + 200, { step: "read" }],
    ["… two, within the replication window", dropletKind, unseen([T + 1, T + 119]), 0, T + 200, { step: "read" }],
    ["… two, the last after it", dropletKind, unseen([T + 1, T + 120]), 0, T + 200, { step: "look", how: "name" }],
    ["a kind without a list, shown before", diskKind, { missed_at: [T] }, 0, T, GONE],
    ["… never shown, within the window", diskKind, unseen([T + 119]), 0, T + 200, { step: "read" }],
    ["… never shown, after it", diskKind, unseen(LATE), 0, T + 200, GONE],
    ["a kind of which three 404s count, two", listedDiskKind, unseen([T, T + 121]), 0, T + 200, { step: "read" }],
    ["… three", listedDiskKind, unseen([T, T + 1, T + 121]), 0, T + 200, { step: "look", how: "list" }],
    [
      "… three, and not in the list",
      listedDiskKind,
      { ...unseen([T, T, T + 121]), absent_at: { list: T } },
      0,
      T,
      GONE,
    ],
  ];
  it.for(TABLE)("%s", ([, kind, changes, since, now, step], { expect }) => {
    expect(confirmMissing(kind, { ...SHOWN, ...changes }, since, now, BOUNDS)).toEqual(step);
  });

  const DOOMED: PendingDelete = { sent_at: T, ended_at: T + 5 };
  const REMOVALS: [string, ResourceKind, Partial<Evidence>, Partial<PendingDelete>, now: number, step: object][] = [
    ["no DELETE was sent", diskKind, {}, { sent_at: null, ended_at: null }, T, { step: "delete" }],
    ["its DELETE runs", diskKind, {}, { ended_at: null }, T + 3, waitUntil(T + 33)],
    ["its DELETE ended", diskKind, {}, {}, T + 5, waitUntil(T + 8)],
    ["shown again since, after minutes", diskKind, { read_at: T + 6 }, {}, T + 180, { step: "delete" }],
    ["shown again since, within minutes", diskKind, { read_at: T + 6 }, {}, T + 179, { step: "read" }],
    ["not looked at since, after minutes", diskKind, {}, {}, T + 180, { step: "read" }],
    ["read while its DELETE ran, after minutes", diskKind, { read_at: T + 5 }, {}, T + 180, { step: "read" }],
    ["not there after minutes", diskKind, { missed_at: [T + 9] }, {}, T + 180, GONE],
    ["a droplet, not there", dropletKind, { missed_at: [T + 9] }, {}, T + 180, { step: "look", how: "name" }],
  ];
  it.for(REMOVALS)("after a removal: %s", ([, kind, changes, doomed, now, step], { expect }) => {
    const resource = { evidence: { ...SHOWN, ...changes }, doomed: { ...DOOMED, ...doomed } };
    expect(removeResource(kind, resource, now, BOUNDS)).toEqual(step);
  });
});
