/** What is done to a bot: actions, and the operations that they start. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Answer } from "../bot/shell/answer.ts";
import { ActionAnswer, ActionRequest, Operation } from "../wire/bot.ts";
import { pageOf, Uuid } from "../wire/primitives.ts";
import { access } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { ANY_BOT_REFUSES, askBot } from "./bot-calls.ts";
import { type AppEnv, createApp } from "./context.ts";
import { callerOf, IdempotencyHeaders } from "./idempotency.ts";
import { refusal } from "./problem.ts";
import { json } from "./responses.ts";
import { route } from "./route.ts";

const tags = ["Operations"];
const BotPath = z.object({ id: Uuid });

export const operationRoutes = createApp();

operationRoutes.openapi(
  route({
    method: "post",
    path: "/bots/{id}/actions",
    operationId: "actOnBot",
    summary: "Pause, resume, redeploy or destroy a bot",
    description:
      "Starts an operation. An action that is already under way or whose result already holds returns the existing operation.",
    tags,
    ...access("bots:write", ...jsonBody),
    request: {
      params: BotPath,
      headers: IdempotencyHeaders,
      body: { required: true, content: { "application/json": { schema: ActionRequest } } },
    },
    refuses: [
      ...ANY_BOT_REFUSES,
      "newer_release",
      "bot_destroyed",
      "action_not_allowed",
      "operation_not_found",
      "restarted_lately",
    ],
    responses: { 202: json(ActionAnswer, "The operation") },
  }),
  async (c) => {
    const body = c.req.valid("json");
    const caller = await callerOf(c, "actOnBot", body);
    const { id } = c.req.valid("param");
    const { action, force = false } = body;
    if (!force || action !== "destroy")
      return accepted(c, await askBot(c, id, (stub) => stub.act(caller, action, force)));
    const answer = await askBot(c, id, (stub) => stub.forceDestroy(caller));
    if (!answer.ok) return refusal(c, answer);
    if (answer.replayed) c.header("idempotency-replayed", "true");
    return c.json({ status: "ok" as const, ...answer.value }, 202);
  },
);

operationRoutes.openapi(
  route({
    method: "post",
    path: "/bots/{id}/operations/{operation_id}/cancel",
    operationId: "cancelOperation",
    summary: "Cancel an operation",
    description: "Cancels an operation that has not started to make changes yet.",
    tags,
    ...access("bots:write"),
    request: { params: BotPath.extend({ operation_id: Uuid }), headers: IdempotencyHeaders },
    refuses: [...ANY_BOT_REFUSES, "newer_release", "operation_not_found", "operation_committed"],
    responses: { 202: json(ActionAnswer, "The operation") },
  }),
  async (c) => {
    const { id, operation_id } = c.req.valid("param");
    const caller = await callerOf(c, "cancelOperation", null);
    return accepted(c, await askBot(c, id, (stub) => stub.cancelOperation(caller, operation_id)));
  },
);

/** What a Bot answers to whoever asks it to do something. */
export function accepted(c: Context<AppEnv>, answer: Answer<z.output<typeof Operation>>) {
  if (!answer.ok) return refusal(c, answer);
  if (answer.replayed) c.header("idempotency-replayed", "true");
  return c.json({ status: "ok" as const, operation: answer.value }, 202);
}

operationRoutes.openapi(
  route({
    method: "get",
    path: "/bots/{id}/operations",
    operationId: "listOperations",
    summary: "List operations",
    description: "Returns the bot's last 100 operations, newest first.",
    tags,
    ...access("bots:read"),
    request: { params: BotPath },
    refuses: [...ANY_BOT_REFUSES],
    responses: { 200: json(pageOf(Operation, "OperationPage"), "The last 100 operations") },
  }),
  async (c) => {
    const { scope } = c.get("principal");
    const answer = await askBot(c, c.req.valid("param").id, (stub) => stub.listOperations(scope));
    return answer.ok ? c.json({ data: answer.value, next_cursor: null }, 200) : refusal(c, answer);
  },
);
