/** What a body must be before it is parsed. */
import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./context.ts";
import { problem } from "./problem.ts";

const MAX_BODY_BYTES = 1_000_000;

const isJson = createMiddleware<AppEnv>(async (c, next) => {
  const type = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (type !== "application/json") {
    return problem(c, "unsupported_media_type", "The body must be JSON: send content-type: application/json.");
  }
  return next();
});

const isSmall = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: (c) => problem(c, "body_too_large", `The body is larger than ${MAX_BODY_BYTES} bytes.`),
});

/** After authentication, before parsing. */
export const jsonBody = [isJson, isSmall] as const;
