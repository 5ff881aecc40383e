/** What droplets ask. A heartbeat costs one call into its Bot and touches no database. */
import { createRoute, z } from "@hono/zod-openapi";
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
import { AgentConfig } from "../wire/config.ts";
import { DropletId, Sha256Hex, Uuid } from "../wire/primitives.ts";
import { agent } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { switchProtocols } from "./bot-calls.ts";
import { type AppEnv, createApp } from "./context.ts";
import { isUnchanged } from "./etag.ts";
import { problem, refusal } from "./problem.ts";
import { BODY_PROBLEMS, json, problems } from "./responses.ts";
import { isUpgrade, upgradeRequired } from "./upgrade.ts";

const tags = ["Agents"];
const security = [{ agent: [] }];
const BotPath = z.object({ id: Uuid });

export const agentRoutes = createApp();

/** Asks the bot that the token names. Agents know no rows: a bot that its object does not know has no agent either. */
function ask<T>(c: Context<AppEnv>, call: (bot: BotStub) => Promise<Answer<T>>): Promise<Answer<T>> {
  return withBot(c.env, c.get("agent").bot_id, call);
}

agentRoutes.openapi(
  createRoute({
    method: "post",
    path: "/bot/register",
    operationId: "registerAgent",
    summary: "Exchange a registration token for the agent's own credential",
    tags,
    security,
    middleware: [agent, ...jsonBody] as const,
    request: { body: { required: true, content: { "application/json": { schema: RegisterRequest } } } },
    responses: { 200: json(RegisterAnswer, "Registered"), ...problems(...BODY_PROBLEMS, 409) },
  }),
  async (c) => {
    const body = c.req.valid("json");
    const caller = c.get("agent");
    if (body.bot_id !== caller.bot_id) return problem(c, "unauthorized", "The token is another bot's.");
    const answer = await ask(c, (bot) => bot.register(caller, body));
    if (!answer.ok) return refusal(c, answer);
    const channel_url = `${c.get("settings").PUBLIC_URL.replace(/^http/, "ws")}/bot/${caller.bot_id}/channel`;
    return c.json({ status: "registered" as const, ...answer.value, channel_url }, 200);
  },
);

agentRoutes.openapi(
  createRoute({
    method: "get",
    path: "/bot/{id}/config",
    operationId: "getAgentConfig",
    summary: "Read the desired config with its secrets in plain text",
    tags,
    security,
    middleware: [agent] as const,
    request: {
      params: BotPath,
      query: z.object({
        droplet_id: z.coerce
          .number()
          .pipe(DropletId)
          .optional()
          .meta({ description: "Where the agent is: a copy of it on another droplet gets no secrets" }),
      }),
      headers: z.object({ "if-none-match": z.string().max(512).optional() }),
    },
    responses: {
      200: json(AgentConfig, "The desired version", z.object({ etag: z.string() })),
      304: { description: "The version that you have" },
      ...problems(400, 404, 409),
    },
  }),
  async (c) => {
    const { droplet_id } = c.req.valid("query");
    const answer = await ask(c, (bot) => bot.agentConfig(c.get("agent"), droplet_id ?? null));
    if (!answer.ok) return refusal(c, answer);
    const headers = { etag: configEtag(answer.value.id), "cache-control": "no-store" };
    return isUnchanged(c, headers.etag) ? c.body(null, 304, headers) : c.json(answer.value, 200, headers);
  },
);

agentRoutes.openapi(
  createRoute({
    method: "post",
    path: "/bot/{id}/config_ack",
    operationId: "acknowledgeConfig",
    summary: "Say that a config version was applied, or why not",
    tags,
    security,
    middleware: [agent, ...jsonBody] as const,
    request: {
      params: BotPath,
      body: { required: true, content: { "application/json": { schema: ConfigAckRequest } } },
    },
    responses: { 200: json(ConfigAckAnswer, "Recorded"), ...problems(...BODY_PROBLEMS, 404, 409) },
  }),
  async (c) => {
    const ack = c.req.valid("json");
    const answer = await ask(c, (bot) => bot.acknowledge(c.get("agent"), ack));
    return answer.ok ? c.json(answer.value, 200) : refusal(c, answer);
  },
);

agentRoutes.openapi(
  createRoute({
    method: "post",
    path: "/bot/{id}/heartbeat",
    operationId: "heartbeat",
    summary: "Say that the agent lives, and learn what is wanted",
    tags,
    security,
    middleware: [agent, ...jsonBody] as const,
    request: {
      params: BotPath,
      body: { required: true, content: { "application/json": { schema: HeartbeatRequest } } },
    },
    responses: { 200: json(HeartbeatAnswer, "What is wanted"), ...problems(...BODY_PROBLEMS) },
  }),
  async (c) => {
    const beat = c.req.valid("json");
    const answer = await ask(c, (bot) => bot.heartbeat(c.get("agent"), beat));
    return answer.ok ? c.json(answer.value, 200) : refusal(c, answer);
  },
);

agentRoutes.openapi(
  createRoute({
    method: "get",
    path: "/bot/{id}/channel",
    operationId: "openChannel",
    summary: "Open the agent's channel",
    description:
      "A WebSocket. The agent sends `status` frames (a heartbeat with a `type`) and the literal `ping`; the bot sends " +
      "`orders` frames (a heartbeat's answer with a `type`) whenever something changes.",
    tags,
    security,
    middleware: [agent] as const,
    request: {
      params: BotPath,
      query: z.object({ droplet_id: z.coerce.number().pipe(DropletId), boot_id: BootId }),
    },
    responses: {
      101: { description: "The channel is open" },
      ...problems(400, 426, 429),
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
  createRoute({
    method: "post",
    path: "/bot/{id}/stage",
    operationId: "reportStage",
    summary: "Say how far the bootstrap has come",
    tags,
    security,
    middleware: [agent, ...jsonBody] as const,
    request: {
      params: BotPath,
      body: { required: true, content: { "application/json": { schema: StageRequest } } },
    },
    responses: { 200: json(z.object({ status: z.literal("ok") }), "Recorded"), ...problems(...BODY_PROBLEMS) },
  }),
  async (c) => {
    const report = c.req.valid("json");
    const answer = await ask(c, (bot) => bot.reportStage(c.get("agent"), report));
    return answer.ok ? c.json(answer.value, 200) : refusal(c, answer);
  },
);

agentRoutes.openapi(
  createRoute({
    method: "get",
    path: "/bot/{id}/agent",
    operationId: "getAgentRelease",
    summary: "Learn which agent bundle the present deploy serves",
    tags,
    security,
    middleware: [agent] as const,
    request: { params: BotPath },
    responses: { 200: json(AgentRelease, "Where it is, and its digest"), ...problems(400) },
  }),
  async (c) => {
    const answer = await ask(c, (bot) => bot.agentRelease(c.get("agent"), agentRelease));
    return answer.ok ? c.json(answer.value, 200) : refusal(c, answer);
  },
);

agentRoutes.openapi(
  createRoute({
    method: "get",
    path: "/bot/agent/{file}",
    operationId: "downloadAgent",
    summary: "Download an agent bundle by its digest",
    description: "`{sha256}.mjs`. Holds no secret and never changes, so it may be cached for ever.",
    tags,
    request: { params: z.object({ file: z.string().max(80) }) },
    responses: {
      200: { description: "The bundle", content: { "text/javascript": { schema: z.string() } } },
      ...problems(404),
    },
  }),
  (c) => {
    const { file } = c.req.valid("param");
    const digest = Sha256Hex.safeParse(file.replace(/\.mjs$/, "")).data;
    if (digest !== agentRelease.sha256 || !file.endsWith(".mjs")) {
      return problem(
        c,
        "agent_release_not_found",
        "This deploy does not serve that agent. GET /bot/{id}/agent names the present one.",
      );
    }
    const headers = {
      "content-type": "text/javascript; charset=utf-8",
      "cache-control": "public, max-age=31536000, immutable",
    };
    return c.body(agentBundle, 200, headers);
  },
);
