/** What keeps a bot from running, and is a person's to lift. */
import { z } from "@hono/zod-openapi";
import { BotView } from "../wire/bot.ts";
import { ReleaseRequest } from "../wire/operator.ts";
import { Uuid } from "../wire/primitives.ts";
import { access } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { ANY_BOT_REFUSES, askBot } from "./bot-calls.ts";
import { createApp } from "./context.ts";
import { callerOf, IdempotencyHeaders } from "./idempotency.ts";
import { refusal } from "./problem.ts";
import { json } from "./responses.ts";
import { route } from "./route.ts";

export const holdRoutes = createApp();

holdRoutes.openapi(
  route({
    method: "post",
    path: "/bots/{id}/holds/breach/release",
    operationId: "releaseBreachHold",
    summary: "Lift a breach hold",
    description:
      "Lifts the hold that was placed because the bot passed a risk limit. Other holds stay. In paper mode the workload then starts by itself; in live mode it waits for a `start` command. The bot is not held again for the same breach. If there is no breach hold, nothing changes.",
    tags: ["Bots"],
    ...access("bots:write", ...jsonBody),
    request: {
      params: z.object({ id: Uuid }),
      headers: IdempotencyHeaders,
      body: { required: true, content: { "application/json": { schema: ReleaseRequest } } },
    },
    refuses: [...ANY_BOT_REFUSES, "newer_release", "bot_destroyed"],
    responses: { 200: json(BotView, "The bot, without the hold") },
  }),
  async (c) => {
    const body = c.req.valid("json");
    const caller = await callerOf(c, "releaseBreachHold", body);
    const { id } = c.req.valid("param");
    const answer = await askBot(c, id, (stub) => stub.releaseHold(caller, "breach", body.reason));
    if (!answer.ok) return refusal(c, answer);
    if (answer.replayed) c.header("idempotency-replayed", "true");
    return c.json(answer.value, 200);
  },
);
