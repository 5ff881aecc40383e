/** From JSON Schema to values: such as fit, and such as nearly fit. */
import * as fc from "fast-check";
import type { Schema } from "./document.ts";

export type Resolve = (schema: Schema) => Schema;
/** Values that mean something in the world under test, by the name under which they stand. */
export type Seeds = Readonly<Record<string, readonly unknown[]>>;

/** What this file understands. Another keyword must be learnt before a route may use it. */
const KEYWORDS = new Set(
  (
    "type enum const properties required additionalProperties items minItems maxItems anyOf oneOf minLength maxLength pattern " +
    "format minimum maximum exclusiveMinimum exclusiveMaximum default description example examples title writeOnly"
  ).split(" "),
);
const LONGEST_STRING = 60;
const LONGEST_ARRAY = 5;

/** Values that fit the schema; under a seed's name mostly that seed. */
export function fitting(schema: Schema, resolve: Resolve, seeds: Seeds, name = ""): fc.Arbitrary<unknown> {
  const plain = byKeyword(known(resolve(schema), name), resolve, seeds, name);
  const meant = seeds[name] ?? [];
  return meant.length === 0
    ? plain
    : fc.oneof({ arbitrary: fc.constantFrom(...meant), weight: 6 }, { arbitrary: plain, weight: 1 });
}

function known(schema: Schema, name: string): Schema {
  const strange = Object.keys(schema).filter((keyword) => !KEYWORDS.has(keyword));
  if (strange.length > 0) throw new Error(`the fuzzer cannot make ${name}: teach it ${strange.join(", ")}`);
  return schema;
}

function byKeyword(schema: Schema, resolve: Resolve, seeds: Seeds, name: string): fc.Arbitrary<unknown> {
  const { type } = schema;
  if ("const" in schema) return fc.constant(schema.const);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
  const choices = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined;
  if (choices) return fc.oneof(...choices.map((choice) => fitting(choice, resolve, seeds, name)));
  if (Array.isArray(type))
    return fc.oneof(...type.map((one) => byKeyword({ ...schema, type: one }, resolve, seeds, name)));
  switch (type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc.integer(bounds(schema, 1));
    case "number":
      return fc.double({ ...bounds(schema, Number.MIN_VALUE), noNaN: true, noDefaultInfinity: true });
    case "string":
      return text(schema, name);
    case "array":
      return fc.array(fitting(schema.items as Schema, resolve, seeds, name), {
        minLength: Number(schema.minItems ?? 0),
        maxLength: Math.min(Number(schema.maxItems ?? LONGEST_ARRAY), LONGEST_ARRAY),
      });
    case "object":
      return object(schema, resolve, seeds);
    default:
      throw new Error(`the fuzzer cannot make ${name}: its type is ${JSON.stringify(type)}`);
  }
}

/** @param step to the nearest value beyond an exclusive bound */
function bounds(schema: Schema, step: number): { min: number; max: number } {
  const at = (keyword: string) => (typeof schema[keyword] === "number" ? schema[keyword] : undefined);
  const above = at("exclusiveMinimum");
  const below = at("exclusiveMaximum");
  return {
    min: at("minimum") ?? (above === undefined ? -1_000_000 : above + step),
    max: at("maximum") ?? (below === undefined ? 2_000_000_000 : below - step),
  };
}

function text(
  { format, pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY }: Schema,
  name: string,
): fc.Arbitrary<string> {
  const [min, max] = [Number(minLength), Number(maxLength)];
  const fits = (made: string) => made.length >= min && made.length <= max;
  if (format === "uuid") return fc.uuid();
  if (format === "email") return fc.uuid().map((id) => `${id}@people.test`);
  if (format === "uri") return fc.uuid().map((id) => `https://${id}.test/v1`);
  if (format === "date-time") {
    const years = { min: new Date("1970-01-01"), max: new Date("2200-01-01"), noInvalidDate: true };
    return fc.date(years).map((date) => date.toISOString());
  }
  if (format !== undefined) throw new Error(`the fuzzer cannot make ${name}: teach it the format ${String(format)}`);
  if (typeof pattern === "string") return fc.stringMatching(new RegExp(pattern), { size: "xsmall" }).filter(fits);
  const size = { minLength: min, maxLength: Math.max(min, Math.min(max, LONGEST_STRING)) };
  return fc.oneof(
    { arbitrary: fc.string({ unit: "grapheme-ascii", ...size }), weight: 3 },
    { arbitrary: fc.string({ unit: "grapheme", ...size }).filter(fits), weight: 1 },
  );
}

function object({ properties = {}, required = [] }: Schema, resolve: Resolve, seeds: Seeds): fc.Arbitrary<object> {
  const fields = Object.entries(properties as Record<string, Schema>).map(
    ([field, schema]) => [field, fitting(schema, resolve, seeds, field)] as const,
  );
  return fc.record(Object.fromEntries(fields), { requiredKeys: required as string[], noNullPrototype: true });
}

const LONE = "\ud800";
/** Values that few fields take. */
const STRANGE: readonly unknown[] = [
  null,
  true,
  0,
  -0,
  -1,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER + 2,
  "",
  " ",
  "\u0000",
  `a${LONE}b`,
  "\u202e\u200b\ufeff",
  "😀".repeat(40),
  "x".repeat(5_000),
  "__proto__",
  "[object Object]",
  "' OR 1=1 --",
  "{{7*7}}",
  "null",
  "0",
  "2026-02-30T25:61:61Z",
  [],
  [null],
  [[]],
  {},
  { $ref: "#" },
  { length: 1e9 },
];

/** A value that fits, with one thing wrong somewhere in it. */
export function spoilt(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(value, fc.nat(), fc.nat({ max: 5 }), fc.constantFrom(...STRANGE))
    .map(([good, which, how, strange]) => spoil(structuredClone(good), which, how, strange));
}

function spoil(value: unknown, which: number, how: number, strange: unknown): unknown {
  const holders = holdersIn(value);
  const holder = holders[which % Math.max(1, holders.length)];
  if (holder === undefined) return strange;
  const keys = Object.keys(holder);
  const key = keys[which % Math.max(1, keys.length)];
  if (key === undefined || how === 0) Object.assign(holder, { [`surprise_${which}`]: strange });
  else if (how === 1) delete holder[key];
  else if (how === 2 && typeof holder[key] === "string") holder[key] = otherwise(holder[key], which);
  else if (how === 3 && typeof holder[key] === "number") holder[key] += which % 2 === 0 ? 1e9 : 0.5;
  else if (how === 4) holder[key] = [holder[key]];
  else holder[key] = strange;
  return value;
}

function otherwise(text: string, which: number): string {
  const ways = [text.toUpperCase(), `${text} `, `${text}\u0000`, text.slice(1), `${text}${LONE}`, text.repeat(200)];
  return ways[which % ways.length] ?? text;
}

function holdersIn(value: unknown): Record<string, unknown>[] {
  if (value === null || typeof value !== "object") return [];
  return [value as Record<string, unknown>, ...Object.values(value).flatMap(holdersIn)];
}

/** JSON of any kind. */
export const garbage: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...STRANGE),
  fc.jsonValue({ maxDepth: 3 }),
  fc.dictionary(
    fc.constantFrom("__proto__", "constructor", "toString", "id", "name", "tier", "action"),
    fc.jsonValue({ maxDepth: 1 }),
  ),
);
