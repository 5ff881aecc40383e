/** Sign-up, sign-in and sessions: better-auth over D1 (https://better-auth.com/docs), and what it is told of us. */
import { drizzleAdapter } from "better-auth/adapters/drizzle";
import { betterAuth } from "better-auth/minimal";
import type { Db } from "../db/client.ts";
import { sessions, sign_ins, users, verifications } from "../db/schema.ts";
import { MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH } from "../wire/person.ts";
import { alreadySignedUp, passwordReset, type SendMessage, verification } from "./mail.ts";
import { hashPassword, verifyPassword } from "./password.ts";
import { SESSION_COOKIE } from "./session.ts";

/** Not prolonged by use: a stolen cookie ends too. */
export const SESSION_S = 14 * 24 * 60 * 60;

export interface AuthPlatform {
  db: Db;
  /** Where people reach this Worker; the cookie belongs to that host. */
  url: string;
  secret: string;
  send: SendMessage;
  randomBytes(count: number): Uint8Array<ArrayBuffer>;
  /** What need not be waited for: how long a message takes tells nobody whether an address is known. */
  inBackground(work: Promise<unknown>): void;
  /** The first verified sign of a person: their own account is made. */
  onVerified(user: { id: string; email: string }): Promise<void>;
}

export function peopleAuth(platform: AuthPlatform) {
  const { db, url, secret, send, randomBytes } = platform;
  return betterAuth({
    baseURL: url,
    basePath: "/auth",
    secret,
    database: drizzleAdapter(db, {
      provider: "sqlite",
      schema: { users, sessions, sign_ins, verifications },
    }),
    logger: { disabled: true },
    telemetry: { enabled: false },
    // Ours counts for every route and answers in our words (rate-limit.ts).
    rateLimit: { enabled: false },
    advanced: {
      useSecureCookies: false,
      ipAddress: { ipAddressHeaders: ["cf-connecting-ip"] },
      cookies: {
        session_token: {
          name: SESSION_COOKIE,
          attributes: { secure: true, httpOnly: true, sameSite: "lax", path: "/" },
        },
      },
      database: { generateId: () => crypto.randomUUID() },
      backgroundTasks: { handler: (work) => platform.inBackground(work) },
    },
    user: {
      modelName: "users",
      fields: { emailVerified: "email_verified", createdAt: "created_at", updatedAt: "updated_at" },
    },
    session: {
      modelName: "sessions",
      fields: {
        userId: "user_id",
        ipAddress: "ip_address",
        userAgent: "user_agent",
        expiresAt: "expires_at",
        createdAt: "created_at",
        updatedAt: "updated_at",
      },
      expiresIn: SESSION_S,
      disableSessionRefresh: true,
    },
    account: {
      modelName: "sign_ins",
      fields: {
        userId: "user_id",
        providerId: "provider_id",
        accountId: "provider_account_id",
        accessToken: "access_token",
        refreshToken: "refresh_token",
        idToken: "id_token",
        accessTokenExpiresAt: "access_token_expires_at",
        refreshTokenExpiresAt: "refresh_token_expires_at",
        createdAt: "created_at",
        updatedAt: "updated_at",
      },
    },
    verification: {
      modelName: "verifications",
      storeIdentifier: "hashed",
      fields: { expiresAt: "expires_at", createdAt: "created_at", updatedAt: "updated_at" },
    },
    emailAndPassword: {
      enabled: true,
      autoSignIn: false,
      requireEmailVerification: true,
      minPasswordLength: MIN_PASSWORD_LENGTH,
      maxPasswordLength: MAX_PASSWORD_LENGTH,
      revokeSessionsOnPasswordReset: true,
      password: {
        hash: (password) => hashPassword(password, randomBytes),
        verify: ({ hash, password }) => verifyPassword(hash, password),
      },
      sendResetPassword: ({ user, token }) => send(passwordReset(user.email, token, url)),
      onExistingUserSignUp: ({ user }) => send(alreadySignedUp(user.email)),
    },
    emailVerification: {
      sendOnSignUp: true,
      sendVerificationEmail: ({ user, token }) =>
        send(verification(user.email, `${url}/auth/verify-email?token=${token}`)),
      afterEmailVerification: (user) => platform.onVerified(user),
    },
  });
}
