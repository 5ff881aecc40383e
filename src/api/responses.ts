/** Answers as the OpenAPI document describes them: contents, headers, and a problem for each code that may come. */
import type { OpenAPIHono, RouteConfig } from "@hono/zod-openapi";
import type { z } from "zod";
import { PROBLEM_CONTENT_TYPE, Problem } from "../wire/problem.ts";
import { PROBLEM_CODES, PROBLEMS, type ProblemCode, problemType } from "../wire/problems.ts";
import type { AppEnv } from "./context.ts";

type ResponseConfig = Exclude<RouteConfig["responses"][string], { $ref: string }>;
type HeaderObject = { description: string; schema: { type: "string" | "integer"; [keyword: string]: unknown } };

const HEADERS = {
  "X-Request-Id": { description: "Identifies the request in logs and in the audit log", schema: uuid() },
  "Retry-After": { description: "Seconds to wait before the next attempt", schema: { type: "integer", minimum: 1 } },
  RateLimit: {
    description: "Requests left in the current window, and seconds until it ends. Present if the request was counted.",
    schema: { type: "string", example: '"default";r=99;t=60' },
  },
  "RateLimit-Policy": {
    description: "Requests allowed per window, and its length in seconds. Present if the request was counted.",
    schema: { type: "string", example: '"default";q=100;w=60' },
  },
  "WWW-Authenticate": {
    description: "The scheme to authenticate with",
    schema: { type: "string", example: 'Bearer realm="spawnpoint"' },
  },
  "Idempotency-Replayed": {
    description: "Present if the Idempotency-Key was used before: nothing was done again",
    schema: { type: "string", enum: ["true"] },
  },
  ETag: {
    description: "Entity tag of this config version, for If-Match and If-None-Match",
    schema: { type: "string" },
  },
  Location: { description: "Path of the created resource", schema: { type: "string" } },
  "Set-Cookie": { description: "The session cookie", schema: { type: "string" } },
  Upgrade: { description: "The protocol to upgrade to", schema: { type: "string", enum: ["websocket"] } },
} satisfies Record<string, HeaderObject>;
export type HeaderName = keyof typeof HEADERS;

/** References to headers, as a response lists them. */
export function headers(...names: readonly HeaderName[]) {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

export function json<T extends z.ZodType>(schema: T, description: string, ...names: HeaderName[]) {
  return { description, content: { "application/json": { schema } }, headers: headers(...names) };
}

/** A response for each status that the codes have. */
export function problemResponses(codes: readonly ProblemCode[], counted: boolean) {
  const byStatus = Object.groupBy(new Set(codes), (code) => PROBLEMS[code].status);
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, same = []]) => {
      const [first] = same;
      const alone = first !== undefined && same.length === 1;
      return [status, alone ? { $ref: `#/components/responses/${componentName(first)}` } : describe(same, counted)];
    }),
  );
}

function componentName(code: ProblemCode): string {
  return code.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function describe(codes: readonly ProblemCode[], counted: boolean) {
  const [first] = codes;
  if (first === undefined) throw new Error("a problem response needs a code");
  const { status } = PROBLEMS[first];
  const narrowed = { type: "object" as const, properties: { code: { enum: [...codes] } } };
  const schema = { allOf: [{ $ref: "#/components/schemas/Problem" }, narrowed] };
  const examples = codes.map((code) => [code, { $ref: `#/components/examples/${componentName(code)}` }]);
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join("; "),
    headers: headers(...headersOf(status, counted)),
    content: { [PROBLEM_CONTENT_TYPE]: { schema, examples: Object.fromEntries(examples) } },
  };
}

function headersOf(status: number, counted: boolean): HeaderName[] {
  return [
    "X-Request-Id",
    ...(counted || status === 429 ? (["RateLimit", "RateLimit-Policy"] as const) : []),
    ...(status === 429 || status === 503 ? (["Retry-After"] as const) : []),
    ...(status === 401 ? (["WWW-Authenticate"] as const) : []),
    ...(status === 426 ? (["Upgrade"] as const) : []),
  ];
}

function exampleOf(code: ProblemCode) {
  const { title, status, detail } = PROBLEMS[code];
  const value: Problem = { type: problemType(code), title, status, detail, code, request_id: uuid().example };
  return { summary: title, value };
}

function uuid() {
  return { type: "string", format: "uuid", example: "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d" } as const;
}

/** What routes refer to. Called when every route is known: nothing is registered that none uses. */
export function registerComponents({ openAPIRegistry: registry }: OpenAPIHono<AppEnv>): void {
  const responses = registry.definitions.flatMap((definition) =>
    definition.type === "route" ? Object.values(definition.route.responses) : [],
  );
  const alone = new Set(responses.flatMap((response) => ("$ref" in response ? [response.$ref] : [])));
  const grouped = responses.flatMap((response) => ("$ref" in response ? [] : codesOf(response)));
  registry.register("Problem", Problem);
  for (const [name, header] of Object.entries(HEADERS)) registry.registerComponent("headers", name, header);
  for (const code of PROBLEM_CODES) {
    const name = componentName(code);
    const isAlone = alone.has(`#/components/responses/${name}`);
    if (isAlone) registry.registerComponent("responses", name, describe([code], true));
    if (isAlone || grouped.includes(code)) registry.registerComponent("examples", name, exampleOf(code));
  }
}

/** The codes that a response of several names as its examples. */
function codesOf({ content }: ResponseConfig): string[] {
  const problem = content?.[PROBLEM_CONTENT_TYPE];
  return problem && "examples" in problem ? Object.keys(problem.examples ?? {}) : [];
}
