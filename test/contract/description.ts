/**
 * DigitalOcean's published description of its API. It is not part of this repository: point DIGITALOCEAN_OPENAPI at a
 * JSON bundle of it.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export type Json = Record<string, unknown>;

const SPEC =
  process.env.DIGITALOCEAN_OPENAPI ??
  fileURLToPath(new URL("../../../shared/facts/digitalocean.openapi.json", import.meta.url));

export const absent = !existsSync(SPEC);
/** For the title of a suite that needs the description. */
export const skipped = `skipped: no OpenAPI description at ${SPEC}`;
if (absent) console.log(`contract tests ${skipped}`);

/** The description in the words of JSON Schema. */
export function readDescription(): Json {
  return withNullable(JSON.parse(readFileSync(SPEC, "utf8"))) as Json;
}

/** Walks into nested objects; {} where there is nothing. */
export function at(root: Json, ...keys: string[]): Json {
  let node: Json = root;
  for (const key of keys) node = (node[key] ?? {}) as Json;
  return node;
}

/** OpenAPI 3.0's `nullable` in the words of JSON Schema. */
function withNullable(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withNullable);
  if (typeof node !== "object" || node === null) return node;
  const { nullable, ...rest } = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, withNullable(value)]),
  );
  return nullable === true ? { anyOf: [rest, { type: "null" }] } : rest;
}

/** Points local references at the registered description, so that a part of it can be compiled by itself. */
export function absolute(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(absolute);
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      key === "$ref" && typeof value === "string" ? value.replace(/^#/, "spec#") : absolute(value),
    ]),
  );
}
