/** Commands: what people have a bot's agent do beside its lifecycle. */
import { z } from "@hono/zod-openapi";
import { CommandAnswer, CommandRequest, CommandView } from "../wire/command.ts";
import { pageOf, Uuid } from "../wire/primitives.ts";
import { access } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { ANY_BOT_REFUSES, askBot } from "./bot-calls.ts";
import { createApp } from "./context.ts";
import { callerOf, IdempotencyHeaders } from "./idempotency.ts";
import { refusal } from "./problem.ts";
import { json } from "./responses.ts";
import { route } from "./route.ts";

const tags = ["Commands"];
const BotPath = z.object({ id: Uuid });

export const commandRoutes = createApp();

commandRoutes.openapi(
  route({
    method: "post",
    path: "/bots/{id}/commands",
    operationId: "requestCommand",
    summary: "Send a command",
    description:
      "Starts, stops or restarts the workload, or collects its last log lines. The command is delivered over the channel or with the next heartbeat, and runs once. Get its result with GET /bots/{id}/commands/{command_id}.",
    tags,
    ...access("bots:write", ...jsonBody),
    request: {
      params: BotPath,
      headers: IdempotencyHeaders,
      body: { required: true, content: { "application/json": { schema: CommandRequest } } },
    },
    refuses: [
      ...ANY_BOT_REFUSES,
      "newer_release",
      "bot_destroyed",
      "action_not_allowed",
      "command_not_found",
      "restarted_lately",
      "too_many_commands",
    ],
    responses: { 202: json(CommandAnswer, "The command") },
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
  route({
    method: "get",
    path: "/bots/{id}/commands",
    operationId: "listCommands",
    summary: "List commands",
    description: "Returns the bot's last 50 commands, newest first.",
    tags,
    ...access("bots:read"),
    request: { params: BotPath },
    refuses: [...ANY_BOT_REFUSES],
    responses: { 200: json(pageOf(CommandView, "CommandPage"), "The last 50 commands") },
  }),
  async (c) => {
    const { scope } = c.get("principal");
    const answer = await askBot(c, c.req.valid("param").id, (stub) => stub.listCommands(scope));
    return answer.ok ? c.json({ data: answer.value, next_cursor: null }, 200) : refusal(c, answer);
  },
);

commandRoutes.openapi(
  route({
    method: "get",
    path: "/bots/{id}/commands/{command_id}",
    operationId: "getCommand",
    summary: "Get a command",
    description: "Returns the command with its state and, once it has ended, its result.",
    tags,
    ...access("bots:read"),
    request: { params: z.object({ id: Uuid, command_id: Uuid }) },
    refuses: [...ANY_BOT_REFUSES, "command_not_found"],
    responses: { 200: json(CommandView, "The command") },
  }),
  async (c) => {
    const { id, command_id } = c.req.valid("param");
    const { scope } = c.get("principal");
    const answer = await askBot(c, id, (stub) => stub.readCommand(scope, command_id));
    return answer.ok ? c.json(answer.value, 200) : refusal(c, answer);
  },
);
