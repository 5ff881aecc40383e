/** Signing up and in, and passwords. What a stranger is told is the same whether an address is known or not. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { appendAudit } from "../accounts/audit.ts";
import { openDb } from "../db/client.ts";
import { SESSION_S } from "../people/auth.ts";
import { forgetGuesses, takeGuess } from "../people/guesses.ts";
import { isKnown } from "../people/sessions.ts";
import {
  Accepted,
  ChangePasswordRequest,
  EmailRequest,
  ResetPasswordRequest,
  SignedIn,
  SignInRequest,
  SignUpRequest,
} from "../wire/person.ts";
import { auditOf, recordOf } from "./audit-record.ts";
import { personOf, signedIn } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { type AppEnv, createApp } from "./context.ts";
import { isForged } from "./cross-site.ts";
import { authOf, makeOwnAccount, refusalOf } from "./people-auth.ts";
import { problem } from "./problem.ts";
import { signInBrake } from "./rate-limit.ts";
import { BODY_PROBLEMS, json, problems } from "./responses.ts";

const tags = ["People"];
const open = { security: [], middleware: [signInBrake, ...jsonBody] };
const TOLD_BY_MESSAGE = "What comes of it is in the message to that address.";

export const peopleRoutes = createApp();

function accepted(c: Context<AppEnv>) {
  return c.json({ status: "accepted" as const, detail: TOLD_BY_MESSAGE }, 202);
}

peopleRoutes.openapi(
  createRoute({
    method: "post",
    path: "/auth/sign-up",
    operationId: "signUp",
    summary: "Sign up with an e-mail address and a password",
    description: "A message to the address holds the link that confirms it. The account is on the free tier.",
    tags,
    ...open,
    request: { body: { required: true, content: { "application/json": { schema: SignUpRequest } } } },
    responses: { 202: json(Accepted, "Accepted"), ...problems(...BODY_PROBLEMS) },
  }),
  async (c) => {
    if (c.get("settings").SIGN_UP === "closed") {
      return problem(c, "sign_up_closed", "Nobody can sign up here; ask the operator for an account.");
    }
    const body = c.req.valid("json");
    try {
      await authOf(c).api.signUpEmail({ body });
    } catch (error) {
      // Of two that come at once with the same address the second is refused by the database.
      refusalOf(error);
      if (!(await isKnown(openDb(c.env.DB), body.email))) {
        return problem(c, "unavailable", "The sign-up could not be kept. Try again.");
      }
    }
    return accepted(c);
  },
);

peopleRoutes.openapi(
  createRoute({
    method: "post",
    path: "/auth/verification",
    operationId: "sendVerification",
    summary: "Send the confirmation message again",
    tags,
    ...open,
    request: { body: { required: true, content: { "application/json": { schema: EmailRequest } } } },
    responses: { 202: json(Accepted, "Accepted"), ...problems(...BODY_PROBLEMS) },
  }),
  async (c) => {
    await authOf(c).api.sendVerificationEmail({ body: c.req.valid("json") });
    return accepted(c);
  },
);

peopleRoutes.openapi(
  createRoute({
    method: "get",
    path: "/auth/verify-email",
    operationId: "verifyEmail",
    summary: "Confirm an e-mail address, by the link of the message",
    tags,
    security: [],
    middleware: [signInBrake],
    request: { query: z.object({ token: z.string().min(1).max(2048) }) },
    responses: {
      200: json(z.object({ status: z.literal("verified"), detail: z.string() }), "Confirmed"),
      ...problems(400, 422),
    },
  }),
  async (c) => {
    try {
      await authOf(c).api.verifyEmail({ query: c.req.valid("query") });
    } catch (error) {
      refusalOf(error);
      return problem(c, "token_invalid", "The link is not valid, or is older than an hour. Ask for another message.");
    }
    return c.json({ status: "verified" as const, detail: "The address is confirmed. Sign in with it." }, 200);
  },
);

peopleRoutes.openapi(
  createRoute({
    method: "post",
    path: "/auth/sign-in",
    operationId: "signIn",
    summary: "Sign in: the session is a cookie",
    description: "After five wrong passwords each further guess waits, longer each time, whoever makes it.",
    tags,
    ...open,
    request: { body: { required: true, content: { "application/json": { schema: SignInRequest } } } },
    responses: {
      200: json(SignedIn, "Signed in", z.object({ "set-cookie": z.string() })),
      ...problems(...BODY_PROBLEMS),
    },
  }),
  async (c) => {
    if (isForged(c)) return problem(c, "forbidden", "Another site asked for this. Only this service's own pages may.");
    const body = c.req.valid("json");
    const db = openDb(c.env.DB);
    const wait = await takeGuess(db, body.email, Date.now());
    if (wait > 0) return tooManyGuesses(c, wait);
    try {
      const { headers, response } = await authOf(c).api.signInEmail({
        body,
        headers: c.req.raw.headers,
        returnHeaders: true,
      });
      await forgetGuesses(db, body.email);
      return await welcome(c, response.user.id, headers);
    } catch (error) {
      if (refusalOf(error) === "EMAIL_NOT_VERIFIED") {
        return problem(
          c,
          "email_not_verified",
          "Confirm the address first: POST /auth/verification sends the message again.",
        );
      }
      return problem(c, "wrong_password", "The address or the password is wrong.");
    }
  },
);

async function welcome(c: Context<AppEnv>, user_id: string, headers: Headers) {
  await makeOwnAccount(c, user_id);
  const actor = `user:${user_id}`;
  await appendAudit(openDb(c.env.DB), recordOf(c, "signIn", { actor, credential_id: null, account_id: user_id }));
  for (const cookie of headers.getSetCookie()) c.header("set-cookie", cookie, { append: true });
  const expires_at = new Date(Date.now() + SESSION_S * 1000).toISOString();
  return c.json({ status: "signed_in" as const, user_id, expires_at }, 200, { "cache-control": "no-store" });
}

function tooManyGuesses(c: Context<AppEnv>, wait_ms: number) {
  const seconds = Math.ceil(wait_ms / 1000);
  return problem(c, "too_many_requests", `Too many wrong passwords. The next may be tried in ${seconds} s.`, {
    retry_after_s: seconds,
  });
}

peopleRoutes.openapi(
  createRoute({
    method: "post",
    path: "/auth/password-reset",
    operationId: "requestPasswordReset",
    summary: "Ask for a message with a token for a new password",
    tags,
    ...open,
    request: { body: { required: true, content: { "application/json": { schema: EmailRequest } } } },
    responses: { 202: json(Accepted, "Accepted"), ...problems(...BODY_PROBLEMS) },
  }),
  async (c) => {
    await authOf(c).api.requestPasswordReset({ body: c.req.valid("json") });
    return accepted(c);
  },
);

peopleRoutes.openapi(
  createRoute({
    method: "post",
    path: "/auth/password",
    operationId: "resetPassword",
    summary: "Choose a new password with a token from the message",
    description: "Ends every session. The token works once, within an hour.",
    tags,
    ...open,
    request: { body: { required: true, content: { "application/json": { schema: ResetPasswordRequest } } } },
    responses: { 204: { description: "Changed" }, ...problems(...BODY_PROBLEMS) },
  }),
  async (c) => {
    const { token, password } = c.req.valid("json");
    try {
      await authOf(c).api.resetPassword({ body: { token, newPassword: password } });
    } catch (error) {
      refusalOf(error);
      return problem(c, "token_invalid", "The token is not valid, was used, or is older than an hour.");
    }
    return c.body(null, 204);
  },
);

peopleRoutes.openapi(
  createRoute({
    method: "post",
    path: "/auth/change-password",
    operationId: "changePassword",
    summary: "Change the password, and end every other session",
    tags,
    ...signedIn(signInBrake, ...jsonBody),
    request: { body: { required: true, content: { "application/json": { schema: ChangePasswordRequest } } } },
    responses: {
      204: { description: "Changed; the session goes on under a new cookie" },
      ...problems(...BODY_PROBLEMS),
    },
  }),
  async (c) => {
    const { current_password, password } = c.req.valid("json");
    const { email, user_id } = personOf(c);
    const db = openDb(c.env.DB);
    const wait = await takeGuess(db, email, Date.now());
    if (wait > 0) return tooManyGuesses(c, wait);
    const body = { currentPassword: current_password, newPassword: password, revokeOtherSessions: true };
    try {
      const { headers } = await authOf(c).api.changePassword({ body, headers: c.req.raw.headers, returnHeaders: true });
      await forgetGuesses(db, email);
      await appendAudit(db, auditOf(c, "changePassword", { account_id: user_id }));
      for (const cookie of headers.getSetCookie()) c.header("set-cookie", cookie, { append: true });
      return c.body(null, 204);
    } catch (error) {
      refusalOf(error);
      return problem(c, "wrong_password", "The present password is wrong.");
    }
  },
);
