/**
 * Finds secrets that are known in text, in whatever coat a program prints them: as they are, escaped in JSON (once or
 * more), percent-encoded (RFC 3986; either case, any characters), with HTML references, in base64 and base64url at any of
 * the three offsets (RFC 4648), in hexadecimal, and as the bytes of a printed buffer. Pure.
 */

/** Shorter ones are ordinary words: to remove those would leave nothing to read. */
const SHORTEST_KNOWN = 8;

const HTML_NAMES: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos" };
/** A longer one is looked for as a whole in each coat, not character by character: its pattern would grow too large. */
const LONGEST_BY_CHARACTER = 512;
/** A backslash, however often it was escaped. */
const BACKSLASHES = "\\\\{1,8}";
/** Bounds, so that text which consists of nothing else is not looked through again from each of its characters. */
const SOME = "{0,8}";
/** What stands between two bytes where a program prints them one by one. */
const BETWEEN_HEX = "(?:[: ]|,? ?0x|\\\\+x)?";

type Pattern = RegExp | string;

let latest: { secrets: readonly string[]; patterns: readonly Pattern[] } = { secrets: [], patterns: [] };

/** What to replace; of the latest list it is kept, since that is asked for again and again. */
export function patternsOf(secrets: readonly string[]): readonly Pattern[] {
  const same = secrets.length === latest.secrets.length && secrets.every((one, nth) => one === latest.secrets[nth]);
  if (!same) latest = { secrets: [...secrets], patterns: compile(secrets) };
  return latest.patterns;
}

function compile(secrets: readonly string[]): Pattern[] {
  const whole = new Set(secrets.flatMap((secret) => [secret, ...secret.split(/\r?\n/).map((line) => line.trim())]));
  // The longest first, so that no part of one is removed before the whole.
  const known = [...whole].filter(({ length }) => length >= SHORTEST_KNOWN).sort((a, b) => b.length - a.length);
  return known.flatMap((secret): Pattern[] =>
    secret.length > LONGEST_BY_CHARACTER
      ? wholeCoats(secret)
      : [escaped(secret), base64(secret), hexadecimal(secret), decimal(secret)],
  );
}

function wholeCoats(secret: string): string[] {
  const component = encodeURIComponent(secret.toWellFormed());
  const html = secret.replace(/[&<>"]/g, (character) => `&${HTML_NAMES[character]};`);
  const json = JSON.stringify(secret).slice(1, -1);
  const hexed = bytesOf(secret)
    .map((byte) => hex(byte, 2))
    .join("");
  const encoded = base64Cores(secret).flatMap((core) => [core, core.replaceAll("+", "-").replaceAll("/", "_")]);
  const lower = component.replace(/%../g, (coded) => coded.toLowerCase());
  return [
    JSON.stringify(json).slice(1, -1),
    json,
    component,
    lower,
    html,
    hexed,
    hexed.toUpperCase(),
    ...encoded,
    secret,
  ];
}

/** Every character by itself, since programs differ in which ones they escape. */
function escaped(secret: string): RegExp {
  return new RegExp([...secret].map(coatsOf).join(""), "g");
}

function coatsOf(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  const references = [HTML_NAMES[character], `#0${SOME}${point}`, `#[xX]0${SOME}${anyCase(point.toString(16))}`];
  const coats = [
    literal(character),
    bytesOf(character)
      .map((byte) => `%${anyCase(hex(byte, 2))}`)
      .join(""),
    `&(?:amp;)${SOME}(?:${references.filter((one) => one !== undefined).join("|")});`,
    unitsOf(character)
      .map((unit) => `${BACKSLASHES}u${anyCase(unit)}`)
      .join(""),
    ...(character === " " ? ["\\+"] : []),
    ...(character === "\n" ? [`${BACKSLASHES}n`] : []),
    ...(character === "\r" ? [`${BACKSLASHES}r`] : []),
    ...(character === "\t" ? [`${BACKSLASHES}t`] : []),
  ];
  return `(?:${coats.join("|")})`;
}

/** Of UTF-16, in hexadecimal. */
function unitsOf(character: string): string[] {
  return Array.from({ length: character.length }, (_, nth) => hex(character.charCodeAt(nth), 4));
}

/** JSON puts a backslash before some, a shell before others, and more of them each time the text is escaped again. */
function literal(character: string): string {
  if (character === "\\") return BACKSLASHES;
  const plain = /[\w-]/.test(character)
    ? character
    : unitsOf(character)
        .map((unit) => `\\u${unit}`)
        .join("");
  return `\\\\${SOME}${plain}`;
}

function base64(secret: string): RegExp {
  const either = (core: string) => core.replaceAll("+", "(?:[+-]|%2[Bb])").replaceAll("/", "(?:\\\\?[/_]|%2[Ff])");
  return new RegExp(`(?:${base64Cores(secret).map(either).join("|")})[\\w+/-]?={0,2}`, "g");
}

/** What is the same in base64 whatever stands before and after the secret, at each offset. */
function base64Cores(secret: string): string[] {
  const bytes = bytesOf(secret);
  return [0, 1, 2].map((offset) => {
    const text = toBase64([...new Array<number>(offset).fill(0), ...bytes]);
    const shared = (offset + bytes.length) % 3 === 0 ? 0 : 1;
    return text.slice(Math.ceil((offset * 8) / 6), text.length - shared);
  });
}

/** Without padding. */
function toBase64(bytes: readonly number[]): string {
  return btoa(bytes.map((byte) => String.fromCharCode(byte)).join("")).replace(/=+$/, "");
}

function hexadecimal(secret: string): RegExp {
  const bytes = bytesOf(secret).map((byte) => hex(byte, 2));
  return new RegExp(bytes.join(BETWEEN_HEX), "gi");
}

function decimal(secret: string): RegExp {
  return new RegExp(`\\b${bytesOf(secret).join(",\\s{0,3}")}\\b`, "g");
}

/** In UTF-8. */
function bytesOf(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

function anyCase(digits: string): string {
  return digits.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}
