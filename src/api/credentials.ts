/** Rotation of an agent's credential: asked for by people, carried out by the agent. */
import { z } from "@hono/zod-openapi";
import { withBot } from "../fleet/bots.ts";
import { CredentialAnswer, CredentialRequest } from "../wire/agent.ts";
import { CommandAnswer } from "../wire/command.ts";
import { Uuid } from "../wire/primitives.ts";
import { access, byAgent } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { ANY_BOT_REFUSES, askBot } from "./bot-calls.ts";
import { createApp } from "./context.ts";
import { faultOfProof } from "./credential-proof.ts";
import { callerOf, IdempotencyHeaders } from "./idempotency.ts";
import { invalid, refusal } from "./problem.ts";
import { json } from "./responses.ts";
import { route } from "./route.ts";

const BotPath = z.object({ id: Uuid });

export const credentialRoutes = createApp();

credentialRoutes.openapi(
  route({
    method: "post",
    path: "/bots/{id}/agent/credential/rotate",
    operationId: "requestCredentialRotation",
    summary: "Rotate the agent's credential",
    description:
      "Queues a command of kind `rotate_credential`. The agent generates a new credential, and the old one is revoked. If a rotation is already pending, that command is returned.",
    tags: ["Commands"],
    ...access("bots:write"),
    request: { params: BotPath, headers: IdempotencyHeaders },
    refuses: [...ANY_BOT_REFUSES, "newer_release", "bot_destroyed", "command_not_found", "too_many_commands"],
    responses: { 202: json(CommandAnswer, "The command") },
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
  route({
    method: "post",
    path: "/bot/{id}/credential",
    operationId: "rotateCredential",
    summary: "Replace the agent's credential",
    description:
      "Called with the current credential while a rotation is pending. Called with the new credential, it confirms that the rotation has succeeded. Send the new credential as well: one whose form later requests would refuse is then refused here, and the current one stays valid.",
    tags: ["Agents"],
    ...byAgent(...jsonBody),
    request: {
      params: BotPath,
      body: { required: true, content: { "application/json": { schema: CredentialRequest } } },
    },
    refuses: [
      "awaiting_release",
      "credential_revoked",
      "bot_unreadable",
      "wrong_droplet",
      "credential_conflict",
      "rotation_not_asked",
    ],
    responses: { 200: json(CredentialAnswer, "The new credential is valid") },
  }),
  async (c) => {
    const { credential, ...body } = c.req.valid("json");
    const caller = c.get("agent");
    const fault = await faultOfProof(caller.bot_id, credential, body.credential_sha256);
    if (fault !== null) return invalid(c, "json", [fault]);
    const answer = await withBot(c.env, caller.bot_id, (bot) => bot.rotateCredential(caller, body));
    return answer.ok ? c.json(answer.value, 200) : refusal(c, answer);
  },
);
