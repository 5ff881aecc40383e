import { describe, expect, it } from "vitest";
import { DiskWatch, type Room, whyNoRoom, whyRefused } from "../../../../bootstrap/agent/base/disk.ts";

const ROOM: Room = { read_only: false, free_bytes: 1e9, free_inodes: 1e6 };

describe("whether the disk takes writes", () => {
  it.each<[string, Partial<Room>, string | null]>([
    ["has room", {}, null],
    ["counts no inodes", { free_inodes: null }, null],
    ["has just enough", { free_bytes: 1024 * 1024, free_inodes: 16 }, null],
    ["has less than a start needs", { free_bytes: 1024 * 1024 - 1 }, "disk full"],
    ["has no inode", { free_inodes: 0 }, "disk full (no inodes left)"],
    ["is read-only, whatever its room", { read_only: true }, "disk full (read-only)"],
  ])("one that %s", (_what, changes, why) => expect(whyNoRoom({ ...ROOM, ...changes })).toBe(why));

  it.each([
    [{ code: "ENOSPC" }, "disk full"],
    [{ code: "EDQUOT" }, "disk full"],
    [{ code: "EROFS" }, "disk full (read-only)"],
    [{ code: "ERR_SQLITE_ERROR", errcode: 13 }, "disk full"],
    [{ code: "ERR_SQLITE_ERROR", errcode: 8 | (3 << 8) }, "disk full (read-only)"],
    [{ code: "ERR_SQLITE_ERROR", errcode: 10 }, "disk error"],
    [{ code: "EIO" }, "disk error"],
    ["no error at all", "disk error"],
  ])("a write that ends with %j", (error, why) => expect(whyRefused(error)).toBe(why));
});

it("is told of once as it changes, and what is owed is tried at every look", () => {
  let trouble: unknown = null;
  let retries = 0;
  const said: unknown[] = [];
  let changes = 0;
  const watch = new DiskWatch({
    directories: ["/"],
    store: {
      retry: () => {
        retries += 1;
      },
      get trouble() {
        return trouble;
      },
    },
    log: (_event, fields) => said.push(fields?.why),
    onChange: () => (changes += 1),
  });
  watch.look();
  trouble = { errcode: 13 };
  watch.look();
  watch.look();
  expect(watch.why).toBe("disk full");
  trouble = null;
  watch.look();
  expect([watch.why, said, changes, retries]).toEqual([null, ["disk full", null], 2, 4]);
});
