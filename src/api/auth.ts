/** Who calls. Judged before a body is read: a stranger learns nothing of what a route expects. */
import type { Context, MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import { judgeKey, noteUse } from "../accounts/api-keys.ts";
import type { Person, Principal } from "../accounts/principal.ts";
import { log } from "../cloudflare/log.ts";
import { openDb } from "../db/client.ts";
import { findSession } from "../people/session.ts";
import { isOperatorPermission, type Permission, permissionsOfScopes } from "../wire/access.ts";
import { Uuid } from "../wire/primitives.ts";
import { constantTimeEqual, hashToken, type ParsedToken, parseToken } from "../wire/tokens.ts";
import type { AppEnv } from "./context.ts";
import { isForged } from "./cross-site.ts";
import { problem } from "./problem.ts";
import { brake, brakeAgent, isTiresome } from "./rate-limit.ts";
import type { Guard } from "./route.ts";

const MAX_TOKEN_LENGTH = 256;
const ACCOUNT_HEADER = "spawnpoint-account";
export const ANOTHER_BOTS_TOKEN = "The token belongs to another bot.";
/** Of a request that a browser sent because another site's page told it to. */
export const FROM_ANOTHER_SITE =
  "The request was sent by another site's page. Send it from this service's origin or an allowed one.";

/**
 * What a route asks for: its `security` in the OpenAPI document and the middleware that enforces just that. The
 * operator's routes take the operator's credentials alone.
 * @param after what judges the request next, once it is known whose it is
 */
export function access(permission: Permission, ...after: readonly MiddlewareHandler<AppEnv>[]) {
  const planes = isOperatorPermission(permission) ? ["operator"] : ["operator", "api_key", "session"];
  const security = planes.map((plane) => ({ [plane]: [permission as string] }));
  const guard = planes.includes("session") ? TENANTS : OPERATORS;
  return { security, middleware: [requirePermission(permission), ...after], guard };
}

const OPERATORS: Guard = { refuses: ["unauthorized", "forbidden", "too_many_requests"], counted: true };
/** A session comes with the name of an account, which may be none. */
const TENANTS: Guard = { ...OPERATORS, refuses: [...OPERATORS.refuses, "malformed_request"] };
const AGENTS: Guard = {
  refuses: ["unauthorized", "invalid_credential", "too_many_requests", "bot_unreadable"],
  counted: false,
};

/** For people alone, whatever they may do: their sessions, their invitations. */
export function signedIn(...after: readonly MiddlewareHandler<AppEnv>[]) {
  const security: Record<string, string[]>[] = [{ session: [] }];
  return { security, middleware: [requirePerson, ...after], guard: TENANTS };
}

/** For a droplet's agent, or its bootstrap. */
export function byAgent(...after: readonly MiddlewareHandler<AppEnv>[]) {
  const security: Record<string, string[]>[] = [{ agent: [] }];
  return { security, middleware: [agent, ...after], guard: AGENTS };
}

/** For anybody, but not as often as they like. @param brake counts their requests */
export function open(brake: MiddlewareHandler<AppEnv>, ...after: readonly MiddlewareHandler<AppEnv>[]) {
  const security: Record<string, string[]>[] = [];
  const guard: Guard = { refuses: ["too_many_requests"], counted: true };
  return { security, middleware: [brake, ...after], guard };
}

/** For anybody, as often as they like. */
export const NOBODY_JUDGES = { security: [] as Record<string, string[]>[], guard: { refuses: [], counted: false } };

function requirePermission(permission: Permission) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const principal = await authenticate(c, !isOperatorPermission(permission));
    if (principal instanceof Response) return principal;
    c.set("principal", principal);
    const braked = await brake(c, principal.credential_id);
    if (braked) return braked;
    if (!principal.permissions.has(permission)) return notGranted(c, permission);
    return next();
  });
}

const requirePerson = createMiddleware<AppEnv>(async (c, next) => {
  const principal = await sessionOf(c);
  if (principal instanceof Response) return principal;
  c.set("principal", principal);
  return (await brake(c, principal.credential_id)) ?? next();
});

/** The person of a route that `signedIn` guards. */
export function personOf(c: Context<AppEnv>): Person {
  const person = c.get("person");
  if (person === undefined) throw new Error("the route is not guarded by signedIn");
  return person;
}

/** What only some bodies of a route need. @returns the refusal, or null */
export function unless(c: Context<AppEnv>, permission: Permission) {
  return c.get("principal").permissions.has(permission) ? null : notGranted(c, permission);
}

function notGranted(c: Context<AppEnv>, permission: Permission) {
  return problem(c, "forbidden", `The credential lacks the permission ${permission}.`);
}

/** A bearer token if there is one, a session's cookie else. */
async function authenticate(c: Context<AppEnv>, tenants: boolean): Promise<Principal | Response> {
  const header = c.req.header("authorization");
  if (header === undefined && tenants) return sessionOf(c);
  const token = bearer(header);
  const parsed = token === null ? null : parseToken(token);
  if (token === null || parsed === null) return refused(c, "Send a valid bearer token.");
  if (parsed.kind !== "op" && !(tenants && parsed.kind === "key")) {
    return refused(c, tenants ? "Send an API key or an operator token." : "Send an operator token.");
  }
  return tokensPrincipal(c, token, parsed);
}

async function tokensPrincipal(c: Context<AppEnv>, token: string, parsed: ParsedToken): Promise<Principal | Response> {
  const sha256 = await hashToken(token);
  if (parsed.kind === "op" && constantTimeEqual(sha256, c.get("settings").OPERATOR_TOKEN_SHA256)) {
    const permissions = permissionsOfScopes(["operator:*"]);
    const { owner } = parsed;
    const scope = { every_account: true } as const;
    return { kind: "operator", credential_id: owner, actor: `operator:${owner}`, scope, permissions };
  }
  const now = Date.now();
  const db = openDb(c.env.DB);
  const judged = await judgeKey(db, parsed.owner, sha256, now);
  if (judged.kind === "invalid") return refused(c, "The token is invalid.");
  if (judged.kind !== "valid") return refused(c, `The API key is ${judged.kind}. Use another one.`);
  c.executionCtx.waitUntil(
    noteUse(db, judged.row, now).catch((error: unknown) => {
      log({ level: "warn", event: "key_use_not_noted", credential_id: parsed.owner, detail: String(error) });
    }),
  );
  return judged.principal;
}

async function sessionOf(c: Context<AppEnv>): Promise<Principal | Response> {
  const wanted = Uuid.nullable().safeParse(c.req.header(ACCOUNT_HEADER) ?? null);
  if (!wanted.success)
    return problem(c, "malformed_request", `The header ${ACCOUNT_HEADER} must be an account id (UUID).`);
  const secret = c.get("settings").SESSION_SECRET;
  const session = await findSession(c, openDb(c.env.DB), secret, wanted.data, Date.now());
  if (session === null) return refused(c, "Send a bearer token or sign in.");
  if (isForged(c)) {
    return problem(c, "forbidden", FROM_ANOTHER_SITE);
  }
  c.set("person", session.person);
  return session.principal;
}

/** An agent's token names its bot; the bot itself judges whether it is valid. No other bot's object is woken. */
export const agent = createMiddleware<AppEnv>(async (c, next) => {
  const token = bearer(c.req.header("authorization"));
  const parsed = token === null ? null : parseToken(token);
  if (token === null || (parsed?.kind !== "reg" && parsed?.kind !== "agt"))
    return refused(c, "Send the agent's bearer token.");
  const named = c.req.param("id");
  if (named !== undefined && named.toLowerCase() !== parsed.owner) return refused(c, ANOTHER_BOTS_TOKEN);
  c.set("agent", { bot_id: parsed.owner, kind: parsed.kind, token_sha256: await hashToken(token) });
  return brakeAgent(c, parsed.owner) ?? next();
});

/** RFC 6750: the scheme's name is case-insensitive. */
function bearer(header: string | undefined): string | null {
  const match = /^bearer +(\S+)$/i.exec(header ?? "");
  const token = match?.[1];
  return token === undefined || token.length > MAX_TOKEN_LENGTH ? null : token;
}

async function refused(c: Context<AppEnv>, detail: string): Promise<Response> {
  if (await isTiresome(c))
    return problem(c, "too_many_requests", "Too many requests without a valid credential. Try again in 60 s.", {
      retry_after_s: 60,
    });
  return problem(c, "unauthorized", detail);
}
