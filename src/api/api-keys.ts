/** API keys: an account's own, made by its owners; the operator's, and those that the operator makes for accounts. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { findAccount } from "../accounts/accounts.ts";
import { createKey, listKeys, revokeKey } from "../accounts/api-keys.ts";
import { randomBytes } from "../cloudflare/random.ts";
import { openDb } from "../db/client.ts";
import { type KeyScope, permissionsOfScopes } from "../wire/access.ts";
import { ApiKey, CreatedApiKey, CreateKeyRequest, CreateOperatorKeyRequest } from "../wire/api-key.ts";
import { PageQuery, pageOf, Uuid } from "../wire/primitives.ts";
import { formatToken, hashToken } from "../wire/tokens.ts";
import { accountOf, auditOf } from "./audit-record.ts";
import { access } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { type AppEnv, createApp } from "./context.ts";
import { IdempotencyHeaders, idempotencyKey } from "./idempotency.ts";
import { decodePage } from "./paging.ts";
import { problem } from "./problem.ts";
import { json } from "./responses.ts";
import { route } from "./route.ts";

const SECRET_BYTES = 32;
const tags = ["API keys"];
const KeyPath = z.object({ id: Uuid });
const KeyPage = pageOf(ApiKey, "ApiKeyPage");

export const apiKeyRoutes = createApp();

interface Wish {
  name: string;
  scopes: KeyScope[];
  expires_at?: string | undefined;
}

async function create(c: Context<AppEnv>, action: string, account: string | null, wish: Wish, body: unknown) {
  const now = Date.now();
  const expires_at = wish.expires_at === undefined ? null : Date.parse(wish.expires_at);
  if (expires_at !== null && expires_at <= now)
    return problem(c, "invalid_request", "expires_at is in the past. Send a later time or leave it out.");
  const id = crypto.randomUUID();
  const token = formatToken(account === null ? "op" : "key", id, randomBytes(SECRET_BYTES));
  const { name, scopes } = wish;
  const key = { id, account_id: account, name, scopes, expires_at, sha256: await hashToken(token) };
  const audit = auditOf(c, action, { account_id: account, target: id, after: { name, scopes, expires_at } });
  const idempotency = await idempotencyKey(c, body);
  const created_by = c.get("principal").actor;
  const made = await createKey(openDb(c.env.DB), { ...key, created_by }, idempotency, audit, now);
  switch (made.kind) {
    case "key_reused":
      return problem(c, "idempotency_key_reused");
    case "shown_before":
      return problem(c, "secret_shown_before");
    case "created":
      return c.json({ ...made.key, token }, 201, { "cache-control": "no-store" });
  }
}

/** @param account whose keys; null: the operator's */
async function list(c: Context<AppEnv>, account: string | null, { limit, cursor }: z.output<typeof PageQuery>) {
  const after = decodePage(c, cursor);
  if (after instanceof Response) return after;
  return c.json(await listKeys(openDb(c.env.DB), account, limit, after), 200);
}

async function revoke(c: Context<AppEnv>, action: string, account: string | null, id: string) {
  const audit = auditOf(c, action, { account_id: account, target: id });
  const known = await revokeKey(openDb(c.env.DB), account, id, audit, Date.now());
  return known ? c.body(null, 204) : problem(c, "key_not_found");
}

apiKeyRoutes.openapi(
  route({
    method: "post",
    path: "/keys",
    operationId: "createKey",
    summary: "Create an API key",
    description:
      "Creates a key of the account. The secret is returned only in this answer; repeating the request with the same Idempotency-Key is refused with 409.",
    tags,
    ...access("keys:write", ...jsonBody),
    request: {
      headers: IdempotencyHeaders,
      body: { required: true, content: { "application/json": { schema: CreateKeyRequest } } },
    },
    refuses: ["secret_shown_before"],
    responses: { 201: json(CreatedApiKey, "The key, with its secret") },
  }),
  (c) => {
    const body = c.req.valid("json");
    const account = accountOf(c);
    return account === null ? operatorsPlace(c) : create(c, "createKey", account, body, body);
  },
);

apiKeyRoutes.openapi(
  route({
    method: "get",
    path: "/keys",
    operationId: "listKeys",
    summary: "List API keys",
    description: "Returns the account's keys, newest first, revoked ones included. Secrets are never returned.",
    tags,
    ...access("keys:write"),
    request: { query: PageQuery },
    responses: { 200: json(KeyPage, "A page of keys") },
  }),
  (c) => {
    const account = accountOf(c);
    return account === null ? operatorsPlace(c) : list(c, account, c.req.valid("query"));
  },
);

apiKeyRoutes.openapi(
  route({
    method: "delete",
    path: "/keys/{id}",
    operationId: "revokeKey",
    summary: "Revoke an API key",
    description: "The key is refused from the next request on. Revoking it again changes nothing.",
    tags,
    ...access("keys:write"),
    request: { params: KeyPath },
    refuses: ["key_not_found"],
    responses: { 204: { description: "Revoked" } },
  }),
  (c) => {
    const account = accountOf(c);
    return account === null ? operatorsPlace(c) : revoke(c, "revokeKey", account, c.req.valid("param").id);
  },
);

function operatorsPlace(c: Context<AppEnv>) {
  return problem(c, "forbidden", "This route serves an account's own keys. Use /operator/api-keys instead.");
}

apiKeyRoutes.openapi(
  route({
    method: "post",
    path: "/operator/api-keys",
    operationId: "createOperatorKey",
    summary: "Create an operator key",
    description:
      "Creates a key of the operator, or of an account if `account_id` is given. The secret is returned only in this answer; repeating the request with the same Idempotency-Key is refused with 409.",
    tags,
    ...access("operator:write", ...jsonBody),
    request: {
      headers: IdempotencyHeaders,
      body: { required: true, content: { "application/json": { schema: CreateOperatorKeyRequest } } },
    },
    refuses: ["account_not_found", "secret_shown_before"],
    responses: { 201: json(CreatedApiKey, "The key, with its secret") },
  }),
  async (c) => {
    const { account_id: account = null, ...wish } = c.req.valid("json");
    const { scope } = c.get("principal");
    if (!mayGrant(c, wish.scopes))
      return problem(c, "forbidden", "A key can only grant permissions that the credential itself has.");
    if (account !== null && (await findAccount(openDb(c.env.DB), scope, account)) === null) {
      return problem(c, "account_not_found");
    }
    return create(c, "createOperatorKey", account, wish, c.req.valid("json"));
  },
);

function mayGrant(c: Context<AppEnv>, scopes: readonly KeyScope[]): boolean {
  const wanted = permissionsOfScopes(scopes);
  return [...wanted].every((permission) => c.get("principal").permissions.has(permission));
}

apiKeyRoutes.openapi(
  route({
    method: "get",
    path: "/operator/api-keys",
    operationId: "listOperatorKeys",
    summary: "List operator keys",
    description: "Returns the operator's keys, or an account's if `account_id` is given, newest first.",
    tags,
    ...access("operator:read"),
    request: { query: PageQuery.extend({ account_id: Uuid.optional() }) },
    responses: { 200: json(KeyPage, "A page of keys") },
  }),
  (c) => {
    const { account_id = null, ...page } = c.req.valid("query");
    return list(c, account_id, page);
  },
);

apiKeyRoutes.openapi(
  route({
    method: "delete",
    path: "/operator/api-keys/{id}",
    operationId: "revokeOperatorKey",
    summary: "Revoke an operator key",
    description:
      "Revokes a key of the operator, or of an account if `account_id` is given. It is refused from the next request on.",
    tags,
    ...access("operator:write"),
    request: { params: KeyPath, query: z.object({ account_id: Uuid.optional() }) },
    refuses: ["key_not_found"],
    responses: { 204: { description: "Revoked" } },
  }),
  (c) => revoke(c, "revokeOperatorKey", c.req.valid("query").account_id ?? null, c.req.valid("param").id),
);
