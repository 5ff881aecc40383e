/** Messages to people. How they are delivered is the deployment's: a webhook that any mail service can stand behind. */

export interface Message {
  kind: "verify_email" | "reset_password" | "invitation" | "already_signed_up";
  to: string;
  subject: string;
  text: string;
}

/** @throws where the message was not taken: whoever waits for it may ask again */
export type SendMessage = (message: Message) => Promise<void>;

const TIMEOUT_MS = 10_000;

/** POSTs `{kind, to, subject, text}` as JSON with a bearer token; any 2xx means that it was taken. */
export function webhookSender(url: string, token: string, fetch: typeof globalThis.fetch): SendMessage {
  return async (message) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token === "" ? {} : { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(message),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the mail webhook answered ${response.status}`);
  };
}

/** For development: what would be sent is shown where the Worker's log is, with its links, which a log would hide. */
export const consoleSender: SendMessage = async ({ to, subject, text }) => {
  console.info(`A message to ${to}: ${subject}\n${text}\n`);
};

export function verification(to: string, link: string): Message {
  return {
    kind: "verify_email",
    to,
    subject: "Verify your email address",
    text: `Open this link within one hour to verify your email address:\n${link}\nIf you did not sign up, ignore this message.`,
  };
}

export function passwordReset(to: string, token: string, apiUrl: string): Message {
  return {
    kind: "reset_password",
    to,
    subject: "Reset your password",
    text:
      `A password reset was requested for your account. This token is valid for one hour and works once:\n${token}\n` +
      `Send it with the new password to POST ${apiUrl}/auth/password. If you did not request this, ignore this message.`,
  };
}

export function alreadySignedUp(to: string): Message {
  return {
    kind: "already_signed_up",
    to,
    subject: "You already have an account",
    text: "Somebody tried to sign up with this email address, which already has an account. Sign in or reset your password. If it was not you, ignore this message.",
  };
}

export function invitation(to: string, id: string, apiUrl: string): Message {
  return {
    kind: "invitation",
    to,
    subject: "You are invited to join an account",
    text: `Sign in or sign up with this email address, then accept the invitation within one week: POST ${apiUrl}/invitations/${id}/accept`,
  };
}
