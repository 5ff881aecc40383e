/** What droplets ask. A heartbeat costs one call into its Bot and touches no database. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { configEtag } from "../bot/config/content.ts";
import type { Answer } from "../bot/shell/answer.ts";
import { type BotStub, openSocket, withBot } from "../fleet/bots.ts";
import { agentBundle, agentRelease } from "../provider/release.ts";
import {
  AgentRelease,
  BootId,
  ConfigAckAnswer,
  ConfigAckRequest,
  HeartbeatAnswer,
  HeartbeatRequest,
  RegisterAnswer,
  RegisterRequest,
  StageRequest,
} from "../wire/agent.ts";
import { AgentFrame, BotFrame } from "../wire/channel.ts";
import { AgentConfig } from "../wire/config.ts";
import { DropletId, Sha256Hex, Uuid } from "../wire/primitives.ts";
import { ANOTHER_BOTS_TOKEN, byAgent, NOBODY_JUDGES } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { switchProtocols } from "./bot-calls.ts";
import { type AppEnv, createApp } from "./context.ts";
import { faultOfProof } from "./credential-proof.ts";
import { isUnchanged } from "./etag.ts";
import { invalid, problem, refusal } from "./problem.ts";
import { headers, json } from "./responses.ts";
import { route } from "./route.ts";
import { isUpgrade, upgradeRequired } from "./upgrade.ts";

const tags = ["Agents"];
const BotPath = z.object({ id: Uuid });

export const agentRoutes = createApp();
agentRoutes.openAPIRegistry.register("AgentFrame", AgentFrame);
agentRoutes.openAPIRegistry.register("BotFrame", BotFrame);

/** Asks the bot that the token names. Agents know no rows: a bot that its object does not know has no agent either. */
function ask<T>(c: Context<AppEnv>, call: (bot: BotStub) => Promise<Answer<T>>): Promise<Answer<T>> {
  return withBot(c.env, c.get("agent").bot_id, call);
}

agentRoutes.openapi(
  route({
    method: "post",
    path: "/bot/register",
    operationId: "registerAgent",
    summary: "Register an agent",
    description:
      "Exchanges the droplet's registration token for the credential that the agent has generated. Only the credential's SHA-256 is stored. Send the credential as well: one whose form later requests would refuse is then refused here, and the token stays valid. A credential that was registered without this proof, and has not sent a heartbeat or opened the channel, gives way to one that comes with it.",
    tags,
    ...byAgent(...jsonBody),
    request: { body: { required: true, content: { "application/json": { schema: RegisterRequest } } } },
    refuses: ["awaiting_release", "wrong_droplet", "credential_conflict", "registration_pending"],
    responses: { 200: json(RegisterAnswer, "Registered") },
  }),
  async (c) => {
    const body = c.req.valid("json");
    const caller = c.get("agent");
    if (body.bot_id !== caller.bot_id) return problem(c, "unauthorized", ANOTHER_BOTS_TOKEN);
    const { credential, ...request } = body;
    const fault = await faultOfProof(caller.bot_id, credential, request.credential_sha256);
    if (fault !== null) return invalid(c, "json", [fault]);
    const proven = credential !== undefined;
    const answer = await ask(c, (bot) => bot.register(caller, { ...request, proven }));
    if (!answer.ok) return refusal(c, answer);
    const channel_url = `${c.get("settings").PUBLIC_URL.replace(/^http/, "ws")}/bot/${caller.bot_id}/channel`;
    return c.json({ status: "registered" as const, ...answer.value, channel_url }, 200);
  },
);

agentRoutes.openapi(
  route({
    method: "get",
    path: "/bot/{id}/config",
    operationId: "getAgentConfig",
    summary: "Get the desired config with secrets",
    description:
      "Returns the desired config version with its secrets in plain text. Only the bot's registered agent receives them.",
    tags,
    ...byAgent(),
    request: {
      params: BotPath,
      query: z.object({
        droplet_id: z.coerce.number().pipe(DropletId).optional().meta({
          description: "The droplet that the agent runs on. A copy of the agent on another droplet is refused.",
        }),
      }),
      headers: z.object({ "if-none-match": z.string().max(512).optional() }),
    },
    refuses: ["credential_revoked", "wrong_droplet", "config_not_found", "config_fenced", "secret_unreadable"],
    responses: {
      200: json(AgentConfig, "The desired version", "ETag"),
      304: { description: "If-None-Match names the desired version", headers: headers("ETag") },
    },
  }),
  async (c) => {
    const { droplet_id } = c.req.valid("query");
    const answer = await ask(c, (bot) => bot.agentConfig(c.get("agent"), droplet_id ?? null));
    if (!answer.ok) return refusal(c, answer);
    const sent = { etag: configEtag(answer.value.id), "cache-control": "no-store" };
    return isUnchanged(c, sent.etag) ? c.body(null, 304, sent) : c.json(answer.value, 200, sent);
  },
);

agentRoutes.openapi(
  route({
    method: "post",
    path: "/bot/{id}/config_ack",
    operationId: "acknowledgeConfig",
    summary: "Acknowledge a config version",
    description: "Reports that a config version was applied, or why it failed.",
    tags,
    ...byAgent(...jsonBody),
    request: {
      params: BotPath,
      body: { required: true, content: { "application/json": { schema: ConfigAckRequest } } },
    },
    refuses: ["awaiting_release", "credential_revoked", "config_not_found", "generation_over"],
    responses: { 200: json(ConfigAckAnswer, "Recorded") },
  }),
  async (c) => {
    const ack = c.req.valid("json");
    const answer = await ask(c, (bot) => bot.acknowledge(c.get("agent"), ack));
    return answer.ok ? c.json(answer.value, 200) : refusal(c, answer);
  },
);

agentRoutes.openapi(
  route({
    method: "post",
    path: "/bot/{id}/heartbeat",
    operationId: "heartbeat",
    summary: "Send a heartbeat",
    description:
      "Reports the agent's state and the results of commands. The answer holds the desired config version, the permission to run the workload, and pending commands.",
    tags,
    ...byAgent(...jsonBody),
    request: {
      params: BotPath,
      body: { required: true, content: { "application/json": { schema: HeartbeatRequest } } },
    },
    refuses: ["credential_revoked", "wrong_droplet"],
    responses: { 200: json(HeartbeatAnswer, "The desired state") },
  }),
  async (c) => {
    const beat = c.req.valid("json");
    const answer = await ask(c, (bot) => bot.heartbeat(c.get("agent"), beat));
    return answer.ok ? c.json(answer.value, 200) : refusal(c, answer);
  },
);

agentRoutes.openapi(
  route({
    method: "get",
    path: "/bot/{id}/channel",
    operationId: "openChannel",
    summary: "Open the agent channel",
    description:
      "Upgrades to a WebSocket. The agent sends `AgentFrame` messages (a heartbeat with a `type`) and the text `ping`, which is answered with `pong`. The bot sends a `BotFrame` (the answer to a heartbeat with a `type`) after each of them and whenever something changes.",
    tags,
    ...byAgent(),
    request: {
      params: BotPath,
      query: z.object({ droplet_id: z.coerce.number().pipe(DropletId), boot_id: BootId }),
    },
    "x-websocket": {
      sends: { $ref: "#/components/schemas/AgentFrame" },
      receives: { $ref: "#/components/schemas/BotFrame" },
    },
    refuses: ["credential_revoked", "wrong_droplet", "upgrade_required", "duplicate_agent"],
    responses: {
      101: { description: "Switching protocols: the channel is open", headers: headers("Upgrade") },
    },
  }),
  async (c) => {
    if (!isUpgrade(c)) return upgradeRequired(c);
    const { droplet_id, boot_id } = c.req.valid("query");
    const { bot_id, ...caller } = c.get("agent");
    const wish = { tag: "agent", caller, droplet_id, boot_id } as const;
    const answer = await withBot(c.env, bot_id, (bot) => openSocket(bot, wish));
    return answer.ok ? switchProtocols(answer.value) : refusal(c, answer);
  },
);

agentRoutes.openapi(
  route({
    method: "post",
    path: "/bot/{id}/stage",
    operationId: "reportStage",
    summary: "Report bootstrap progress",
    description:
      "Reports the stage that the droplet's bootstrap has reached. Each new stage extends the time that the bot waits for its agent.",
    tags,
    ...byAgent(...jsonBody),
    request: {
      params: BotPath,
      body: { required: true, content: { "application/json": { schema: StageRequest } } },
    },
    refuses: ["awaiting_release", "credential_revoked", "wrong_droplet"],
    responses: { 200: json(z.object({ status: z.literal("ok") }), "Recorded") },
  }),
  async (c) => {
    const report = c.req.valid("json");
    const answer = await ask(c, (bot) => bot.reportStage(c.get("agent"), report));
    return answer.ok ? c.json(answer.value, 200) : refusal(c, answer);
  },
);

agentRoutes.openapi(
  route({
    method: "get",
    path: "/bot/{id}/agent",
    operationId: "getAgentRelease",
    summary: "Get the current agent bundle",
    description: "Returns the path and the SHA-256 of the agent bundle that this deployment serves.",
    tags,
    ...byAgent(),
    request: { params: BotPath },
    refuses: ["credential_revoked"],
    responses: { 200: json(AgentRelease, "The bundle's path and SHA-256") },
  }),
  async (c) => {
    const answer = await ask(c, (bot) => bot.agentRelease(c.get("agent"), agentRelease));
    return answer.ok ? c.json(answer.value, 200) : refusal(c, answer);
  },
);

agentRoutes.openapi(
  route({
    method: "get",
    path: "/bot/agent/{file}",
    operationId: "downloadAgent",
    summary: "Download an agent bundle",
    description:
      "`file` is the bundle's SHA-256 followed by `.mjs`. The bundle contains no secret and never changes, so it may be cached forever.",
    tags,
    ...NOBODY_JUDGES,
    request: { params: z.object({ file: z.string().max(80) }) },
    refuses: ["agent_release_not_found"],
    responses: {
      200: { description: "The bundle", content: { "text/javascript": { schema: z.string() } } },
    },
  }),
  (c) => {
    const { file } = c.req.valid("param");
    const digest = Sha256Hex.safeParse(file.replace(/\.mjs$/, "")).data;
    if (digest !== agentRelease.sha256 || !file.endsWith(".mjs")) {
      return problem(c, "agent_release_not_found");
    }
    const sent = {
      "content-type": "text/javascript; charset=utf-8",
      "cache-control": "public, max-age=31536000, immutable",
    };
    return c.body(agentBundle, 200, sent);
  },
);
