/** Stopping a bot over its owner's head, and letting it run again. */
import { createRoute, z } from "@hono/zod-openapi";
import { ActionAnswer } from "../wire/bot.ts";
import { SuspendRequest } from "../wire/operator.ts";
import { Uuid } from "../wire/primitives.ts";
import { access } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { askBot } from "./bot-calls.ts";
import { createApp } from "./context.ts";
import { callerOf, IdempotencyHeaders } from "./idempotency.ts";
import { accepted } from "./operations.ts";
import { BODY_PROBLEMS, json, problems } from "./responses.ts";

const tags = ["Operator"];
const BotPath = z.object({ id: Uuid });

export const suspensionRoutes = createApp();

suspensionRoutes.openapi(
  createRoute({
    method: "post",
    path: "/operator/bots/{id}/suspend",
    operationId: "suspendBot",
    summary: "Stop a bot and keep it stopped; its data is kept",
    description:
      "Comes before whatever is under way, a destroy excepted. Until it is unsuspended the bot takes no action but destroy, and a new config waits. A bot that is suspended already answers with that same operation and keeps its reason.",
    tags,
    ...access("operator:write", ...jsonBody),
    request: {
      params: BotPath,
      headers: IdempotencyHeaders,
      body: { required: true, content: { "application/json": { schema: SuspendRequest } } },
    },
    responses: { 202: json(ActionAnswer, "The operation"), ...problems(...BODY_PROBLEMS, 404, 409) },
  }),
  async (c) => {
    const body = c.req.valid("json");
    const caller = await callerOf(c, "suspendBot", body);
    return accepted(c, await askBot(c, c.req.valid("param").id, (stub) => stub.suspend(caller, body.reason)));
  },
);

suspensionRoutes.openapi(
  createRoute({
    method: "post",
    path: "/operator/bots/{id}/unsuspend",
    operationId: "unsuspendBot",
    summary: "Let a suspended bot run again",
    description:
      "It is resumed, on a new droplet where it has none; one that was paused before stays paused. A bot that is not suspended answers with its last operation.",
    tags,
    ...access("operator:write"),
    request: { params: BotPath, headers: IdempotencyHeaders },
    responses: { 202: json(ActionAnswer, "The operation"), ...problems(400, 404, 409, 422) },
  }),
  async (c) => {
    const caller = await callerOf(c, "unsuspendBot", null);
    return accepted(c, await askBot(c, c.req.valid("param").id, (stub) => stub.unsuspend(caller)));
  },
);
