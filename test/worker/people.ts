/** People as tests have them: signed up, confirmed, signed in, with their cookie. */
import { vi } from "vitest";
import { eventually, request } from "./cloud.ts";

export const PASSWORD = "correct horse battery staple";

/** What would have been sent; the last message to an address first. */
export function collectMessages() {
  const messages: string[] = [];
  vi.spyOn(console, "info").mockImplementation((text: unknown) => {
    messages.unshift(String(text));
  });
  const to = (address: string) => messages.filter((text) => text.startsWith(`A message to ${address}:`));
  return { to, link: (address: string) => /\/auth\/verify-email\?token=\S+/.exec(to(address)[0] ?? "")?.[0] ?? "" };
}

export interface TestPerson {
  email: string;
  user_id: string;
  /** As a browser sends it back. */
  cookie: string;
}

/** A person who has signed up, confirmed their address and signed in. */
export async function newPerson(): Promise<TestPerson> {
  const email = `${crypto.randomUUID()}@people.test`;
  const messages = collectMessages();
  const body = { email, password: PASSWORD, name: "Ada" };
  const up = await request("POST", "/auth/sign-up", { token: null, body });
  if (up.status !== 202) throw new Error(`no sign-up: ${up.text}`);
  const link = await eventually(() => {
    const found = messages.link(email);
    if (found === "") throw new Error("no message");
    return found;
  });
  const verified = await request("GET", link, { token: null });
  if (verified.status !== 200) throw new Error(`not verified: ${verified.text}`);
  return signIn(email);
}

export async function signIn(email: string, password = PASSWORD): Promise<TestPerson> {
  const answer = await request("POST", "/auth/sign-in", { token: null, body: { email, password } });
  if (answer.status !== 200) throw new Error(`not signed in: ${answer.text}`);
  const cookie = cookieOf(answer.headers);
  return { email, user_id: answer.json.user_id, cookie };
}

export function cookieOf(headers: Headers): string {
  return headers.getSetCookie()[0]?.split(";")[0] ?? "";
}

/** A request with the person's cookie. */
export function as(
  person: TestPerson,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  return request(method, path, { token: null, body, headers: { cookie: person.cookie, ...headers } });
}
