/** A route as it is declared. What its guard, its parameters and its body may refuse is described without being listed. */
import { createRoute, type RouteConfig } from "@hono/zod-openapi";
import type { ProblemCode } from "../wire/problems.ts";
import { IdempotencyHeaders } from "./idempotency.ts";
import { headers, problemResponses } from "./responses.ts";

/** Who may call, and what whoever judges that may refuse. */
export interface Guard {
  refuses: readonly ProblemCode[];
  /** Whether every answer says what is left of the caller's rate limit. */
  counted: boolean;
}

interface Declared {
  guard: Guard;
  /** What the route itself may refuse. */
  refuses?: readonly ProblemCode[];
}

/** What any request may meet. */
const ANY: readonly ProblemCode[] = ["uri_too_long", "headers_too_large", "internal_error", "unavailable"];
const BODY: readonly ProblemCode[] = [
  "malformed_request",
  "body_too_large",
  "unsupported_media_type",
  "invalid_request",
];

export function route<P extends string, R extends Omit<RouteConfig, "path"> & { path: P } & Declared>(declared: R) {
  const { guard, refuses = [], ...config } = declared;
  const codes = [...guard.refuses, ...implied(config.request), ...refuses, ...ANY];
  const responses = { ...problemResponses(codes, guard.counted), ...withHeaders(declared) };
  // The type stays as it was declared: a problem fits every route's answers.
  return createRoute<P, R>({ ...config, responses } as unknown as R);
}

function implied(request: RouteConfig["request"]): ProblemCode[] {
  const { body, params, query, headers: sent } = request ?? {};
  return [
    ...(body ? BODY : []),
    ...(params || query || sent ? (["malformed_request"] as const) : []),
    ...(sent === IdempotencyHeaders ? (["idempotency_key_reused"] as const) : []),
  ];
}

/** What every answer carries, beside what the route says of its own. */
function withHeaders({ responses, request, guard }: Pick<RouteConfig, "responses" | "request"> & Declared) {
  const replayed = request?.headers === IdempotencyHeaders ? (["Idempotency-Replayed"] as const) : [];
  return Object.fromEntries(
    Object.entries(responses).map(([status, response]) => {
      if ("$ref" in response) return [status, response];
      // A WebSocket's answer is made anew, and says nothing of limits.
      const counted = guard.counted && status !== "101" ? (["RateLimit", "RateLimit-Policy"] as const) : [];
      const common = headers("X-Request-Id", ...counted, ...replayed);
      return [status, { ...response, headers: { ...common, ...response.headers } }];
    }),
  );
}
