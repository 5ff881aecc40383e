/** Stopping a bot over its owner's head, and letting it run again. */
import { z } from "@hono/zod-openapi";
import { ActionAnswer } from "../wire/bot.ts";
import { SuspendRequest } from "../wire/operator.ts";
import { Uuid } from "../wire/primitives.ts";
import { access } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { ANY_BOT_REFUSES, askBot } from "./bot-calls.ts";
import { createApp } from "./context.ts";
import { callerOf, IdempotencyHeaders } from "./idempotency.ts";
import { accepted } from "./operations.ts";
import { json } from "./responses.ts";
import { route } from "./route.ts";

const tags = ["Operator"];
const BotPath = z.object({ id: Uuid });

export const suspensionRoutes = createApp();

suspensionRoutes.openapi(
  route({
    method: "post",
    path: "/operator/bots/{id}/suspend",
    operationId: "suspendBot",
    summary: "Suspend a bot",
    description:
      "Powers the bot off and keeps it off; its data is kept. Pre-empts any running operation except a destroy. Until it is unsuspended, the bot accepts no action but destroy, and a new config is not delivered. Suspending a suspended bot returns the existing operation and keeps the first reason.",
    tags,
    ...access("operator:write", ...jsonBody),
    request: {
      params: BotPath,
      headers: IdempotencyHeaders,
      body: { required: true, content: { "application/json": { schema: SuspendRequest } } },
    },
    refuses: [...ANY_BOT_REFUSES, "newer_release", "bot_destroyed", "action_not_allowed", "operation_not_found"],
    responses: { 202: json(ActionAnswer, "The operation") },
  }),
  async (c) => {
    const body = c.req.valid("json");
    const caller = await callerOf(c, "suspendBot", body);
    return accepted(c, await askBot(c, c.req.valid("param").id, (stub) => stub.suspend(caller, body.reason)));
  },
);

suspensionRoutes.openapi(
  route({
    method: "post",
    path: "/operator/bots/{id}/unsuspend",
    operationId: "unsuspendBot",
    summary: "Unsuspend a bot",
    description:
      "Resumes the bot, on a new droplet if it has none. A bot that was paused before stays paused. If the bot is not suspended, its last operation is returned.",
    tags,
    ...access("operator:write"),
    request: { params: BotPath, headers: IdempotencyHeaders },
    refuses: [...ANY_BOT_REFUSES, "newer_release", "bot_destroyed", "action_not_allowed", "operation_not_found"],
    responses: { 202: json(ActionAnswer, "The operation") },
  }),
  async (c) => {
    const caller = await callerOf(c, "unsuspendBot", null);
    return accepted(c, await askBot(c, c.req.valid("param").id, (stub) => stub.unsuspend(caller)));
  },
);
