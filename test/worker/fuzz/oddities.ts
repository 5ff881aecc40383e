/** Odd pieces of requests, each of which some server has once stumbled over. */

const OTHER = "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";

/** In place of a parameter in the path, already encoded as it is sent. */
export const IN_PATHS: readonly ((good: string) => string)[] = [
  (good) => good.toUpperCase(),
  (good) => `%7B${good}%7D`,
  (good) => `${good}%00`,
  (good) => `${good}/`,
  (good) => `${good}//`,
  (good) => `/${good}`,
  (good) => `${good}%2F..%2F${OTHER}`,
  (good) => `${good};a=b`,
  (good) => `${good}.json`,
  (good) => `${good}%20`,
  (good) => `%20${good}`,
  (good) => `${good}%0d%0aset-cookie:a=b`,
  (good) => encodeURIComponent(encodeURIComponent(good.replaceAll("-", "%2d"))),
  (good) => good.replaceAll("-", "%2D"),
  (good) => good.replaceAll("-", ""),
  (good) => good.replaceAll("-", "\u2010"),
  ...[
    "..",
    ".",
    "%2e%2e",
    "%2e%2e%2f%2e%2e",
    "..%5c",
    "%",
    "%zz",
    "%ff",
    "%c0%af",
    "%ed%a0%80",
    "%00",
    "%F0%9F%98%80",
    "\u00e9",
    "😀",
  ].map((text) => () => text),
  ...[
    "null",
    "undefined",
    "NaN",
    "-1",
    "0",
    "1e99",
    "0x1",
    "1.0",
    "9".repeat(400),
    "*",
    "__proto__",
    "constructor",
    "agent",
  ].map((text) => () => text),
  () => "a".repeat(20_000),
  () => "%41".repeat(5_000),
  () => "00000000-0000-0000-0000-000000000000",
  () => "ffffffff-ffff-ffff-ffff-ffffffffffff",
];

/** As the value of a parameter in the query, already encoded. */
export const IN_QUERIES: readonly string[] = [
  "",
  "%00",
  "%ff",
  "%",
  "%zz",
  "+",
  "%20",
  "null",
  "undefined",
  "true",
  "TRUE",
  "NaN",
  "Infinity",
  "-1",
  "-0",
  "0",
  "1.5",
  "0x10",
  "1e2",
  "1e400",
  "9007199254740993",
  "9".repeat(400),
  "a".repeat(20_000),
  "%F0%9F%98%80",
  "%ed%a0%80",
  "1&limit=2",
  "[]",
  "%7B%7D",
  "'%20OR%201=1--",
  "..%2f",
  "__proto__",
  // Cursors that decode to something.
  "MSB4",
  "OTk5OTk5OTk5OTk5OTk5OSAwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDA",
  "LTEgMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAw",
];

const LONG = "h".repeat(60_000);
const KEYS = [
  "",
  " ",
  "two words",
  '"quoted"',
  "a,b",
  "k".repeat(255),
  "k".repeat(256),
  LONG,
  "../../x",
  "sk-live-looks-like-a-key-0123456789",
  "\t",
];
const TAGS = ["*", '""', '"', 'W/"x"', "unquoted", '"a", "b"', `"${"e".repeat(511)}"`, LONG, '"x"garbage', ", ,"];

/** Header by header; each is sent beside those that fit. */
export const HEADERS: readonly Record<string, string>[] = [
  ...KEYS.map((value) => ({ "idempotency-key": value })),
  ...TAGS.flatMap((value) => [{ "if-match": value }, { "if-none-match": value }]),
  ...["websocket", "WebSocket", "h2c", "", "websocket, h2c", LONG].map((upgrade) => ({ upgrade })),
  { upgrade: "websocket", "sec-websocket-version": "12", "sec-websocket-key": "short", connection: "keep-alive" },
  {
    upgrade: "websocket",
    "sec-websocket-protocol": "a, b, a",
    "sec-websocket-extensions": "permessage-deflate; unheard_of",
  },
  // What the Worker says to its objects, said by a stranger.
  { "x-spawnpoint-connect": '{"tag":"wait","scope":{"every_account":true},"status":"online","timeout_ms":60000}' },
  { "x-request-id": "chosen-by-the-caller" },
  { "x-http-method-override": "DELETE" },
  { "x-forwarded-for": "127.0.0.1", "x-real-ip": "::1", forwarded: "for=127.0.0.1" },
  { accept: "text/html;q=0.9, application/xml" },
  { "accept-encoding": "unheard_of" },
  { origin: "null", referer: "javascript:alert(1)" },
  { range: "bytes=0-0" },
  { expect: "100-continue" },
  { cookie: `a=${LONG}; __proto__=1; =; ;;` },
  { "x-long": LONG },
  { "content-length": "0" },
  { "content-length": "-1" },
  { "content-length": "999999999999" },
  { "content-length": "1e3" },
  { "transfer-encoding": "chunked" },
  { host: "evil.example" },
];

export const TYPES: readonly string[] = [
  "",
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/json5",
  "application/jsonx",
  "application/problem+json",
  "application/json; charset=utf-16",
  "application/json; charset=unheard_of",
  "APPLICATION/JSON",
  "application/json;",
  " application/json",
  "application/json, text/plain",
  "*/*",
];

interface Encoding {
  headers?: Record<string, string>;
  of: (text: string) => string | Uint8Array<ArrayBuffer>;
}

const bytes = (...parts: (string | number[])[]) =>
  new Uint8Array(parts.flatMap((part) => (typeof part === "string" ? [...new TextEncoder().encode(part)] : part)));

/** Other bytes for the same, or nearly the same, JSON. */
export const ENCODINGS: readonly Encoding[] = [
  { of: (text) => bytes([0xef, 0xbb, 0xbf], text) },
  {
    of: (text) =>
      bytes(
        [0xff, 0xfe],
        [...text].flatMap((char) => [char.charCodeAt(0) & 0xff, char.charCodeAt(0) >> 8]),
      ),
  },
  { of: (text) => bytes(text, [0xc3, 0x28]) },
  { of: (text) => bytes(text.slice(0, -1), ',"x":"', [0xed, 0xa0, 0x80, 0xff, 0xfe], '"}') },
  { of: (text) => bytes([0], text) },
  { of: (text) => bytes(text, [0]) },
  { of: (text) => `${text}${text}` },
  { of: (text) => `${text}\n//` },
  { of: (text) => `/* */${text}` },
  { of: (text) => text.slice(0, -1) },
  { of: (text) => text.slice(0, Math.floor(text.length / 2)) },
  { of: (text) => text.replaceAll('"', "'") },
  { of: (text) => `${text.slice(0, -1)},}` },
  { of: () => "" },
  { of: () => " " },
  { of: () => "NaN" },
  { of: () => "1e999" },
  { of: () => "undefined" },
  { of: (text) => `\n\t ${text} \r\n` },
  // The same keys twice: the last one counts.
  { of: (text) => `{${text.slice(1, -1)}${text === "{}" ? "" : ","}${text.slice(1)}` },
  { of: (text) => text.replace("{", '{"__proto__":{"every_account":true,"tier":"pro"},') },
  { of: (text) => text.replace("{", '{"constructor":{"prototype":{"every_account":true}},') },
  { of: (text) => text.replace("{", '{"\\u005f\\u005fproto\\u005f\\u005f":null,"toString":1,') },
  { of: (text) => text.replace(/:"/, ':"\\ud800') },
  { of: (text) => text.replace(/:"/, ':"\\u0000') },
  { headers: { "content-encoding": "gzip" }, of: (text) => text },
  {
    headers: { "content-encoding": "gzip" },
    of: () => bytes([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3, 0xab, 0xae, 5, 0, 0x43, 0xbf, 0xa6, 0xa3, 2, 0, 0, 0]),
  },
  { headers: { "content-encoding": "br, deflate, unheard_of" }, of: (text) => text },
];
