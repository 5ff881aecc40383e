/** What attacks and accidents have left on a bot, and what a person makes of it. */
import { createRoute, z } from "@hono/zod-openapi";
import { BotView } from "../wire/bot.ts";
import { AcknowledgeRequest } from "../wire/operator.ts";
import { Uuid } from "../wire/primitives.ts";
import { access } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { askBot } from "./bot-calls.ts";
import { createApp } from "./context.ts";
import { callerOf, IdempotencyHeaders } from "./idempotency.ts";
import { refusal } from "./problem.ts";
import { BODY_PROBLEMS, json, problems } from "./responses.ts";

export const securityRoutes = createApp();

securityRoutes.openapi(
  createRoute({
    method: "post",
    path: "/bots/{id}/security/acknowledge",
    operationId: "acknowledgeSecurity",
    summary: "Take a bot's flags down, having looked",
    description:
      "The history keeps what was flagged, who looked and why they are content. What comes again is flagged again.",
    tags: ["Bots"],
    ...access("bots:write", ...jsonBody),
    request: {
      params: z.object({ id: Uuid }),
      headers: IdempotencyHeaders,
      body: { required: true, content: { "application/json": { schema: AcknowledgeRequest } } },
    },
    responses: { 200: json(BotView, "The bot, without flags"), ...problems(...BODY_PROBLEMS, 404, 409) },
  }),
  async (c) => {
    const body = c.req.valid("json");
    const caller = await callerOf(c, "acknowledgeSecurity", body);
    const answer = await askBot(c, c.req.valid("param").id, (stub) => stub.acknowledgeSecurity(caller, body.reason));
    if (!answer.ok) return refusal(c, answer);
    if (answer.replayed) c.header("idempotency-replayed", "true");
    return c.json(answer.value, 200);
  },
);
