import { createHash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, it } from "vitest";
import { toHex } from "../../../src/wire/digest.ts";
import { constantTimeEqual, formatToken, hashToken, parseToken, uuidFromHex } from "../../../src/wire/tokens.ts";

const OWNER = "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";
const SECRET = Uint8Array.from(randomBytes(32));
const KINDS = ["reg", "agt", "op"] as const;

const tokens = fc
  .record({
    kind: fc.constantFrom(...KINDS),
    owner: fc.uuid(),
    secret: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  })
  .map(({ kind, owner, secret }) => ({ kind, owner, token: formatToken(kind, owner, secret) }));

describe("a token", () => {
  it("names its purpose, its owner and a secret, and ends with their checksum", async ({ expect }) => {
    const token = formatToken("reg", OWNER, SECRET);
    const body = `sp_reg_0d5f6a3e6c0b4f0e9d3a7f1f0c1b2a3d_${toHex(SECRET)}`;
    expect(token).toBe(body + crc32(body).toString(16).padStart(8, "0"));
  });

  it("says of itself what it was made of", async ({ expect }) => {
    fc.assert(
      fc.property(tokens, ({ kind, owner, token }) => {
        expect(parseToken(token)).toEqual({ kind, owner });
      }),
    );
  });

  it("with any one character changed is refused", async ({ expect }) => {
    const characters = fc.constantFrom(..."0123456789abcdefgoprt_ZÀ ");
    fc.assert(
      fc.property(tokens, fc.nat(200), characters, ({ token }, where, character) => {
        const at = where % token.length;
        fc.pre(token[at] !== character);
        expect(parseToken(token.slice(0, at) + character + token.slice(at + 1))).toBe(null);
      }),
      { numRuns: 2000 },
    );
  });

  it("with two characters swapped is refused", async ({ expect }) => {
    fc.assert(
      fc.property(tokens, fc.nat(200), ({ token }, where) => {
        const at = where % (token.length - 1);
        const [a = "", b = ""] = token.slice(at, at + 2);
        fc.pre(a !== b);
        expect(parseToken(token.slice(0, at) + b + a + token.slice(at + 2))).toBe(null);
      }),
    );
  });

  const GOOD = formatToken("agt", OWNER, SECRET);
  const SHAPES: [string, string][] = [
    ["nothing", ""],
    ["a space around it", ` ${GOOD}`],
    ["a line feed after it", `${GOOD}\n`],
    ["capitals", GOOD.toUpperCase()],
    ["its body alone", GOOD.slice(0, -8)],
    ["a digit too many", `${GOOD}0`],
    ["another product's prefix", `xx${GOOD.slice(2)}`],
    ["a kind that there is not", withChecksum(GOOD.slice(0, -8).replace("_agt_", "_adm_"))],
    ["a SHA-256", createHash("sha256").update(GOOD).digest("hex")],
  ];
  for (const [what, text] of SHAPES) {
    it(`is not ${what}`, async ({ expect }) => {
      expect(parseToken(text)).toBe(null);
    });
  }

  it("is stored as its SHA-256, which is never itself a token", async ({ expect }) => {
    const hash = await hashToken(GOOD);
    expect(hash).toBe(createHash("sha256").update(GOOD).digest("hex"));
    expect(parseToken(hash)).toBe(null);
    expect(parseToken(`sp_agt_${OWNER.replaceAll("-", "")}_${hash}`)).toBe(null);
  });
});

describe("comparing without telling where two texts differ", () => {
  it("says whether they are equal", async ({ expect }) => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(constantTimeEqual(a, b)).toBe(a === b);
        expect(constantTimeEqual(a, a)).toBe(true);
      }),
    );
  });

  it("sees one character", async ({ expect }) => {
    expect(constantTimeEqual("abc", "abd")).toBe(false);
    expect(constantTimeEqual("abc", "bbc")).toBe(false);
    expect(constantTimeEqual("abc", "abcd")).toBe(false);
  });
});

describe("hexadecimal", () => {
  it("is two lower-case digits a byte", async ({ expect }) => {
    expect(toHex(Uint8Array.from([0, 10, 255]))).toBe("000aff");
  });

  it("of a UUID gives the UUID back", async ({ expect }) => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(uuidFromHex(id.replaceAll("-", ""))).toBe(id);
      }),
    );
  });
});

function withChecksum(body: string): string {
  return body + crc32(body).toString(16).padStart(8, "0");
}
