/** Routes that are WebSockets. */
import type { Context } from "hono";
import { problem } from "./problem.ts";

export function isUpgrade(c: Context): boolean {
  return c.req.header("upgrade")?.toLowerCase() === "websocket";
}

/** RFC 9110, 15.5.22. */
export function upgradeRequired(c: Context) {
  c.header("upgrade", "websocket");
  return problem(c, "upgrade_required");
}
