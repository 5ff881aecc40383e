/** Requests that a browser sends because another site told it to. */
import type { Context } from "hono";
import type { AppEnv } from "./context.ts";

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Whether a request that carries a cookie was made by a page that is not ours. Browsers say so by `Sec-Fetch-Site`, older
 * ones by `Origin`; who sends neither is no browser and sends no cookie that it was not given. A WebSocket is opened by GET
 * and bound by no CORS, so it is judged too.
 */
export function isForged(c: Context<AppEnv>): boolean {
  const upgrade = c.req.header("upgrade") !== undefined;
  if (SAFE.has(c.req.method) && !upgrade) return false;
  const origin = c.req.header("origin");
  if (origin !== undefined && isOurs(c, origin)) return false;
  const site = c.req.header("sec-fetch-site");
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  return origin !== undefined;
}

/** The Worker's own origin, or one that the settings let in. */
export function isOurs(c: Context<AppEnv>, origin: string): boolean {
  const { PUBLIC_URL, ALLOWED_ORIGINS } = c.get("settings");
  return origin === new URL(PUBLIC_URL).origin || ALLOWED_ORIGINS.includes(origin);
}
