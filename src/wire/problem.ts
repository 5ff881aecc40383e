/** Errors of the HTTP face: RFC 9457 problem details. */
import { z } from "zod";

export const PROBLEM_CONTENT_TYPE = "application/problem+json";

export const Problem = z
  .object({
    type: z.string().meta({ example: "https://spawnpoint.dev/problems/bot_not_found" }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: "Stable and machine-readable" }),
    request_id: z.string(),
    errors: z
      .array(z.object({ pointer: z.string().meta({ description: "JSON pointer (RFC 6901)" }), detail: z.string() }))
      .optional(),
    allowed: z.array(z.string()).optional().meta({ description: "What the present state allows" }),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof Problem>;
