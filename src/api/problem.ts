/** Refusals and failures as RFC 9457 problem details; what they say stands in wire/problems.ts. */
import type { Context, TypedResponse } from "hono";
import { HTTPException } from "hono/http-exception";
import type { z } from "zod";
import type { Refusal } from "../bot/shell/answer.ts";
import { isUnavailable } from "../cloudflare/failures.ts";
import { PROBLEM_CONTENT_TYPE, type Problem } from "../wire/problem.ts";
import { PROBLEMS, type ProblemCode, problemType } from "../wire/problems.ts";
import { quote } from "../wire/redact.ts";

/** Fits every route's answers: which problems a route may meet is said where it is described. */
type ProblemResponse = Response & TypedResponse<never, never, never>;

type More = Partial<Pick<Problem, "errors" | "allowed">> & { retry_after_s?: number };

/** @param detail what is known beyond the code's own sentence */
export function problem(c: Context, code: ProblemCode, detail?: string, more: More = {}): ProblemResponse {
  const { status, title, detail: usual } = PROBLEMS[code];
  const { retry_after_s, ...members } = more;
  const body: Problem = {
    type: problemType(code),
    title,
    status,
    detail: detail ?? usual,
    code,
    request_id: c.get("request_id") ?? "",
    ...members,
  };
  const headers: Record<string, string> = { "content-type": PROBLEM_CONTENT_TYPE };
  const wait = retry_after_s ?? (status === 503 || status === 429 ? 5 : null);
  if (wait !== null) headers["retry-after"] = String(wait);
  if (status === 401) headers["www-authenticate"] = 'Bearer realm="spawnpoint"';
  return c.body(JSON.stringify(body), status, headers) as unknown as ProblemResponse;
}

/** A Bot's refusal as HTTP. */
export function refusal(c: Context, { code, detail, allowed, retry_after_s }: Refusal): ProblemResponse {
  return problem(c, code, detail, {
    ...(allowed ? { allowed } : {}),
    ...(retry_after_s === undefined ? {} : { retry_after_s }),
  });
}

const MAX_ERRORS = 100;
const MAX_ERROR_CHARS = 300;

/** What zod says is wrong, and where. */
export type Issue = Pick<z.core.$ZodIssue, "path" | "message">;

/** A body that parses but says what cannot be is 422; a path or query that does not parse is 400. */
export function invalid(c: Context, target: string, issues: readonly Issue[]): ProblemResponse {
  const errors = issues.slice(0, MAX_ERRORS).map(({ path, message }) => ({
    pointer: quote(
      `/${path.map((part) => String(part).replaceAll("~", "~0").replaceAll("/", "~1")).join("/")}`,
      MAX_ERROR_CHARS,
    ),
    detail: quote(message, MAX_ERROR_CHARS),
  }));
  const detail = errors
    .map(({ pointer, detail: text }) => `${pointer} ${text}`)
    .join("; ")
    .slice(0, 1000);
  return problem(c, target === "json" ? "invalid_request" : "malformed_request", detail, { errors });
}

/** What was thrown: hono's own refusals keep their meaning, anything else is ours and says nothing of itself. */
export function fromError(c: Context, error: Error): Response {
  if (error instanceof HTTPException && error.status === 400) {
    return problem(c, "malformed_request", "The body is not valid JSON.");
  }
  if (isUnavailable(error)) {
    return problem(c, "unavailable");
  }
  return problem(c, "internal_error");
}
