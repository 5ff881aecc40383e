/** What every request must keep to and every answer carries, whatever it is about. */
import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import { secureHeaders } from "hono/secure-headers";
import type { AppEnv } from "./context.ts";
import { isOurs } from "./cross-site.ts";
import { problem } from "./problem.ts";

const MAX_URL_LENGTH = 8_192;
const MAX_HEADERS_LENGTH = 32_768;
const HSTS = "max-age=31536000; includeSubDomains";

/** An address or headers so long that no client of ours sends them. */
export const sizeLimits = createMiddleware<AppEnv>(async (c, next) => {
  if (c.req.raw.url.length > MAX_URL_LENGTH) {
    return problem(c, "uri_too_long", `The request URI is longer than ${MAX_URL_LENGTH} characters.`);
  }
  let length = 0;
  for (const [name, value] of c.req.raw.headers) length += name.length + value.length;
  if (length > MAX_HEADERS_LENGTH) {
    return problem(
      c,
      "headers_too_large",
      `The request headers are longer than ${MAX_HEADERS_LENGTH} characters in total.`,
    );
  }
  return next();
});

const secure = secureHeaders({
  strictTransportSecurity: false,
  xFrameOptions: "DENY",
  referrerPolicy: "no-referrer",
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
});

/** Nothing that needs a credential is kept by anybody in between, unless a route says otherwise. */
export const answerHeaders = createMiddleware<AppEnv>(async (c, next) => {
  await secure(c, next);
  if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
  if (c.get("settings").ENVIRONMENT === "production") c.header("strict-transport-security", HSTS);
});

/** Pages of other origins get answers only where the settings name their origin. */
export const crossOrigin = cors({
  origin: (origin, c) => (isOurs(c, origin) ? origin : null),
  credentials: true,
  allowMethods: ["GET", "POST", "PATCH", "DELETE"],
  allowHeaders: ["authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "spawnpoint-account"],
  exposeHeaders: [
    "etag",
    "location",
    "retry-after",
    "ratelimit",
    "ratelimit-policy",
    "idempotency-replayed",
    "x-request-id",
  ],
  maxAge: 600,
});
