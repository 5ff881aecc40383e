import fc from "fast-check";
import { describe, it } from "vitest";
import { decodeCursor, encodeCursor, toPage } from "../../../src/db/pages.ts";

const ID = "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";

describe("a cursor", () => {
  it("leads back to the position that it was made of, and is fit for a URL", async ({ expect }) => {
    fc.assert(
      fc.property(fc.nat(9_007_199_254_740_991), fc.uuid(), (at, id) => {
        const cursor = encodeCursor({ at, id });
        expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(decodeCursor(cursor)).toEqual({ at, id });
      }),
    );
  });

  const cursorOf = (text: string) => btoa(text).replace(/=+$/, "");
  const GARBAGE: [string, string][] = [
    ["nothing", ""],
    ["what is not base64", "%%%"],
    ["other characters", "é"],
    ["a word", cursorOf("hello")],
    ["a time alone", cursorOf("1700000000000")],
    ["a time and no id", cursorOf("1700000000000 ")],
    ["a negative time", cursorOf(`-1 ${ID}`)],
    ["a broken time", cursorOf(`1.5 ${ID}`)],
    ["a time beyond all bounds", cursorOf(`${"9".repeat(17)} ${ID}`)],
    ["an id that is none", cursorOf("1 bot")],
    ["an id in capitals", cursorOf(`1 ${ID.toUpperCase()}`)],
    ["a third part", cursorOf(`1 ${ID} x`)],
    ["something for the database", cursorOf(`1 ' OR 1=1 --`)],
  ];
  for (const [what, cursor] of GARBAGE) {
    it(`is not ${what}`, async ({ expect }) => {
      expect(decodeCursor(cursor)).toBe(null);
    });
  }

  it("of any other text is none, and never throws", async ({ expect }) => {
    fc.assert(
      fc.property(fc.string({ maxLength: 600 }), (text) => {
        expect(decodeCursor(text)).toBe(null);
      }),
    );
  });
});

describe("a page", () => {
  const rows = Array.from({ length: 4 }, (_, n) => ({ created_at: 100 - n, id: `${n}${ID.slice(1)}` }));
  const position = ({ created_at: at, id }: { created_at: number; id: string }) => ({ at, id });

  it("that leaves something over says where to go on: after its own last row", async ({ expect }) => {
    const { data, next_cursor } = toPage(rows, 3, position);
    expect(data).toEqual(rows.slice(0, 3));
    expect(decodeCursor(next_cursor ?? "")).toEqual({ at: 98, id: rows[2]?.id });
  });

  it("that holds the rest is the last", async ({ expect }) => {
    expect(toPage(rows, 4, position)).toEqual({ data: rows, next_cursor: null });
    expect(toPage([], 4, position)).toEqual({ data: [], next_cursor: null });
  });
});
