/** Known secrets in the coats in which programs print them. */
import fc from "fast-check";
import { describe, it } from "vitest";
import { redactText } from "../../../src/wire/redact.ts";

const SECRETS = [
  "quite-ordinary-key-2741",
  'pass/word+="x" & <y>',
  "back\\slash\\key",
  "schlüssel-für-€-märkte",
  "tabs\tand spaces in it",
  "exchange key number two",
];

const utf8 = (text: string) => Buffer.from(text, "utf8");
const percent = (text: string) => [...utf8(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
const html = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
const references = (base: 10 | 16) => (text: string) =>
  [...text].map((one) => `&#${base === 16 ? "x" : ""}${(one.codePointAt(0) ?? 0).toString(base)};`).join("");
const json = (text: string) => JSON.stringify(text).slice(1, -1);
const units = (text: string) =>
  [...Array(text.length)].map((_, nth) => `\\u${text.charCodeAt(nth).toString(16).padStart(4, "0")}`).join("");

const COATS: Record<string, (secret: string) => string> = {
  "as it is": (text) => text,
  "percent-encoded as a component": encodeURIComponent,
  "percent-encoded in lower case": (text) => encodeURIComponent(text).replace(/%../g, (coded) => coded.toLowerCase()),
  "percent-encoded as a form": (text) => new URLSearchParams({ v: text }).toString().slice(2),
  "percent-encoded throughout": percent,
  "percent-encoded throughout in upper case": (text) => percent(text).toUpperCase(),
  "escaped in HTML": html,
  "escaped in HTML twice": (text) => html(html(text)),
  "as decimal references": references(10),
  "as hexadecimal references": references(16),
  "escaped in JSON": json,
  "escaped in JSON twice": (text) => json(json(text)),
  "escaped in JSON three times": (text) => json(json(json(text))),
  "as escaped code units": units,
  "in hexadecimal": (text) => utf8(text).toString("hex"),
  "in hexadecimal of upper case": (text) => utf8(text).toString("hex").toUpperCase(),
  "as a buffer is printed": (text) => (utf8(text).toString("hex").match(/../g) ?? []).join(" "),
  "as a buffer in JSON": (text) => JSON.stringify([...utf8(text)]).slice(1, -1),
  coloured: (text) => [...text].join("\u001b[1;31m"),
  "coloured and escaped in JSON": (text) => json([...text].join("\u001b[0m")),
};

describe("a known secret", () => {
  it.for(Object.keys(COATS))("is taken out %s", (coat, { expect }) => {
    for (const secret of SECRETS) {
      const shown = COATS[coat]?.(secret) ?? "";
      expect(redactText(`before ${shown} after`, SECRETS), shown).toBe("before [redacted] after");
    }
  });

  it.for([0, 1, 2])(
    "is taken out in base64 and base64url, %s bytes behind a multiple of three",
    (offset, { expect }) => {
      for (const secret of SECRETS) {
        const all = Buffer.concat([Buffer.alloc(offset + 6, "<"), utf8(secret), utf8("; what follows")]);
        const ends = Buffer.concat([Buffer.alloc(offset, "<"), utf8(secret)]);
        for (const coat of ["base64", "base64url"] as const) {
          const clean = redactText(`x ${all.toString(coat)} y ${ends.toString(coat)} z`, SECRETS);
          expect(clean.match(/\[redacted\]/g), secret).toHaveLength(2);
          expect(leftOf(secret, clean), clean).toBe(0);
          expect(clean).toMatch(/^x PDw8PD[\s\S]* z$/);
        }
      }
    },
  );

  it("is taken out of what a query carries in base64", ({ expect }) => {
    const [secret] = SECRETS;
    for (const one of [secret ?? "", "??>>~~??>>~~"]) {
      const shown = encodeURIComponent(utf8(one).toString("base64"));
      expect(redactText(`/x?v=${shown}`, [one]).replace(/(%3D)+$/, "")).toBe("/x?v=[redacted]");
    }
  });

  it("is taken out of every of its lines, and the whole before a part", ({ expect }) => {
    const pem = "-----BEGIN-----\nMIIEpAIBAAKCAQEA\r\n  7bq2zS1m\n-----END-----";
    const clean = (line: string) =>
      redactText(line, ["exchange", "exchange-key-2", pem, 'say "hush" twice', "short", ""]);
    expect(clean("exchange-key-2 and exchange")).toBe("[redacted] and [redacted]");
    for (const line of pem.split("\n")) expect(clean(`> ${line.trim()} <`)).toBe("> [redacted] <");
    expect(clean(JSON.stringify({ pem, key: 'say "hush" twice' }))).toBe('{"pem":"[redacted]","key":"[redacted]"}');
    expect(clean("a short word, and nothing")).toBe("a short word, and nothing");
  });

  it("of any characters is taken out in any mixture of coats", ({ expect }) => {
    const perCharacter = ["as it is", "percent-encoded throughout", "as decimal references", "as escaped code units"];
    const mixed = fc.tuple(
      fc.string({ unit: "binary", minLength: 8, maxLength: 24 }).filter((text) => !/[\r\n]/.test(text)),
      fc.array(fc.constantFrom(...perCharacter), { minLength: 24, maxLength: 24 }),
    );
    fc.assert(
      fc.property(mixed, ([secret, coats]) => {
        const shown = [...secret].map((one, nth) => COATS[coats[nth] ?? ""]?.(one) ?? one).join("");
        expect(redactText(`<${shown}>`, [secret])).not.toContain(shown);
      }),
      { numRuns: 500, seed: 12 },
    );
  });

  it("of many kilobytes is taken out whole in each coat", ({ expect }) => {
    const long = `${"a/long+secret=".repeat(2_000)}"its end"`;
    const coats = [
      "as it is",
      "percent-encoded as a component",
      "escaped in HTML",
      "escaped in JSON",
      "in hexadecimal",
    ];
    for (const coat of [...coats, "escaped in JSON twice", "percent-encoded in lower case"]) {
      expect(redactText(`<${COATS[coat]?.(long)}>`, [long]), coat).toBe("<[redacted]>");
    }
    expect(redactText(utf8(`?${long}`).toString("base64"), [long])).toMatch(/^..\[redacted\].?=*$/);
  });

  it("that has changed is looked for in the new list only", ({ expect }) => {
    expect(redactText("first-of-them", ["first-of-them"])).toBe("[redacted]");
    expect(redactText("first-of-them second-of-them", ["second-of-them"])).toBe("first-of-them [redacted]");
  });

  it("is looked for in time that grows with the text, not with its square", ({ expect }) => {
    const cpu_ms = (piece: string, length: number) => {
      const began = process.cpuUsage();
      redactText(piece.repeat(length / piece.length), SECRETS);
      return process.cpuUsage(began).user / 1000;
    };
    for (const piece of [
      "\\",
      "&",
      "&amp;",
      "&#0",
      "0",
      "q",
      "%",
      "cXVpdGUt",
      "7, ",
      "\u001b[",
      "\u001b]",
      "\\u001b[",
    ]) {
      const [short_ms, long_ms] = [cpu_ms(piece, 25_000), cpu_ms(piece, 200_000)];
      expect(long_ms, piece).toBeLessThan(24 * short_ms + 200);
    }
  });

  it("of backslashes, or of many lines, is looked for in time that grows with the text", ({ expect }) => {
    const odd = [
      `${"\\".repeat(8)}x`,
      `pass${"\\".repeat(6)}`,
      "\\a\\b\\c\\d",
      `a line\n${"line of it\n".repeat(500)}`,
    ];
    const cpu_ms = (length: number) => {
      const began = process.cpuUsage();
      redactText("\\".repeat(length), odd);
      return process.cpuUsage(began).user / 1000;
    };
    const [short_ms, long_ms] = [cpu_ms(2_000), cpu_ms(16_000)];
    expect(long_ms).toBeLessThan(24 * short_ms + 200);
  });

  it("takes nothing else with it", ({ expect }) => {
    const line = "GET /v1/models?page=2 200 in 31 ms, 7 positions, c29tZSB0ZXh0IHRoYXQgaXMgbm90IHNlY3JldA==";
    expect(redactText(line, SECRETS)).toBe(line);
  });
});

/** How many characters of the secret can still be read out of the base64 in what is left. */
function leftOf(secret: string, clean: string): number {
  const read = clean.split(/[^\w+/-]+/).map((piece) => Buffer.from(piece, "base64").toString("latin1"));
  return read.filter((text) => text.includes(secret.slice(2, 6)) || text.includes(secret.slice(-6, -2))).length;
}
