/** A bot's config versions, for management: secrets go in and never come out. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { findConfig, listConfigs } from "../accounts/bots.ts";
import { configEtag } from "../bot/config/content.ts";
import { diffConfigs } from "../bot/config/diff.ts";
import type { Answer } from "../bot/shell/answer.ts";
import { viewConfig } from "../bot/view/bot.ts";
import { openDb } from "../db/client.ts";
import { ConfigDiff, ConfigPatch, ConfigVersion, RollbackRequest } from "../wire/config.ts";
import { NumberedPageQuery, pageOf, Uuid } from "../wire/primitives.ts";
import { access, unless } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { ANY_BOT_REFUSES, askBot } from "./bot-calls.ts";
import { type AppEnv, createApp } from "./context.ts";
import { isUnchanged } from "./etag.ts";
import { callerOf, IdempotencyHeaders } from "./idempotency.ts";
import { problem, refusal } from "./problem.ts";
import { headers, json } from "./responses.ts";
import { route } from "./route.ts";

const tags = ["Configuration"];
const BotPath = z.object({ id: Uuid });
const VersionNumber = z.coerce.number().int().min(1);

export const configRoutes = createApp();

configRoutes.openapi(
  route({
    method: "get",
    path: "/bots/{id}/config",
    operationId: "getBotConfig",
    summary: "Get the desired config",
    description: "Returns the desired config version. Secrets are listed but never returned.",
    tags,
    ...access("bots:read"),
    request: { params: BotPath, headers: z.object({ "if-none-match": z.string().max(512).optional() }) },
    refuses: [...ANY_BOT_REFUSES, "config_not_found"],
    responses: {
      200: json(ConfigVersion, "The desired version", "ETag"),
      304: { description: "If-None-Match names the desired version", headers: headers("ETag") },
    },
  }),
  async (c) => {
    const { scope } = c.get("principal");
    const answer = await askBot(c, c.req.valid("param").id, (stub) => stub.desiredConfig(scope));
    if (answer.ok && isUnchanged(c, configEtag(answer.value.id))) {
      return c.body(null, 304, { etag: configEtag(answer.value.id) });
    }
    return published(c, answer);
  },
);

configRoutes.openapi(
  route({
    method: "patch",
    path: "/bots/{id}/config",
    operationId: "changeBotConfig",
    summary: "Publish a config version",
    description:
      "Merges the given fields into the desired version and publishes the result as a new version. With If-Match, only if that version is still the desired one. Secrets require `secrets:write` as well.",
    tags,
    ...access("bots:write", ...jsonBody),
    request: {
      params: BotPath,
      headers: z.object({ "if-match": z.string().max(512).optional() }),
      body: { required: true, content: { "application/json": { schema: ConfigPatch } } },
    },
    refuses: [
      ...ANY_BOT_REFUSES,
      "newer_release",
      "bot_destroyed",
      "config_not_found",
      "config_version_conflict",
      "config_custom_assets",
      "config_model",
      "config_environment",
      "secret_unreadable",
      "key_retired",
    ],
    responses: {
      200: json(ConfigVersion, "The new version", "ETag"),
    },
  }),
  async (c) => {
    const patch = c.req.valid("json");
    const secret = patch.llm_api_key !== undefined || patch.environment !== undefined;
    const forbidden = secret ? unless(c, "secrets:write") : null;
    if (forbidden) return forbidden;
    const caller = await callerOf(c, "changeBotConfig", patch);
    const publication = { patch, if_match: c.req.valid("header")["if-match"] ?? null };
    return published(c, await askBot(c, c.req.valid("param").id, (stub) => stub.publishConfig(caller, publication)));
  },
);

configRoutes.openapi(
  route({
    method: "post",
    path: "/bots/{id}/config/rollback",
    operationId: "rollBackBotConfig",
    summary: "Roll back the config",
    description:
      "Publishes the trading and risk config of an earlier version as a new version. Secrets are not changed.",
    tags,
    ...access("bots:write", ...jsonBody),
    request: {
      params: BotPath,
      headers: IdempotencyHeaders,
      body: { required: true, content: { "application/json": { schema: RollbackRequest } } },
    },
    refuses: [
      ...ANY_BOT_REFUSES,
      "newer_release",
      "bot_destroyed",
      "config_not_found",
      "config_version_conflict",
      "config_environment",
      "secret_unreadable",
      "key_retired",
    ],
    responses: {
      200: json(ConfigVersion, "The new version", "ETag"),
    },
  }),
  async (c) => {
    const body = c.req.valid("json");
    const { id } = c.req.valid("param");
    const caller = await callerOf(c, "rollBackBotConfig", body);
    const restore = await findConfig(openDb(c.env.DB), caller.scope, id, body.to_version);
    if (restore === null) return problem(c, "config_not_found", noVersion(body.to_version));
    const { version, trading_config, risk_config } = restore;
    const publication = { restore: { version, trading_config, risk_config } };
    return published(c, await askBot(c, id, (stub) => stub.publishConfig(caller, publication)));
  },
);

configRoutes.openapi(
  route({
    method: "get",
    path: "/bots/{id}/configs/{from}/diff/{to}",
    operationId: "diffBotConfigs",
    summary: "Compare two config versions",
    description: "Lists the fields that differ. Values of secrets are never returned.",
    tags,
    ...access("bots:read"),
    request: { params: BotPath.extend({ from: VersionNumber, to: VersionNumber }) },
    refuses: ["config_not_found"],
    responses: { 200: json(ConfigDiff, "The differences") },
  }),
  async (c) => {
    const { id, ...versions } = c.req.valid("param");
    const { scope } = c.get("principal");
    const db = openDb(c.env.DB);
    const [from, to] = await Promise.all([
      findConfig(db, scope, id, versions.from),
      findConfig(db, scope, id, versions.to),
    ]);
    if (from === null || to === null) {
      return problem(c, "config_not_found", noVersion(from === null ? versions.from : versions.to));
    }
    return c.json({ bot_id: id, from: from.version, to: to.version, changes: diffConfigs(from, to) }, 200);
  },
);

function noVersion(version: number): string {
  return `The bot has no config version ${version}. GET /bots/{id}/configs lists all versions.`;
}

function published(c: Context<AppEnv>, answer: Answer<ConfigVersion>) {
  if (!answer.ok) return refusal(c, answer);
  if (answer.replayed) c.header("idempotency-replayed", "true");
  return c.json(answer.value, 200, { etag: configEtag(answer.value.id) });
}

configRoutes.openapi(
  route({
    method: "get",
    path: "/bots/{id}/configs",
    operationId: "listBotConfigs",
    summary: "List config versions",
    description: "Returns the bot's config versions, newest first. Secrets are never returned.",
    tags,
    ...access("bots:read"),
    request: {
      params: BotPath,
      query: NumberedPageQuery,
    },
    refuses: ["bot_not_found"],
    responses: { 200: json(pageOf(ConfigVersion, "ConfigPage"), "A page of versions") },
  }),
  async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const { scope } = c.get("principal");
    const rows = await listConfigs(openDb(c.env.DB), scope, c.req.valid("param").id, limit + 1, cursor ?? null);
    // Every bot has a first version: no row on the first page means no bot.
    if (rows.length === 0 && cursor === undefined) return problem(c, "bot_not_found");
    const data = rows.slice(0, limit);
    const last = data.at(-1);
    return c.json(
      {
        data: data.flatMap(({ config }) => (config === null ? [] : [viewConfig(config)])),
        next_cursor: rows.length > limit && last ? String(last.version) : null,
      },
      200,
    );
  },
);
