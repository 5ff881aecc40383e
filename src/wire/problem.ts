/** Errors of the HTTP face: RFC 9457 problem details. */
import * as z from "zod";

export const PROBLEM_CONTENT_TYPE = "application/problem+json";

export const Problem = z
  .object({
    type: z.string().meta({ example: "https://spawnpoint.dev/problems/bot_not_found" }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: "What happened, why, and what to do next" }),
    code: z.string().meta({ description: "Machine-readable code. Stable across releases." }),
    request_id: z.string().meta({ description: "Same as the header X-Request-Id" }),
    errors: z
      .array(
        z.object({
          pointer: z.string().meta({ description: "JSON Pointer to the field (RFC 6901)" }),
          detail: z.string(),
        }),
      )
      .optional(),
    allowed: z.array(z.string()).optional().meta({ description: "Actions that the bot's current state allows" }),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof Problem>;
