/** Commands: what people have a bot's agent do beside its lifecycle. */
import { createRoute, z } from "@hono/zod-openapi";
import { CommandAnswer, CommandRequest, CommandView } from "../wire/command.ts";
import { pageOf, Uuid } from "../wire/primitives.ts";
import { access } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { askBot } from "./bot-calls.ts";
import { createApp } from "./context.ts";
import { callerOf, IdempotencyHeaders } from "./idempotency.ts";
import { refusal } from "./problem.ts";
import { BODY_PROBLEMS, json, problems } from "./responses.ts";

const tags = ["Commands"];
const BotPath = z.object({ id: Uuid });

export const commandRoutes = createApp();

commandRoutes.openapi(
  createRoute({
    method: "post",
    path: "/bots/{id}/commands",
    operationId: "requestCommand",
    summary: "Have the agent start, stop or restart the workload, or bring its logs",
    description:
      "Delivered at once over the channel, else with the next heartbeat; applied once. Read the result under its id.",
    tags,
    ...access("bots:write", ...jsonBody),
    request: {
      params: BotPath,
      headers: IdempotencyHeaders,
      body: { required: true, content: { "application/json": { schema: CommandRequest } } },
    },
    responses: { 202: json(CommandAnswer, "The command"), ...problems(...BODY_PROBLEMS, 404, 409, 429) },
  }),
  async (c) => {
    const request = c.req.valid("json");
    const caller = await callerOf(c, "requestCommand", request);
    const answer = await askBot(c, c.req.valid("param").id, (stub) => stub.requestCommand(caller, request));
    if (!answer.ok) return refusal(c, answer);
    if (answer.replayed) c.header("idempotency-replayed", "true");
    return c.json({ status: "ok" as const, command: answer.value }, 202);
  },
);

commandRoutes.openapi(
  createRoute({
    method: "get",
    path: "/bots/{id}/commands",
    operationId: "listCommands",
    summary: "List a bot's last commands, newest first",
    tags,
    ...access("bots:read"),
    request: { params: BotPath },
    responses: { 200: json(pageOf(CommandView, "CommandPage"), "The last 50 commands"), ...problems(400, 404) },
  }),
  async (c) => {
    const { scope } = c.get("principal");
    const answer = await askBot(c, c.req.valid("param").id, (stub) => stub.listCommands(scope));
    return answer.ok ? c.json({ data: answer.value, next_cursor: null }, 200) : refusal(c, answer);
  },
);

commandRoutes.openapi(
  createRoute({
    method: "get",
    path: "/bots/{id}/commands/{command_id}",
    operationId: "getCommand",
    summary: "Read a command and what came of it",
    tags,
    ...access("bots:read"),
    request: { params: z.object({ id: Uuid, command_id: Uuid }) },
    responses: { 200: json(CommandView, "The command"), ...problems(400, 404) },
  }),
  async (c) => {
    const { id, command_id } = c.req.valid("param");
    const { scope } = c.get("principal");
    const answer = await askBot(c, id, (stub) => stub.readCommand(scope, command_id));
    return answer.ok ? c.json(answer.value, 200) : refusal(c, answer);
  },
);
