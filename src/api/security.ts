/** What attacks and accidents have left on a bot, and what a person makes of it. */
import { z } from "@hono/zod-openapi";
import { BotView } from "../wire/bot.ts";
import { AcknowledgeRequest } from "../wire/operator.ts";
import { Uuid } from "../wire/primitives.ts";
import { access } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { ANY_BOT_REFUSES, askBot } from "./bot-calls.ts";
import { createApp } from "./context.ts";
import { callerOf, IdempotencyHeaders } from "./idempotency.ts";
import { refusal } from "./problem.ts";
import { json } from "./responses.ts";
import { route } from "./route.ts";

export const securityRoutes = createApp();

securityRoutes.openapi(
  route({
    method: "post",
    path: "/bots/{id}/security/acknowledge",
    operationId: "acknowledgeSecurity",
    summary: "Acknowledge security flags",
    description:
      "Clears the bot's flags after a person has checked them. The history keeps the flags, who cleared them and why. A new incident raises its flag again.",
    tags: ["Bots"],
    ...access("bots:write", ...jsonBody),
    request: {
      params: z.object({ id: Uuid }),
      headers: IdempotencyHeaders,
      body: { required: true, content: { "application/json": { schema: AcknowledgeRequest } } },
    },
    refuses: [...ANY_BOT_REFUSES, "newer_release"],
    responses: { 200: json(BotView, "The bot, without flags") },
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
