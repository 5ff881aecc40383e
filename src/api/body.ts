/** What a body must be before it is parsed. */
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./context.ts";
import { problem } from "./problem.ts";

const MAX_BODY_BYTES = 1_000_000;

/** How the validator of bodies spells it; what else is JSON by RFC 9110 would be no body to it. */
const PLAIN_JSON = /^application\/json(; *charset=[\w-]+)?$/;

const isJson = createMiddleware<AppEnv>(async (c, next) => {
  const header = c.req.header("content-type") ?? "";
  if (header.split(";")[0]?.trim().toLowerCase() !== "application/json") {
    return problem(c, "unsupported_media_type");
  }
  if (!PLAIN_JSON.test(header)) {
    const headers = new Headers(c.req.raw.headers);
    headers.set("content-type", "application/json");
    c.req.raw = new Request(c.req.raw, { headers });
  }
  return next();
});

const tooLarge = (c: Context) =>
  problem(c, "body_too_large", `The request body is larger than ${MAX_BODY_BYTES} bytes.`);

/** Of a body that does not say how long it is: counts as it is read. */
const counted = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge });

/** The body is not touched where its length is said: to open it as a stream costs as much as all of a heartbeat's work. */
const isSmall = createMiddleware<AppEnv>(async (c, next) => {
  const length = c.req.header("content-length");
  if (length === undefined || c.req.header("transfer-encoding") !== undefined) return counted(c, next);
  return Number(length) <= MAX_BODY_BYTES ? next() : tooLarge(c);
});

/** Nothing at all stands for the body with which nothing is said. */
const isJsonIfAny = createMiddleware<AppEnv>(async (c, next) => {
  const none = c.req.header("content-type") === undefined && c.req.raw.body === null;
  return none ? next() : isJson(c, next);
});

/** After authentication, before parsing. */
export const jsonBody = [isJson, isSmall] as const;

/** The same where the body may be left out. */
export const optionalJsonBody = [isJsonIfAny, isSmall] as const;
