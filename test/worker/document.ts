/** The API's own document, as it is served. */
import { request } from "./cloud.ts";

export interface Documented {
  method: string;
  path: string;
  operationId: string;
  security?: Record<string, string[]>[];
  responses: Record<string, { content?: Record<string, unknown> }>;
}

// biome-ignore lint/suspicious/noExplicitAny: the document is JSON of whatever shape it has
export async function readDocument(): Promise<{ document: any; documented: Documented[] }> {
  const document = (await request("GET", "/openapi.json", { token: null })).json;
  const documented = Object.entries<Record<string, Documented>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  );
  return { document, documented };
}
