import type { Context } from "hono";

/** RFC 9110, 13.1.2: whether the client's `If-None-Match` names this entity tag, weakly or not. */
export function isUnchanged(c: Context, etag: string): boolean {
  const header = c.req.header("if-none-match");
  if (header === undefined) return false;
  return header.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
}
