import { randomBytes as nodeRandomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, it } from "vitest";
import { openVault, parseKeyring, SecretUnreadable } from "../../../src/secrets/vault.ts";

const randomBytes = (count: number) => Uint8Array.from(nodeRandomBytes(count));
const key = () => nodeRandomBytes(32).toString("base64");

const OLD = key();
const NEW = key();
const CONTEXT = "bot-a|3|llm_api_key";
const SECRET = "sk-0123456789abcdef";

function vaultOf(...entries: string[]) {
  return openVault(parseKeyring(entries.join(",")), randomBytes);
}

describe("a sealed secret", () => {
  it("opens to what it was, whatever it was", async ({ expect }) => {
    const vault = vaultOf(`new:${NEW}`);
    const text = fc.string({ unit: "grapheme", maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(text, text, async (secret, context) => {
        expect(await vault.open(await vault.seal(secret, context), context)).toBe(secret);
      }),
    );
  });

  it("begins with a byte order mark where the secret does", async ({ expect }) => {
    const vault = vaultOf(`new:${NEW}`);
    expect(await vault.open(await vault.seal("\uFEFFx", CONTEXT), CONTEXT)).toBe("\uFEFFx");
  });

  it("looks different each time and shows nothing of itself", async ({ expect }) => {
    const vault = vaultOf(`new:${NEW}`);
    const [first, second] = await Promise.all([vault.seal(SECRET, CONTEXT), vault.seal(SECRET, CONTEXT)]);
    expect(first).not.toBe(second);
    expect(first).toMatch(/^v1\.new\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+$/);
    expect(first).not.toContain(SECRET);
  });

  const CONTEXTS = ["bot-b|3|llm_api_key", "bot-a|4|llm_api_key", "bot-a|3|other_field", "bot-a|3|llm_api_key ", ""];
  for (const context of CONTEXTS) {
    it(`does not open as ${JSON.stringify(context)}`, async ({ expect }) => {
      const vault = vaultOf(`new:${NEW}`);
      await expect(vault.open(await vault.seal(SECRET, CONTEXT), context)).rejects.toThrow(SecretUnreadable);
    });
  }

  it("does not open with any one of its characters changed", async ({ expect }) => {
    const vault = vaultOf(`new:${NEW}`);
    const envelope = await vault.seal(SECRET, CONTEXT);
    // The last character carries spare bits that base64 does not read.
    for (let at = 0; at < envelope.length - 1; at++) {
      const other = envelope[at] === "A" ? "B" : "A";
      const altered = envelope.slice(0, at) + other + envelope.slice(at + 1);
      await expect(vault.open(altered, CONTEXT), `character ${at}`).rejects.toThrow(SecretUnreadable);
    }
  });

  it("does not open cut short", async ({ expect }) => {
    const vault = vaultOf(`new:${NEW}`);
    const envelope = await vault.seal(SECRET, CONTEXT);
    for (let length = 0; length < envelope.length - 1; length++) {
      await expect(vault.open(envelope.slice(0, length), CONTEXT), `${length}`).rejects.toThrow(SecretUnreadable);
    }
  });

  const MALFORMED = [
    "",
    "plain text",
    "v1",
    "v1.new",
    "v1.new.AAAA",
    "v2.new.AAAA.AAAA",
    "v1.new.A!.AAAA",
    "v1.new.AAAA.A!",
    "v1.new.AAAA.AAAA.AAAA",
  ];
  for (const envelope of MALFORMED) {
    it(`is not ${JSON.stringify(envelope)}`, async ({ expect }) => {
      await expect(vaultOf(`new:${NEW}`).open(envelope, CONTEXT)).rejects.toThrow(SecretUnreadable);
    });
  }
});

describe("a key ring", () => {
  it("seals with its first key and opens with every key", async ({ expect }) => {
    const before = await vaultOf(`old:${OLD}`).seal(SECRET, CONTEXT);
    const vault = vaultOf(`new:${NEW}`, `old:${OLD}`);
    expect(await vault.open(before, CONTEXT)).toBe(SECRET);
    expect(await vault.seal(SECRET, CONTEXT)).toMatch(/^v1\.new\./);
  });

  it("that has lost a key says which", async ({ expect }) => {
    const before = await vaultOf(`old:${OLD}`).seal(SECRET, CONTEXT);
    await expect(vaultOf(`new:${NEW}`).open(before, CONTEXT)).rejects.toThrow(
      'its key "old" is not in ENCRYPTION_KEYS',
    );
  });

  it("does not open with another key under the same id", async ({ expect }) => {
    const before = await vaultOf(`main:${OLD}`).seal(SECRET, CONTEXT);
    await expect(vaultOf(`main:${NEW}`).open(before, CONTEXT)).rejects.toThrow(SecretUnreadable);
  });

  it("allows spaces between its keys", async ({ expect }) => {
    expect(parseKeyring(` new:${NEW} , old:${OLD} `).map(({ id }) => id)).toEqual(["new", "old"]);
  });
});

describe("a key ring is refused, in a sentence that never shows a key", () => {
  const printable = Buffer.from("correct horse battery staple 123").toString("base64");
  const REFUSED: [why: string, setting: string, sentence: string][] = [
    ["nothing", "", "must read id:base64"],
    ["a key without an id", NEW, "must read id:base64"],
    ["a key with an empty id", `:${NEW}`, "must read id:base64"],
    ["an id with a space", `my key:${NEW}`, "must read id:base64"],
    ["an id that is a key", `${OLD}:${NEW}`, "must read id:base64"],
    ["a trailing comma", `new:${NEW},`, "must read id:base64"],
    ["what is not base64", `new:${NEW.slice(0, -3)}!!=`, "must read id:base64"],
    ["16 bytes", `new:${nodeRandomBytes(16).toString("base64")}`, 'key "new" is not 32 bytes'],
    ["33 bytes", `new:${nodeRandomBytes(33).toString("base64")}`, 'key "new" is not 32 bytes'],
    ["one byte repeated", `new:${Buffer.alloc(32, 200).toString("base64")}`, 'key "new" is not random'],
    [
      "a few bytes repeated",
      `new:${Buffer.from(Array.from({ length: 32 }, (_, n) => 200 + (n % 15))).toString("base64")}`,
      'key "new" is not random',
    ],
    ["a sentence", `new:${printable}`, 'key "new" is not random'],
    ["an id twice", `new:${NEW},new:${OLD}`, 'names the key id "new" twice'],
    ["one bad key among good ones", `new:${NEW},old:${printable}`, 'key "old" is not random'],
  ];
  for (const [why, setting, sentence] of REFUSED) {
    it(why, async ({ expect }) => {
      const message = messageOf(() => parseKeyring(setting));
      expect(message).toContain(sentence);
      for (const part of setting.split(/[:,]/).filter((text) => text.length > 8)) expect(message).not.toContain(part);
    });
  }
});

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("it was not refused");
}
