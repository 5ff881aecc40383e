/** Rotation of an agent's credential: asked for by people, carried out by the agent. */
import { createRoute, z } from "@hono/zod-openapi";
import { withBot } from "../fleet/bots.ts";
import { CredentialAnswer, CredentialRequest } from "../wire/agent.ts";
import { CommandAnswer } from "../wire/command.ts";
import { Uuid } from "../wire/primitives.ts";
import { access, agent } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { askBot } from "./bot-calls.ts";
import { createApp } from "./context.ts";
import { callerOf, IdempotencyHeaders } from "./idempotency.ts";
import { refusal } from "./problem.ts";
import { BODY_PROBLEMS, json, problems } from "./responses.ts";

const BotPath = z.object({ id: Uuid });

export const credentialRoutes = createApp();

credentialRoutes.openapi(
  createRoute({
    method: "post",
    path: "/bots/{id}/agent/credential/rotate",
    operationId: "requestCredentialRotation",
    summary: "Have the agent take a new credential; the old one is revoked at once",
    description:
      "A command of kind `rotate_credential`, delivered like any other. While one is under way it is answered with again.",
    tags: ["Commands"],
    ...access("bots:write"),
    request: { params: BotPath, headers: IdempotencyHeaders },
    responses: { 202: json(CommandAnswer, "The command"), ...problems(400, 404, 409, 422, 429) },
  }),
  async (c) => {
    const caller = await callerOf(c, "requestCredentialRotation", null);
    const answer = await askBot(c, c.req.valid("param").id, (stub) => stub.requestRotation(caller));
    if (!answer.ok) return refusal(c, answer);
    if (answer.replayed) c.header("idempotency-replayed", "true");
    return c.json({ status: "ok" as const, command: answer.value }, 202);
  },
);

credentialRoutes.openapi(
  createRoute({
    method: "post",
    path: "/bot/{id}/credential",
    operationId: "rotateCredential",
    summary: "Replace the agent's credential by another of its own making",
    description:
      "With the present credential, while a rotation is asked for. With the new one: whether it came to pass.",
    tags: ["Agents"],
    security: [{ agent: [] }],
    middleware: [agent, ...jsonBody] as const,
    request: {
      params: BotPath,
      body: { required: true, content: { "application/json": { schema: CredentialRequest } } },
    },
    responses: { 200: json(CredentialAnswer, "The new credential counts"), ...problems(...BODY_PROBLEMS, 409) },
  }),
  async (c) => {
    const body = c.req.valid("json");
    const caller = c.get("agent");
    const answer = await withBot(c.env, caller.bot_id, (bot) => bot.rotateCredential(caller, body));
    return answer.ok ? c.json(answer.value, 200) : refusal(c, answer);
  },
);
