/** The API's own document, as it is served. */
import { exports } from "cloudflare:workers";

export const BASE = "http://spawnpoint.test";

export interface Documented {
  method: string;
  path: string;
  operationId: string;
  tags: string[];
  security?: Record<string, string[]>[];
  /** References are resolved. */
  responses: Record<string, DocumentedResponse>;
}

interface DocumentedResponse {
  headers?: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: the document is JSON of whatever shape it has
  content?: Record<string, any>;
}

// biome-ignore lint/suspicious/noExplicitAny: the document is JSON of whatever shape it has
type Json = any;

export async function readDocument(): Promise<{ document: Json; documented: Documented[] }> {
  const document: Json = await (await exports.default.fetch(`${BASE}/openapi.json`)).json();
  const documented = Object.entries<Record<string, Json>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase(),
      path,
      responses: Object.fromEntries(
        Object.entries(operation.responses).map(([status, response]) => [status, resolve(document, response)]),
      ),
    })),
  );
  return { document, documented };
}

/** What a reference in the document leads to; what is no reference stays as it is. */
export function resolve(document: Json, node: Json): Json {
  const { $ref, ...rest } = node;
  if (typeof $ref !== "string") return node;
  const found = $ref
    .replace(/^#\//, "")
    .split("/")
    .reduce((at: Json, part) => at?.[part], document);
  if (found === undefined) throw new Error(`the document has no ${$ref}`);
  return resolve(document, { ...found, ...rest });
}

/** The codes that a response says it may have; none where it is no problem. */
export function codesOf(response: DocumentedResponse | undefined): string[] {
  const parts: Json[] = response?.content?.["application/problem+json"]?.schema.allOf ?? [];
  return parts.flatMap(({ properties }) => properties?.code.enum ?? []);
}

let known: ReturnType<typeof readDocument> | undefined;

/** @throws where the request is one of the document's and its refusal is not listed there */
export async function mustBeDocumented(method: string, target: string, status: number, code: string): Promise<void> {
  known ??= readDocument();
  const { documented } = await known;
  const [path = ""] = target.split("?");
  const fitting = documented.filter((operation) => operation.method === method && fits(operation.path, path));
  if (fitting.length === 0 || fitting.some(({ responses }) => codesOf(responses[status]).includes(code))) return;
  throw new Error(`${method} ${path} answered ${status} ${code}, which the document does not list`);
}

function fits(pattern: string, path: string): boolean {
  const [parts, segments] = [pattern.split("/"), path.split("/")];
  return (
    parts.length === segments.length &&
    parts.every((part, index) => (part.startsWith("{") ? segments[index] !== "" : part === segments[index]))
  );
}
