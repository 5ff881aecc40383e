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
  414: "Address too long",
  415: "Content type is not application/json",
  422: "The body says what cannot be",
  426: "Needs a WebSocket upgrade",
  429: "Too many requests",
  431: "Headers too large",
  500: "Our fault",
  503: "Try again after Retry-After",
} as const;
type ProblemStatus = keyof typeof DESCRIPTIONS;

/** What any request may meet, whatever it is about. */
const COMMON = [401, 403, 414, 429, 431, 500, 503] as const;

/** Problem answers by status, besides those that any request may meet. */
export function problems<S extends ProblemStatus>(...statuses: S[]) {
  const all = [...statuses, ...COMMON];
  return Object.fromEntries(
    all.map((status) => [
      status,
      { description: DESCRIPTIONS[status], content: { [PROBLEM_CONTENT_TYPE]: { schema: Problem } } },
    ]),
  ) as unknown as Record<
    S | (typeof COMMON)[number],
    { description: string; content: { "application/problem+json": { schema: typeof Problem } } }
  >;
}

/** What any request with a body may meet. */
export const BODY_PROBLEMS = [400, 413, 415, 422] as const;
