import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { decodeCursor } from "../db/pages.ts";
import { problem } from "./problem.ts";

/** Where a page begins, or the answer to a cursor that is none of ours. */
export function decodePage(c: Context, cursor: string | undefined) {
  if (cursor === undefined) return null;
  return decodeCursor(cursor) ?? problem(c, "malformed_request", "The cursor is not one that this list gave out.");
}

export const BooleanQuery = z.enum(["true", "false"]).transform((text) => text === "true");
export const IncludeDestroyed = BooleanQuery.optional().meta({
  type: "string",
  enum: ["true", "false"],
  description: "Destroyed bots too",
});
