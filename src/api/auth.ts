/** Who calls. Judged before a body is read: a stranger learns nothing of what a route expects. */
import { createMiddleware } from "hono/factory";
import { constantTimeEqual, hashToken, parseToken } from "../wire/tokens.ts";
import type { AppEnv } from "./context.ts";
import { problem } from "./problem.ts";

const MAX_TOKEN_LENGTH = 256;

/** The operator's credential reaches every account. */
export const operator = createMiddleware<AppEnv>(async (c, next) => {
  const token = bearer(c.req.header("authorization"));
  const parsed = token === null ? null : parseToken(token);
  if (token === null || parsed?.kind !== "op") return refused(c, "An operator's bearer token is needed.");
  if (!constantTimeEqual(await hashToken(token), c.get("settings").OPERATOR_TOKEN_SHA256)) {
    return refused(c, "The token is not valid.");
  }
  c.set("principal", {
    credential_id: parsed.owner,
    actor: `operator:${parsed.owner}`,
    scope: { every_account: true },
  });
  return next();
});

/** An agent's token names its bot; the bot itself judges whether it is valid. No other bot's object is woken. */
export const agent = createMiddleware<AppEnv>(async (c, next) => {
  const token = bearer(c.req.header("authorization"));
  const parsed = token === null ? null : parseToken(token);
  if (token === null || parsed === null || parsed.kind === "op")
    return refused(c, "An agent's bearer token is needed.");
  const named = c.req.param("id");
  if (named !== undefined && named.toLowerCase() !== parsed.owner) return refused(c, "The token is another bot's.");
  c.set("agent", { bot_id: parsed.owner, kind: parsed.kind, token_sha256: await hashToken(token) });
  return next();
});

/** RFC 6750: the scheme's name is case-insensitive. */
function bearer(header: string | undefined): string | null {
  const match = /^bearer +(\S+)$/i.exec(header ?? "");
  const token = match?.[1];
  return token === undefined || token.length > MAX_TOKEN_LENGTH ? null : token;
}

/** Guessing is slowed at the edge, by address. */
async function refused(c: Parameters<typeof problem>[0], detail: string): Promise<Response> {
  const { success } = await c.env.API_LIMITER.limit({
    key: `unauthorized:${c.req.header("cf-connecting-ip") ?? "local"}`,
  });
  if (!success)
    return problem(c, "too_many_requests", "Too many requests without a valid credential.", { retry_after_s: 60 });
  return problem(c, "unauthorized", detail);
}
