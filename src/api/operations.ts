/** What is done to a bot: actions, and the operations that they start. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Answer } from "../bot/shell/answer.ts";
import { ActionAnswer, ActionRequest, Operation } from "../wire/bot.ts";
import { pageOf, Uuid } from "../wire/primitives.ts";
import { access } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { askBot } from "./bot-calls.ts";
import { type AppEnv, createApp } from "./context.ts";
import { callerOf, IdempotencyHeaders } from "./idempotency.ts";
import { refusal } from "./problem.ts";
import { BODY_PROBLEMS, json, problems } from "./responses.ts";

const tags = ["Operations"];
const BotPath = z.object({ id: Uuid });

export const operationRoutes = createApp();

operationRoutes.openapi(
  createRoute({
    method: "post",
    path: "/bots/{id}/actions",
    operationId: "actOnBot",
    summary: "Pause, resume, redeploy or destroy a bot",
    description: "Asking for what is already so, or under way, answers with that same operation.",
    tags,
    ...access("bots:write", ...jsonBody),
    request: {
      params: BotPath,
      headers: IdempotencyHeaders,
      body: { required: true, content: { "application/json": { schema: ActionRequest } } },
    },
    responses: { 202: json(ActionAnswer, "The operation"), ...problems(...BODY_PROBLEMS, 404, 409) },
  }),
  async (c) => {
    const body = c.req.valid("json");
    const caller = await callerOf(c, "actOnBot", body);
    const { id } = c.req.valid("param");
    if (!body.force) return accepted(c, await askBot(c, id, (stub) => stub.act(caller, body.action)));
    const answer = await askBot(c, id, (stub) => stub.forceDestroy(caller));
    if (!answer.ok) return refusal(c, answer);
    if (answer.replayed) c.header("idempotency-replayed", "true");
    return c.json({ status: "ok" as const, ...answer.value }, 202);
  },
);

operationRoutes.openapi(
  createRoute({
    method: "post",
    path: "/bots/{id}/operations/{operation_id}/cancel",
    operationId: "cancelOperation",
    summary: "Cancel an operation that has not begun to act",
    tags,
    ...access("bots:write"),
    request: { params: BotPath.extend({ operation_id: Uuid }), headers: IdempotencyHeaders },
    responses: { 202: json(ActionAnswer, "The operation"), ...problems(400, 404, 409, 422) },
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
  createRoute({
    method: "get",
    path: "/bots/{id}/operations",
    operationId: "listOperations",
    summary: "List a bot's last operations, newest first",
    tags,
    ...access("bots:read"),
    request: { params: BotPath },
    responses: { 200: json(pageOf(Operation, "OperationPage"), "The last 100 operations"), ...problems(400, 404) },
  }),
  async (c) => {
    const { scope } = c.get("principal");
    const answer = await askBot(c, c.req.valid("param").id, (stub) => stub.listOperations(scope));
    return answer.ok ? c.json({ data: answer.value, next_cursor: null }, 200) : refusal(c, answer);
  },
);
