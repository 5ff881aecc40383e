/** Signing up and in, and passwords. What a stranger is told is the same whether an address is known or not. */
import { z } from "@hono/zod-openapi";
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
import { FROM_ANOTHER_SITE, open, personOf, signedIn } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { type AppEnv, createApp } from "./context.ts";
import { isForged } from "./cross-site.ts";
import { authOf, makeOwnAccount, refusalOf } from "./people-auth.ts";
import { problem } from "./problem.ts";
import { signInBrake } from "./rate-limit.ts";
import { headers, json } from "./responses.ts";
import { route } from "./route.ts";

const tags = ["Authentication"];
const TOLD_BY_MESSAGE = "Accepted. If the address qualifies, a message is sent to it.";

export const peopleRoutes = createApp();

function accepted(c: Context<AppEnv>) {
  return c.json({ status: "accepted" as const, detail: TOLD_BY_MESSAGE }, 202);
}

peopleRoutes.openapi(
  route({
    method: "post",
    path: "/auth/sign-up",
    operationId: "signUp",
    summary: "Sign up with email and password",
    description:
      "Sends a message with a link that verifies the address. The answer is the same whether the address is already in use. The account starts on the free tier.",
    tags,
    ...open(signInBrake, ...jsonBody),
    request: { body: { required: true, content: { "application/json": { schema: SignUpRequest } } } },
    refuses: ["sign_up_closed"],
    responses: { 202: json(Accepted, "Accepted") },
  }),
  async (c) => {
    if (c.get("settings").SIGN_UP === "closed") {
      return problem(c, "sign_up_closed");
    }
    const body = c.req.valid("json");
    try {
      await authOf(c).api.signUpEmail({ body });
    } catch (error) {
      // Of two that come at once with the same address the second is refused by the database.
      refusalOf(error);
      if (!(await isKnown(openDb(c.env.DB), body.email))) {
        return problem(c, "unavailable");
      }
    }
    return accepted(c);
  },
);

peopleRoutes.openapi(
  route({
    method: "post",
    path: "/auth/verification",
    operationId: "sendVerification",
    summary: "Resend the verification message",
    description:
      "Sends the message again if the address has signed up and is not verified yet. The answer is the same for unknown addresses.",
    tags,
    ...open(signInBrake, ...jsonBody),
    request: { body: { required: true, content: { "application/json": { schema: EmailRequest } } } },
    responses: { 202: json(Accepted, "Accepted") },
  }),
  async (c) => {
    await authOf(c).api.sendVerificationEmail({ body: c.req.valid("json") });
    return accepted(c);
  },
);

peopleRoutes.openapi(
  route({
    method: "get",
    path: "/auth/verify-email",
    operationId: "verifyEmail",
    summary: "Verify an email address",
    description: "Opened from the link in the verification message. The token is valid for one hour.",
    tags,
    ...open(signInBrake),
    request: { query: z.object({ token: z.string().min(1).max(2048) }) },
    refuses: ["token_invalid"],
    responses: {
      200: json(z.object({ status: z.literal("verified"), detail: z.string() }), "Verified"),
    },
  }),
  async (c) => {
    try {
      await authOf(c).api.verifyEmail({ query: c.req.valid("query") });
    } catch (error) {
      refusalOf(error);
      return problem(c, "token_invalid");
    }
    return c.json({ status: "verified" as const, detail: "The email address is verified. You can sign in." }, 200);
  },
);

peopleRoutes.openapi(
  route({
    method: "post",
    path: "/auth/sign-in",
    operationId: "signIn",
    summary: "Sign in",
    description:
      "Starts a session and sets its cookie. After five wrong passwords for an address, each further attempt must wait longer, whoever makes it.",
    tags,
    ...open(signInBrake, ...jsonBody),
    request: { body: { required: true, content: { "application/json": { schema: SignInRequest } } } },
    refuses: ["forbidden", "wrong_password", "email_not_verified"],
    responses: {
      200: json(SignedIn, "Signed in", "Set-Cookie"),
    },
  }),
  async (c) => {
    if (isForged(c)) return problem(c, "forbidden", FROM_ANOTHER_SITE);
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
        return problem(c, "email_not_verified");
      }
      return problem(c, "wrong_password");
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
  return problem(c, "too_many_requests", `Too many wrong passwords. Try again in ${seconds} s.`, {
    retry_after_s: seconds,
  });
}

peopleRoutes.openapi(
  route({
    method: "post",
    path: "/auth/password-reset",
    operationId: "requestPasswordReset",
    summary: "Request a password reset",
    description: "Sends a message with a token for POST /auth/password. The answer is the same for unknown addresses.",
    tags,
    ...open(signInBrake, ...jsonBody),
    request: { body: { required: true, content: { "application/json": { schema: EmailRequest } } } },
    responses: { 202: json(Accepted, "Accepted") },
  }),
  async (c) => {
    await authOf(c).api.requestPasswordReset({ body: c.req.valid("json") });
    return accepted(c);
  },
);

peopleRoutes.openapi(
  route({
    method: "post",
    path: "/auth/password",
    operationId: "resetPassword",
    summary: "Reset the password",
    description:
      "Sets a new password with the token from the message and ends every session. The token works once, within one hour.",
    tags,
    ...open(signInBrake, ...jsonBody),
    request: { body: { required: true, content: { "application/json": { schema: ResetPasswordRequest } } } },
    refuses: ["token_invalid"],
    responses: { 204: { description: "Changed" } },
  }),
  async (c) => {
    const { token, password } = c.req.valid("json");
    try {
      await authOf(c).api.resetPassword({ body: { token, newPassword: password } });
    } catch (error) {
      refusalOf(error);
      return problem(c, "token_invalid");
    }
    return c.body(null, 204);
  },
);

peopleRoutes.openapi(
  route({
    method: "post",
    path: "/auth/change-password",
    operationId: "changePassword",
    summary: "Change the password",
    description:
      "Requires the current password. Ends every other session; the current one continues with a new cookie.",
    tags,
    ...signedIn(signInBrake, ...jsonBody),
    request: { body: { required: true, content: { "application/json": { schema: ChangePasswordRequest } } } },
    refuses: ["wrong_password"],
    responses: {
      204: { description: "Changed; the session continues with a new cookie", headers: headers("Set-Cookie") },
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
      return problem(c, "wrong_password", "The current password is wrong.");
    }
  },
);
