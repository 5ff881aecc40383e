/**
 * Finds secrets that are known in text, in whatever coat a program prints them: as they are, escaped in JSON (once or
 * more), percent-encoded (RFC 3986; either case, any characters, once or more), with HTML references, in base64 and base64url at any of
 * the three offsets (RFC 4648), in hexadecimal, and as the bytes of a printed buffer. Pure.
 */

/** Shorter ones are ordinary words: to remove those would leave nothing to read. */
const SHORTEST_KNOWN = 8;
/** A longer one is looked for as a whole in each coat, not character by character: its pattern would grow too large. */
const LONGEST_BY_CHARACTER = 200;
/** Of a secret of more lines, each is looked for only as it is and escaped in JSON. */
const MOST_LINES = 20;
/** Bounds, so that text which consists of nothing else is not looked through again from each of its characters. */
const SOME = "{0,8}";
const SOME_BACKSLASHES = `\\\\${SOME}`;
/** One, however often it was escaped. */
const BACKSLASHES = "\\\\{1,8}";
/** What stands between two bytes where a program prints them one by one. */
const BETWEEN_HEX = "(?:[: ]|,? ?0x|\\\\+x)?";

/** What stands for it behind a backslash. */
const LETTERS: Readonly<Record<string, string>> = { "\n": "n", "\r": "r", "\t": "t" };
const HTML_NAMES: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos" };

type Pattern = RegExp | string;

let latest: { secrets: readonly string[]; patterns: readonly Pattern[] } = { secrets: [], patterns: [] };

/** What to replace; of the latest list it is kept, since that is asked for again and again. */
export function patternsOf(secrets: readonly string[]): readonly Pattern[] {
  if (secrets.length === 0) return [];
  const same = secrets.length === latest.secrets.length && secrets.every((one, nth) => one === latest.secrets[nth]);
  if (!same) latest = { secrets: [...secrets], patterns: compile(secrets) };
  return latest.patterns;
}

function compile(secrets: readonly string[]): Pattern[] {
  const known = new Map<string, Pattern[]>();
  for (const secret of secrets) {
    const lines = secret.split(/\r?\n/).map((line) => line.trim());
    for (const line of lines) known.set(line, lines.length > MOST_LINES ? plainCoats(line) : coatsOf(line));
    known.set(secret, coatsOf(secret));
  }
  // The longest first, so that no part of one is removed before the whole.
  return [...known]
    .filter(([{ length }]) => length >= SHORTEST_KNOWN)
    .sort(([a], [b]) => b.length - a.length)
    .flatMap(([, patterns]) => patterns);
}

function coatsOf(secret: string): Pattern[] {
  if (secret.length < SHORTEST_KNOWN) return [];
  if (secret.length > LONGEST_BY_CHARACTER) return wholeCoats(secret);
  return [escaped(secret), base64(secret), hexadecimal(secret), decimal(secret)];
}

function plainCoats(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  return [JSON.stringify(json).slice(1, -1), json, secret];
}

function wholeCoats(secret: string): string[] {
  const component = encodeURIComponent(secret.toWellFormed());
  const lower = component.replace(/%../g, (coded) => coded.toLowerCase());
  const html = secret.replace(/[&<>"]/g, (character) => `&${HTML_NAMES[character]};`);
  const hexed = bytesOf(secret)
    .map((byte) => hex(byte, 2))
    .join("");
  const encoded = base64Cores(secret).flatMap((core) => [core, core.replaceAll("+", "-").replaceAll("/", "_")]);
  return [component, lower, html, hexed, hexed.toUpperCase(), ...encoded, ...plainCoats(secret)];
}

/**
 * Every character by itself, since programs differ in which ones they escape. JSON puts a backslash before some, a shell
 * before others, and more of them each time the text is escaped again. A run of the secret's own backslashes takes those
 * of the character after it, so that no text can be divided between the two in many ways.
 */
function escaped(secret: string): RegExp {
  const parts = secret.match(/\\*[^\\]|\\+$/gu) ?? [];
  return new RegExp(parts.map(escapedPart).join(""), "g");
}

/** @param part a character with the backslashes before it */
function escapedPart(part: string): string {
  const backslashes = /^\\*/.exec(part)?.[0].length ?? 0;
  const character = part.slice(backslashes);
  if (backslashes === 0) return anyOf(coatsOfCharacter(character));
  const plainRun = `\\\\{${backslashes},${8 * backslashes + 8}}`;
  const coatedRun = `${anyOf(withoutPlain("\\"))}{${backslashes}}`;
  if (character === "") return anyOf([plainRun, coatedRun]);
  return anyOf([plainRun + anyOf(coatsOfCharacter(character, "", "")), coatedRun + anyOf(coatsOfCharacter(character))]);
}

/** @param optional backslashes that may stand before it @param needed those that an escape begins with */
function coatsOfCharacter(character: string, optional = SOME_BACKSLASHES, needed = BACKSLASHES): string[] {
  const plain = /[\w-]/.test(character)
    ? character
    : unitsOf(character)
        .map((unit) => `\\u${unit}`)
        .join("");
  return [optional + plain, ...withoutPlain(character, needed)];
}

function withoutPlain(character: string, needed = BACKSLASHES): string[] {
  const point = character.codePointAt(0) ?? 0;
  const bytes = bytesOf(character).map((byte) => anyCase(hex(byte, 2)));
  const references = [HTML_NAMES[character], `#0${SOME}${point}`, `#[xX]0${SOME}${anyCase(point.toString(16))}`];
  const letter = LETTERS[character];
  return [
    bytes.map((byte) => `%(?:25)${SOME}${byte}`).join(""),
    `&(?:amp;)${SOME}${anyOf(references.filter((one) => one !== undefined))};`,
    needed +
      unitsOf(character)
        .map((unit) => `u${anyCase(unit)}`)
        .join(BACKSLASHES),
    `${needed}u\\{0${SOME}${anyCase(point.toString(16))}\\}`,
    needed + bytes.map((byte) => `x${byte}`).join(BACKSLASHES),
    ...(character === " " ? ["\\+"] : []),
    ...(letter ? [needed + letter] : []),
  ];
}

function anyOf(patterns: readonly string[]): string {
  return `(?:${patterns.join("|")})`;
}

/** Of UTF-16, in hexadecimal. */
function unitsOf(character: string): string[] {
  return Array.from({ length: character.length }, (_, nth) => hex(character.charCodeAt(nth), 4));
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
