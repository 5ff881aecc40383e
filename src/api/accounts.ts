/** Accounts, for the operator. */
import { z } from "@hono/zod-openapi";
import { changeAccount, createAccount, findAccount, listAccounts } from "../accounts/accounts.ts";
import { listBots } from "../accounts/bots.ts";
import { openDb } from "../db/client.ts";
import { Account, CreateAccountRequest, PatchAccountRequest } from "../wire/account.ts";
import { BotListItem } from "../wire/bot.ts";
import { PageQuery, pageOf, Uuid } from "../wire/primitives.ts";
import { auditOf } from "./audit-record.ts";
import { access } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { createApp } from "./context.ts";
import { IdempotencyHeaders, idempotencyKey } from "./idempotency.ts";
import { decodePage, IncludeDestroyed } from "./paging.ts";
import { problem } from "./problem.ts";
import { json } from "./responses.ts";
import { route } from "./route.ts";

const tags = ["Accounts"];
const AccountPath = z.object({ id: Uuid });

export const accountRoutes = createApp();

accountRoutes.openapi(
  route({
    method: "post",
    path: "/accounts",
    operationId: "createAccount",
    summary: "Create an account",
    description: "Links the account to an id of your own system, its `external_id`.",
    tags,
    ...access("operator:write", ...jsonBody),
    request: {
      headers: IdempotencyHeaders,
      body: { required: true, content: { "application/json": { schema: CreateAccountRequest } } },
    },
    refuses: ["external_id_taken"],
    responses: { 201: json(Account, "The account", "Location") },
  }),
  async (c) => {
    const body = c.req.valid("json");
    const key = await idempotencyKey(c, body);
    const id = crypto.randomUUID();
    const audit = auditOf(c, "createAccount", { account_id: id, after: body });
    const made = await createAccount(openDb(c.env.DB), { id, ...body }, key, audit, Date.now());
    switch (made.kind) {
      case "external_id_taken":
        return problem(c, "external_id_taken");
      case "key_reused":
        return problem(c, "idempotency_key_reused");
      case "created":
      case "replayed":
        if (made.kind === "replayed") c.header("idempotency-replayed", "true");
        return c.json(made.account, 201, { location: `/accounts/${made.account.id}` });
    }
  },
);

accountRoutes.openapi(
  route({
    method: "get",
    path: "/accounts",
    operationId: "listAccounts",
    summary: "List accounts",
    description: "Returns all accounts, newest first.",
    tags,
    ...access("operator:read"),
    request: {
      query: PageQuery.extend({
        external_id: z
          .string()
          .max(255)
          .optional()
          .meta({ description: "Returns only the account with this id in your own system" }),
      }),
    },
    responses: { 200: json(pageOf(Account, "AccountPage"), "A page of accounts") },
  }),
  async (c) => {
    const { limit, cursor, external_id } = c.req.valid("query");
    const after = decodePage(c, cursor);
    if (after instanceof Response) return after;
    const { scope } = c.get("principal");
    return c.json(await listAccounts(openDb(c.env.DB), scope, limit, after, external_id ?? null), 200);
  },
);

accountRoutes.openapi(
  route({
    method: "get",
    path: "/accounts/{id}",
    operationId: "getAccount",
    summary: "Get an account",
    description: "Returns the account with its tier, its bot limit and its number of bots.",
    tags,
    ...access("account:read"),
    request: { params: AccountPath },
    refuses: ["account_not_found"],
    responses: { 200: json(Account, "The account") },
  }),
  async (c) => {
    const account = await findAccount(openDb(c.env.DB), c.get("principal").scope, c.req.valid("param").id);
    return account ? c.json(account, 200) : problem(c, "account_not_found");
  },
);

accountRoutes.openapi(
  route({
    method: "patch",
    path: "/accounts/{id}",
    operationId: "changeAccount",
    summary: "Change an account",
    description:
      "Changes the tier, the `external_id`, or both. An account with more bots than its new tier allows keeps them (`over_limit`), but cannot create more.",
    tags,
    ...access("operator:write", ...jsonBody),
    request: {
      params: AccountPath,
      body: { required: true, content: { "application/json": { schema: PatchAccountRequest } } },
    },
    refuses: ["account_not_found", "external_id_taken"],
    responses: { 200: json(Account, "The account") },
  }),
  async (c) => {
    const change = c.req.valid("json");
    const { id } = c.req.valid("param");
    const db = openDb(c.env.DB);
    const found = await findAccount(db, c.get("principal").scope, id);
    const before = found && { tier: found.subscription_tier, external_id: found.external_id };
    const audit = auditOf(c, "changeAccount", { account_id: id, before, after: change });
    const changed = await changeAccount(db, id, change, audit, Date.now());
    switch (changed.kind) {
      case "account_unknown":
        return problem(c, "account_not_found");
      case "external_id_taken":
        return problem(c, "external_id_taken");
      case "changed":
        return c.json(changed.account, 200);
    }
  },
);

accountRoutes.openapi(
  route({
    method: "get",
    path: "/accounts/{id}/bots",
    operationId: "listAccountBots",
    summary: "List an account's bots",
    description: "Returns the bots from the index, newest first. `observed_at` says how old an item is.",
    tags,
    ...access("bots:read"),
    request: { params: AccountPath, query: PageQuery.extend({ include_destroyed: IncludeDestroyed }) },
    refuses: ["account_not_found"],
    responses: { 200: json(pageOf(BotListItem, "BotPage"), "A page of bots") },
  }),
  async (c) => {
    const { id } = c.req.valid("param");
    const { limit, cursor, include_destroyed } = c.req.valid("query");
    const after = decodePage(c, cursor);
    if (after instanceof Response) return after;
    const db = openDb(c.env.DB);
    const { scope } = c.get("principal");
    const page = await listBots(db, scope, { account_id: id, include_destroyed }, limit, after);
    // An empty first page may be an account without bots, or no account.
    if (page.data.length === 0 && (await findAccount(db, scope, id)) === null) {
      return problem(c, "account_not_found");
    }
    return c.json(page, 200);
  },
);
