/** How answers are described in the OpenAPI document. */
import type { z } from "zod";
import { PROBLEM_CONTENT_TYPE, Problem } from "../wire/problem.ts";

export function json<T extends z.ZodType>(schema: T, description: string, headers?: z.ZodObject) {
  return { description, content: { "application/json": { schema } }, ...(headers ? { headers } : {}) };
}

const DESCRIPTIONS = {
  400: "Malformed path, query, header or JSON",
  401: "No valid credential",
  403: "Known, but not allowed",
  404: "Not there, or not yours",
  409: "Not possible in the present state",
  412: "It has changed since you read it",
  413: "Body too large",
  415: "Content type is not application/json",
  422: "The body says what cannot be",
  426: "Needs a WebSocket upgrade",
  429: "Too many requests",
  500: "Our fault",
  503: "Try again after Retry-After",
} as const;
type ProblemStatus = keyof typeof DESCRIPTIONS;

/** Problem answers by status; 401, 429, 500 and 503 can meet any authenticated request. */
export function problems<S extends ProblemStatus>(...statuses: S[]) {
  const all = [...statuses, 401, 429, 500, 503] as const;
  return Object.fromEntries(
    all.map((status) => [
      status,
      { description: DESCRIPTIONS[status], content: { [PROBLEM_CONTENT_TYPE]: { schema: Problem } } },
    ]),
  ) as unknown as Record<
    S | 401 | 429 | 500 | 503,
    { description: string; content: { "application/problem+json": { schema: typeof Problem } } }
  >;
}

/** What any request with a body may meet. */
export const BODY_PROBLEMS = [400, 413, 415, 422] as const;
