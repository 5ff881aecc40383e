import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { decodeCursor } from "../db/pages.ts";
import { problem } from "./problem.ts";

/** Of a cursor that is none of ours. */
export const INVALID_CURSOR = "The cursor is invalid. Use the `next_cursor` of the previous page.";

/** Where a page begins, or the answer to a cursor that is none of ours. */
export function decodePage(c: Context, cursor: string | undefined) {
  if (cursor === undefined) return null;
  return decodeCursor(cursor) ?? problem(c, "malformed_request", INVALID_CURSOR);
}

export const BooleanQuery = z.enum(["true", "false"]).transform((text) => text === "true");
export const IncludeDestroyed = BooleanQuery.optional().meta({
  type: "string",
  enum: ["true", "false"],
  description: "Includes destroyed bots",
});
