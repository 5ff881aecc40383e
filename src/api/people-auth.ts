/** The sign-in library as a request meets it: bound to its database, its messages and its time to wait. */
import { APIError } from "better-auth/api";
import type { Context } from "hono";
import { log } from "../cloudflare/log.ts";
import { randomBytes } from "../cloudflare/random.ts";
import { openDb } from "../db/client.ts";
import { peopleAuth } from "../people/auth.ts";
import { consoleSender, type Message, type SendMessage, webhookSender } from "../people/mail.ts";
import { ensureOwnAccount } from "../people/sessions.ts";
import { recordOf } from "./audit-record.ts";
import type { AppEnv } from "./context.ts";

export function authOf(c: Context<AppEnv>) {
  const { PUBLIC_URL, SESSION_SECRET } = c.get("settings");
  return peopleAuth({
    db: openDb(c.env.DB),
    url: PUBLIC_URL,
    secret: SESSION_SECRET,
    send: async (message) => sendInBackground(c, message),
    randomBytes,
    inBackground: (work) => c.executionCtx.waitUntil(work),
    onVerified: ({ id }) => makeOwnAccount(c, id),
  });
}

/**
 * Nobody waits for a message: how long it takes, and whether it can be sent, would tell a stranger which addresses are
 * known. Whoever misses it asks again.
 */
export function sendInBackground(c: Context<AppEnv>, message: Message): void {
  const sent = senderOf(c)(message).catch((error: unknown) => {
    const { kind } = message;
    log({ level: "error", event: "message_not_sent", kind, request_id: c.get("request_id"), detail: String(error) });
  });
  c.executionCtx.waitUntil(sent);
}

/** A webhook where there is one. Without one only a local system shows messages: they hold what opens an account. */
function senderOf(c: Context<AppEnv>): SendMessage {
  const { MAIL_WEBHOOK_URL, MAIL_WEBHOOK_TOKEN, ENVIRONMENT } = c.get("settings");
  if (MAIL_WEBHOOK_URL !== "") {
    return webhookSender(MAIL_WEBHOOK_URL, MAIL_WEBHOOK_TOKEN, (input, init) => fetch(input, init));
  }
  if (ENVIRONMENT === "development") return consoleSender;
  return () => Promise.reject(new Error("MAIL_WEBHOOK_URL is not set"));
}

export async function makeOwnAccount(c: Context<AppEnv>, userId: string): Promise<void> {
  const audit = recordOf(c, "signUp", {
    actor: `user:${userId}`,
    credential_id: null,
    account_id: userId,
    after: { tier: "free" },
  });
  await ensureOwnAccount(openDb(c.env.DB), userId, audit, Date.now());
}

/** What the library refused, by its code; anything else is no refusal and is thrown on. */
export function refusalOf(error: unknown): string {
  if (error instanceof APIError && error.statusCode < 500) return String(error.body?.code ?? error.status);
  throw error;
}
