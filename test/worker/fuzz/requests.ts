/** From an operation to requests: such as fit it, and all the ways that they do not. */
import * as fc from "fast-check";
import { type Credential, credentialsFor, type Holders } from "./credentials.ts";
import type { Operation, Parameter } from "./document.ts";
import { ENCODINGS, HEADERS, IN_PATHS, IN_QUERIES, TYPES } from "./oddities.ts";
import { fitting, garbage, type Resolve, type Seeds, spoilt } from "./values.ts";

/** What is wrong with a request, if anything. */
const FAULTS = [
  "nothing",
  "field",
  "garbage",
  "huge",
  "deep",
  "encoding",
  "path",
  "query",
  "header",
  "credential",
] as const;
export type Fault = (typeof FAULTS)[number];

export interface Crafted {
  operation: string;
  fault: Fault;
  method: string;
  /** With its query. */
  path: string;
  headers: Record<string, string>;
  body: string | Uint8Array<ArrayBuffer> | null;
}

/** What requests are made of: the world's ids, and how the document's references are resolved. */
export interface Stock {
  seeds: Seeds;
  /** Ids by what stands before them in the path: `bots`, `accounts`, … */
  ids: Readonly<Record<string, readonly string[]>>;
  holders: Holders;
  resolve: Resolve;
}

interface Parts {
  path: Record<string, string>;
  query: [string, string][];
  headers: Record<string, string>;
  credential: Credential | null;
  body: unknown;
}

/** Which faults an operation can have at all. */
export function faultsOf({ parameters, body, security }: Operation): Fault[] {
  const has = (place: Parameter["in"]) => parameters.some((parameter) => parameter.in === place);
  return FAULTS.filter((fault) => {
    if (fault === "path") return has("path");
    if (fault === "credential") return security.length > 0;
    return body !== null || !["field", "garbage", "huge", "deep", "encoding"].includes(fault);
  });
}

export function requestsOf(operation: Operation, fault: Fault, stock: Stock): fc.Arbitrary<Crafted> {
  return parts(operation, stock).chain((good) => {
    switch (fault) {
      case "nothing":
        return fc.boolean().map((upgrade) => asSocket(operation, craft(operation, fault, good), upgrade));
      case "field":
        return spoilt(fc.constant(good.body)).map((body) => craft(operation, fault, { ...good, body }));
      case "garbage":
        return garbage.map((body) => craft(operation, fault, { ...good, body }));
      case "huge":
        return fc.constantFrom(...HUGE).map((grow) => ({ ...craft(operation, fault, good), body: grow(good.body) }));
      case "deep":
        return fc.constantFrom(...DEEP).map((nest) => ({ ...craft(operation, fault, good), body: nest(good.body) }));
      case "encoding":
        return encoded(operation, good);
      case "path":
        return oddPath(operation, good);
      case "query":
        return fc
          .array(fc.tuple(fc.constantFrom(...queryNames(operation)), fc.constantFrom(...IN_QUERIES)), {
            minLength: 1,
            maxLength: 3,
          })
          .map((odd) => craft(operation, fault, { ...good, query: [...without(good.query, odd), ...odd] }));
      case "header":
        return fc
          .constantFrom(...HEADERS.filter((odd) => canBeSent(operation, odd)))
          .map((odd) => craft(operation, fault, { ...good, headers: { ...good.headers, ...odd } }));
      case "credential":
        return fc
          .constantFrom(...wrongCredentials(stock.holders, good.credential))
          .map((authorization) => withAuthorization(craft(operation, fault, good), authorization));
    }
  });
}

/** Where the operation is a WebSocket, it is asked for as one, or without. */
function asSocket({ answers }: Operation, crafted: Crafted, upgrade: boolean): Crafted {
  return answers.has(101) && upgrade ? { ...crafted, headers: { ...crafted.headers, upgrade: "websocket" } } : crafted;
}

/** A WebSocket is always asked for by GET, whatever the request says. */
function canBeSent({ method }: Operation, { upgrade }: Record<string, string>): boolean {
  return method === "GET" || upgrade?.toLowerCase() !== "websocket";
}

/** Everything that a request is made of, each part such as it should be. */
function parts(operation: Operation, { seeds, ids, holders, resolve }: Stock): fc.Arbitrary<Parts> {
  const { parameters, security, body } = operation;
  const value = ({ name, schema }: Parameter) => fitting(schema, resolve, seeds, name).map(String);
  const among = (place: Parameter["in"]) => parameters.filter((parameter) => parameter.in === place);
  const optional = (parameter: Parameter) =>
    parameter.required ? value(parameter) : fc.option(value(parameter), { nil: undefined });
  const recordOf = (place: "query" | "header") =>
    fc.record(Object.fromEntries(among(place).map((parameter) => [parameter.name, optional(parameter)])));
  const strangers = parameters.filter((parameter) => parameter.in === "cookie");
  if (strangers.length > 0)
    throw new Error(`the fuzzer sends no cookies: teach it ${strangers.map(({ name }) => name)}`);
  return fc.record({
    path: fc.record(
      Object.fromEntries(among("path").map((parameter) => [parameter.name, inPath(operation, parameter, ids, value)])),
    ),
    query: recordOf("query").map((query) => always(operation, present(query))),
    headers: recordOf("header").map((headers) =>
      Object.fromEntries(present(headers).map(([name, text]) => [name, printable(text)])),
    ),
    credential: fc.constantFrom(...credentialsFor(security, holders)),
    body: body === null ? fc.constant(undefined) : fitting(body, resolve, seeds),
  });
}

function inPath(
  { path }: Operation,
  parameter: Parameter,
  ids: Stock["ids"],
  value: (parameter: Parameter) => fc.Arbitrary<string>,
): fc.Arbitrary<string> {
  const before = path.split("/").at(path.split("/").indexOf(`{${parameter.name}}`) - 1) ?? "";
  const meant = ids[before] ?? [];
  return meant.length === 0 ? value(parameter) : fc.constantFrom(...meant);
}

function present(record: Record<string, string | undefined>): [string, string][] {
  return Object.entries(record).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as [string, string]],
  );
}

/** Other characters are sent by no client, or as bytes that each of them chooses. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

/** Who may wait for a minute is told to wait for a second. */
function always({ parameters }: Operation, query: [string, string][]): [string, string][] {
  if (!parameters.some(({ name }) => name === "timeout")) return query;
  return [...query.filter(([name]) => name !== "timeout"), ["timeout", "1"]];
}

function queryNames({ parameters }: Operation): string[] {
  const names = parameters.filter((parameter) => parameter.in === "query").map(({ name }) => name);
  return [...names, ...names, "unheard_of", "limit[]", "__proto__"];
}

function without(query: [string, string][], odd: [string, string][]): [string, string][] {
  return query.filter(([name]) => name === "timeout" || !odd.some(([other]) => other === name));
}

function craft(operation: Operation, fault: Fault, { path, query, headers, credential, body }: Parts): Crafted {
  const target = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent((path[name] ?? "").toWellFormed()),
  );
  const search = query
    .map(([name, value]) => `${name}=${fault === "query" ? value : encodeURIComponent(value.toWellFormed())}`)
    .join("&");
  return {
    operation: operation.id,
    fault,
    method: operation.method,
    path: target + (search === "" ? "" : `?${search}`),
    headers: {
      ...(credential === null ? {} : credential.headers),
      ...(operation.body === null ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    body: operation.body === null ? null : (JSON.stringify(body) ?? ""),
  };
}

function withAuthorization(crafted: Crafted, authorization: Record<string, string>): Crafted {
  const { authorization: _, cookie: __, ...headers } = crafted.headers;
  return { ...crafted, headers: { ...headers, ...authorization } };
}

const LIMIT = 1_000_000;
/** A body of this many bytes, give or take what stands around it. */
const padded = (bytes: number) => (body: unknown) => {
  const text = JSON.stringify({ ...(body as object), padding: "" });
  return text.replace('"padding":""', `"padding":"${"x".repeat(Math.max(0, bytes - text.length))}"`);
};
const HUGE: readonly ((body: unknown) => string)[] = [
  padded(LIMIT - 1),
  padded(LIMIT),
  padded(LIMIT + 1),
  (body) =>
    JSON.stringify(
      Object.fromEntries(
        Object.entries(body ?? {}).map(([key, value]) => [
          key,
          typeof value === "string" ? "y".repeat(300_000) : value,
        ]),
      ),
    ),
  () => `{${Array.from({ length: 60_000 }, (_, n) => `"k${n}":1`).join(",")}}`,
  () => `[${"0,".repeat(400_000)}0]`,
  () => `"${"z".repeat(900_000)}"`,
  () => "9".repeat(900_000),
];

const DEPTH = 10_000;
const DEEP: readonly ((body: unknown) => string)[] = [
  () => "[".repeat(DEPTH) + "]".repeat(DEPTH),
  () => "[".repeat(DEPTH),
  () => `${'{"a":'.repeat(DEPTH)}1${"}".repeat(DEPTH)}`,
  (body) => inFirstField(body, `${"[".repeat(DEPTH)}${"]".repeat(DEPTH)}`),
  (body) => inFirstField(body, `${'{"a":'.repeat(DEPTH)}1${"}".repeat(DEPTH)}`),
  (body) => `{"deep":${"[".repeat(DEPTH)}${"]".repeat(DEPTH)},${JSON.stringify(body ?? {}).slice(1)}`,
];

function inFirstField(body: unknown, text: string): string {
  const [first = "a"] = Object.keys((body ?? {}) as object);
  return JSON.stringify({ ...(body as object), [first]: "HERE" }).replace('"HERE"', text);
}

function encoded(operation: Operation, good: Parts): fc.Arbitrary<Crafted> {
  const crafted = craft(operation, "encoding", good);
  const text = String(crafted.body);
  return fc.oneof(
    fc
      .constantFrom(...ENCODINGS)
      .map(({ headers = {}, of }) => ({ ...crafted, headers: { ...crafted.headers, ...headers }, body: of(text) })),
    fc.constantFrom(...TYPES).map((type) => ({ ...crafted, headers: { ...crafted.headers, "content-type": type } })),
  );
}

function oddPath(operation: Operation, good: Parts): fc.Arbitrary<Crafted> {
  const names = operation.parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
  return fc.tuple(fc.constantFrom(...names), fc.constantFrom(...IN_PATHS)).map(([name, odd]) => {
    const mark = "ODD-ONE";
    const crafted = craft(operation, "path", { ...good, path: { ...good.path, [name]: mark } });
    return { ...crafted, path: crafted.path.replace(mark, odd(good.path[name] ?? "")) };
  });
}

function wrongCredentials(holders: Holders, good: Credential | null): Record<string, string>[] {
  const token = good?.token ?? "";
  const others = Object.values(holders)
    .flat()
    .filter((other) => other.kind !== good?.kind);
  const bearer = (text: string) => ({ authorization: text });
  return [
    {},
    bearer(""),
    bearer("Bearer"),
    bearer("Bearer "),
    bearer(`Basic ${btoa(`user:${token}`)}`),
    bearer(`Bearer ${token.slice(0, -1)}`),
    bearer(`Bearer ${token}0`),
    bearer(`Bearer ${token.toUpperCase()}`),
    bearer(`Bearer ${token} ${token}`),
    bearer(`Bearer ${"a".repeat(100_000)}`),
    bearer(`Bearer sp_op_${"0".repeat(32)}_${"0".repeat(72)}`),
    { cookie: `session=${token}` },
    ...others.map(({ headers }) => headers),
  ];
}
