/** Bots: create, read, change, act. */
import { z } from "@hono/zod-openapi";
import { insertBot, listBots } from "../accounts/bots.ts";
import { contentOfCreate, last4 } from "../bot/config/content.ts";
import { mergeNames } from "../bot/config/environment.ts";
import { sealSecrets } from "../bot/config/secrets.ts";
import { log } from "../cloudflare/log.ts";
import { randomBytes } from "../cloudflare/random.ts";
import { openDb } from "../db/client.ts";
import type { Settings } from "../env.ts";
import { tellBot } from "../fleet/bots.ts";
import type { NewBot } from "../records/rows.ts";
import { openVault } from "../secrets/vault.ts";
import { BotListItem, BotView, CreateBotRequest, PatchBotRequest } from "../wire/bot.ts";
import { toHex } from "../wire/digest.ts";
import { BOT_STATUSES } from "../wire/enums.ts";
import { PageQuery, pageOf, Uuid } from "../wire/primitives.ts";
import { auditOf } from "./audit-record.ts";
import { access, unless } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { ANY_BOT_REFUSES, askBot } from "./bot-calls.ts";
import { createApp } from "./context.ts";
import { callerOf, IdempotencyHeaders, idempotencyKey } from "./idempotency.ts";
import { BooleanQuery, decodePage, IncludeDestroyed } from "./paging.ts";
import { problem, refusal } from "./problem.ts";
import { json } from "./responses.ts";
import { route } from "./route.ts";

const tags = ["Bots"];
const BotPath = z.object({ id: Uuid });
const FLEET_ID_BYTES = 4;
const CREATE_RETRY_S = 600;

export const botRoutes = createApp();

botRoutes.openapi(
  route({
    method: "post",
    path: "/bots",
    operationId: "createBot",
    summary: "Create a bot",
    description:
      "Returns at once with status `pending`; the droplet is created in the background. Follow it with GET /bots/{id}/wait or GET /bots/{id}/events/stream. Requires `secrets:write` as well.",
    tags,
    ...access("bots:write", ...jsonBody),
    request: {
      headers: IdempotencyHeaders,
      body: { required: true, content: { "application/json": { schema: CreateBotRequest } } },
    },
    refuses: ["account_not_found", "quota_exceeded", "too_many_creates", "key_retired", "bot_unreadable"],
    responses: { 201: json(BotView, "The bot", "Location") },
  }),
  async (c) => {
    const body = c.req.valid("json");
    const { actor, scope } = c.get("principal");
    const forbidden = unless(c, "secrets:write");
    if (forbidden) return forbidden;
    const now = Date.now();
    const bot = await newBot(c.get("settings"), body, actor, now);
    const { id, account_id, name, persona } = bot;
    const wish = {
      key: await idempotencyKey(c, body),
      audit: auditOf(c, "createBot", { account_id, bot_id: id, after: { name, persona } }),
      fleet_id: toHex(randomBytes(FLEET_ID_BYTES)),
      creates_per_hour: c.get("settings").CREATES_PER_HOUR,
    };
    const inserted = await insertBot(openDb(c.env.DB), scope, bot, wish, now);
    switch (inserted.kind) {
      case "account_unknown":
        return problem(c, "account_not_found");
      case "over_quota":
        return problem(c, "quota_exceeded", overQuota(inserted.max_bots));
      case "too_fast":
        return problem(c, "too_many_creates", undefined, { retry_after_s: CREATE_RETRY_S });
      case "key_reused":
        return problem(c, "idempotency_key_reused");
      case "key_retired":
        return problem(c, "key_retired");
      case "replayed": {
        const answer = await askBot(c, inserted.bot_id, (stub) => stub.snapshot(scope));
        if (!answer.ok) return refusal(c, answer);
        return c.json(answer.value, 201, { location: `/bots/${inserted.bot_id}`, "idempotency-replayed": "true" });
      }
      case "created": {
        c.header("location", `/bots/${bot.id}`);
        const answer = await tellBot(c.env, inserted.bot).catch((error: unknown) => {
          // The row stands, so the bot exists: whoever meets it next tells its object.
          log({ level: "error", event: "bot_create_untold", bot_id: bot.id, detail: String(error) });
          return null;
        });
        if (answer === null) {
          return problem(
            c,
            "unavailable",
            `Bot ${bot.id} is being created, but cannot be shown yet. Get it with GET /bots/${bot.id}.`,
          );
        }
        return answer.ok ? c.json(answer.value, 201) : refusal(c, answer);
      }
    }
  },
);

function overQuota(max_bots: number): string {
  return max_bots === 0
    ? "The account's tier allows no bots. Ask the operator for another tier."
    : `The account already has ${max_bots} bots, its limit.`;
}

/** The bot and its first config version, its secrets sealed for exactly that place. */
async function newBot(
  settings: Settings,
  request: z.output<typeof CreateBotRequest>,
  actor: string,
  now: number,
): Promise<Omit<NewBot, "fleet" | "retired_keys">> {
  const id = crypto.randomUUID();
  const version = 1;
  const { llm_api_key, environment = {} } = request;
  const vault = openVault(settings.ENCRYPTION_KEYS, randomBytes);
  return {
    id,
    account_id: request.account_id,
    name: request.name,
    persona: request.persona,
    actor,
    config: {
      id: crypto.randomUUID(),
      bot_id: id,
      version,
      restored_from: null,
      ...contentOfCreate(request),
      ...(await sealSecrets(vault, id, version, { llm_api_key, environment })),
      llm_api_key_last4: last4(llm_api_key),
      llm_api_key_updated_at: now,
      environment_names: mergeNames([], environment, now),
      note: null,
      author: actor,
      created_at: now,
    },
  };
}

botRoutes.openapi(
  route({
    method: "get",
    path: "/bots",
    operationId: "listBots",
    summary: "List bots",
    description:
      "Returns bots from the index, newest first. The index can lag behind GET /bots/{id}; `observed_at` says how old an item is.",
    tags,
    ...access("bots:read"),
    request: {
      query: PageQuery.extend({
        account_id: Uuid.optional(),
        status: z.enum(BOT_STATUSES).optional(),
        drift: BooleanQuery.optional().meta({
          type: "string",
          enum: ["true", "false"],
          description: "`true`: only bots whose applied config is not the desired one; `false`: only the others",
        }),
        include_destroyed: IncludeDestroyed,
      }),
    },
    responses: { 200: json(pageOf(BotListItem, "BotPage"), "A page of bots") },
  }),
  async (c) => {
    const { limit, cursor, ...filter } = c.req.valid("query");
    const after = decodePage(c, cursor);
    if (after instanceof Response) return after;
    return c.json(await listBots(openDb(c.env.DB), c.get("principal").scope, filter, limit, after), 200);
  },
);

botRoutes.openapi(
  route({
    method: "get",
    path: "/bots/{id}",
    operationId: "getBot",
    summary: "Get a bot",
    description: "Returns the bot's current state from its own storage, with a summary in plain words.",
    tags,
    ...access("bots:read"),
    request: { params: BotPath },
    refuses: [...ANY_BOT_REFUSES],
    responses: { 200: json(BotView, "The bot") },
  }),
  async (c) => {
    const { scope } = c.get("principal");
    const answer = await askBot(c, c.req.valid("param").id, (stub) => stub.snapshot(scope));
    return answer.ok ? c.json(answer.value, 200) : refusal(c, answer);
  },
);

botRoutes.openapi(
  route({
    method: "patch",
    path: "/bots/{id}",
    operationId: "changeBot",
    summary: "Change a bot",
    description:
      "Changes the name, the persona, the policies, or several of them. Values that are already set change nothing.",
    tags,
    ...access("bots:write", ...jsonBody),
    request: {
      params: BotPath,
      body: { required: true, content: { "application/json": { schema: PatchBotRequest } } },
    },
    refuses: [...ANY_BOT_REFUSES, "newer_release", "bot_destroyed"],
    responses: { 200: json(BotView, "The bot") },
  }),
  async (c) => {
    const body = c.req.valid("json");
    const caller = await callerOf(c, "changeBot", body);
    const answer = await askBot(c, c.req.valid("param").id, (stub) => stub.patch(caller, body));
    return answer.ok ? c.json(answer.value, 200) : refusal(c, answer);
  },
);
