import { env } from "cloudflare:workers";
import { afterEach, describe, it, vi } from "vitest";
import { openDb } from "../../src/db/client.ts";
import { takeGuess } from "../../src/people/guesses.ts";
import { endOfTest, eventually, request } from "./cloud.ts";
import { as, collectMessages, cookieOf, newPerson, PASSWORD, signIn } from "./people.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

const anybody = () => `${crypto.randomUUID()}@people.test`;
const signUp = (email: string, password = PASSWORD) =>
  request("POST", "/auth/sign-up", { token: null, body: { email, password, name: "Ada" } });

describe("signing up", () => {
  it("leads by a message to a free account of one's own", async ({ expect }) => {
    const person = await newPerson();
    const me = await as(person, "GET", "/auth/session");
    expect(me.json).toMatchObject({
      user: { id: person.user_id, email: person.email, name: "Ada" },
      accounts: [{ id: person.user_id, role: "owner" }],
      invitations: [],
    });
    const account = await as(person, "GET", `/accounts/${person.user_id}`);
    expect(account.json).toMatchObject({ subscription_tier: "free", max_bots: 0, bot_count: 0 });
  });

  it("answers alike whether the address is known or not, and tells its owner", async ({ expect }) => {
    const person = await newPerson();
    const messages = collectMessages();
    const known = await signUp(person.email, "another password altogether");
    const unknown = await signUp(anybody());
    expect([known.status, known.json]).toEqual([unknown.status, unknown.json]);
    await eventually(() => expect(messages.to(person.email)[0]).toContain("already has an account"));
    await expect(signIn(person.email, "another password altogether")).rejects.toThrow("wrong_password");
  });

  it("makes one person of those who come at once with the same address", async ({ expect }) => {
    const email = anybody();
    collectMessages();
    const answers = await Promise.all(Array.from({ length: 4 }, () => signUp(email)));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    const found = await env.DB.prepare("SELECT id FROM users WHERE email = ?").bind(email).all();
    expect(found.results).toHaveLength(1);
  });

  it("tells a stranger nothing where messages cannot be sent", async ({ expect }) => {
    const email = anybody();
    collectMessages();
    await signUp(email);
    vi.spyOn(console, "info").mockImplementation(() => {
      throw new Error("no mail today");
    });
    const again = (address: string) => request("POST", "/auth/verification", { token: null, body: { email: address } });
    const [known, unknown] = [await again(email), await again(anybody())];
    expect([known.status, known.json]).toEqual([unknown.status, unknown.json]);
    expect(known.status).toBe(202);
  });

  it("lets nobody in before the address is confirmed", async ({ expect }) => {
    const email = anybody();
    collectMessages();
    await signUp(email);
    const answer = await request("POST", "/auth/sign-in", { token: null, body: { email, password: PASSWORD } });
    expectProblem(expect, answer, { status: 403, code: "email_not_verified" });
  });

  it("is refused with a weak password, a bad address, a forged link", async ({ expect }) => {
    expectProblem(expect, await signUp(anybody(), "short"), {
      status: 422,
      code: "invalid_request",
      pointers: ["/password"],
    });
    expectProblem(expect, await signUp("nobody"), { status: 422, code: "invalid_request", pointers: ["/email"] });
    const forged = await request("GET", "/auth/verify-email?token=eyJhbGciOiJub25lIn0.e30.", { token: null });
    expectProblem(expect, forged, { status: 422, code: "token_invalid" });
  });
});

describe("a session", () => {
  it("is a cookie that scripts and other sites do not get, and is stored as no cookie", async ({ expect }) => {
    const { email, cookie } = await newPerson();
    const answer = await request("POST", "/auth/sign-in", { token: null, body: { email, password: PASSWORD } });
    const set = answer.headers.getSetCookie().join();
    expect(set).toMatch(/^__Host-spawnpoint-session=[^;]+; Max-Age=1209600; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    const stored = await env.DB.prepare("SELECT token FROM sessions").all<{ token: string }>();
    for (const { token } of stored.results) {
      const forged = await request("GET", "/auth/session", {
        token: null,
        headers: { cookie: `__Host-spawnpoint-session=${token}` },
      });
      expect(forged.status).toBe(401);
    }
    expect(cookie).not.toBe(cookieOf(answer.headers));
  });

  it("ends when it is told to, from here or from elsewhere", async ({ expect }) => {
    const here = await newPerson();
    const there = await signIn(here.email);
    const third = await signIn(here.email);
    const sessions = (await as(here, "GET", "/auth/sessions")).json.data;
    expect(sessions).toHaveLength(3);
    const { session_id } = (await as(there, "GET", "/auth/session")).json;
    expect((await as(here, "DELETE", `/auth/sessions/${session_id}`)).status).toBe(204);
    expect((await as(there, "GET", "/auth/session")).status).toBe(401);
    expect((await as(here, "DELETE", "/auth/sessions")).status).toBe(204);
    expect((await as(third, "GET", "/auth/session")).status).toBe(401);
    const out = await as(here, "POST", "/auth/sign-out");
    expect([out.status, out.headers.getSetCookie().join()]).toEqual([204, expect.stringContaining("Max-Age=0")]);
    expect((await as(here, "GET", "/auth/session")).status).toBe(401);
  });

  it("ends by itself, and with the address's confirmation", async ({ expect }) => {
    const [ada, bob] = [await newPerson(), await newPerson()];
    const change = (text: string, person: string) => env.DB.prepare(text).bind(person).run();
    await change("UPDATE sessions SET expires_at = 1 WHERE user_id = ?", ada.user_id);
    await change("UPDATE users SET email_verified = 0 WHERE id = ?", bob.user_id);
    for (const person of [ada, bob]) expect((await as(person, "GET", "/auth/session")).status).toBe(401);
  });

  it("of another person cannot be ended", async ({ expect }) => {
    const [ada, eve] = [await newPerson(), await newPerson()];
    const { session_id } = (await as(ada, "GET", "/auth/session")).json;
    expectProblem(expect, await as(eve, "DELETE", `/auth/sessions/${session_id}`), {
      status: 404,
      code: "session_not_found",
    });
    expect((await as(ada, "GET", "/auth/session")).status).toBe(200);
  });

  it("is not for other sites to use", async ({ expect }) => {
    const ada = await newPerson();
    const body = { email: anybody(), role: "viewer" };
    const path = `/accounts/${ada.user_id}/invitations`;
    const forged: Record<string, string>[] = [
      { origin: "https://evil.test" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site", origin: "https://shop.spawnpoint.test" },
    ];
    for (const headers of forged) {
      expectProblem(expect, await as(ada, "POST", path, body, headers), { status: 403, code: "forbidden" });
    }
    const stream = await as(ada, "GET", `/bots/${crypto.randomUUID()}/events/stream`, undefined, {
      upgrade: "websocket",
      origin: "https://evil.test",
    });
    expectProblem(expect, stream, { status: 403, code: "forbidden" });
    const ours: Record<string, string>[] = [
      {},
      { origin: "http://spawnpoint.test" },
      { "sec-fetch-site": "same-origin" },
    ];
    for (const headers of ours) expect((await as(ada, "POST", path, body, headers)).status).toBe(201);
  });
});

describe("a password", () => {
  it("is reset by a token that works once, and every session ends", async ({ expect }) => {
    const ada = await newPerson();
    const messages = collectMessages();
    const asked = await request("POST", "/auth/password-reset", { token: null, body: { email: ada.email } });
    const strangers = await request("POST", "/auth/password-reset", { token: null, body: { email: anybody() } });
    expect([asked.status, asked.json]).toEqual([strangers.status, strangers.json]);
    const token = await eventually(() => {
      const found = /works once:\n(\S+)/.exec(messages.to(ada.email)[0] ?? "")?.[1];
      if (found === undefined) throw new Error("no message");
      return found;
    });
    const stored = await env.DB.prepare("SELECT identifier, value FROM verifications").all();
    expect(JSON.stringify(stored.results)).not.toContain(token);
    const reset = () =>
      request("POST", "/auth/password", { token: null, body: { token, password: "a wholly new password" } });
    expect((await reset()).status).toBe(204);
    expectProblem(expect, await reset(), { status: 422, code: "token_invalid" });
    expect((await as(ada, "GET", "/auth/session")).status).toBe(401);
    await expect(signIn(ada.email)).rejects.toThrow("wrong_password");
    await signIn(ada.email, "a wholly new password");
  });

  it("is changed by whoever knows the present one; other sessions end", async ({ expect }) => {
    const ada = await newPerson();
    const other = await signIn(ada.email);
    const change = (current_password: string) =>
      as(ada, "POST", "/auth/change-password", { current_password, password: "a wholly new password" });
    expectProblem(expect, await change("something else"), { status: 401, code: "wrong_password" });
    const changed = await change(PASSWORD);
    expect(changed.status, changed.text).toBe(204);
    expect((await as(other, "GET", "/auth/session")).status).toBe(401);
    const cookie = cookieOf(changed.headers);
    expect((await as({ ...ada, cookie }, "GET", "/auth/session")).status).toBe(200);
  });

  it("can be guessed at five times; then each guess waits, whoever makes it, and a right one ends that", async ({
    expect,
  }) => {
    const ada = await newPerson();
    const db = openDb(env.DB);
    const take = (now: number) => takeGuess(db, ada.email, now);
    const start = Date.now() + 60_000;
    const first = await Promise.all(Array.from({ length: 12 }, () => take(start)));
    expect(first.filter((wait) => wait === 0)).toHaveLength(6);
    expect(new Set(first)).toEqual(new Set([0, 1_000]));
    const waits = [];
    for (let now = start + 1_000, count = 0; count < 10; count++) {
      expect(await take(now)).toBe(0);
      waits.push(await take(now));
      now += waits.at(-1) ?? 0;
    }
    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000]);
    const guess = (password: string) =>
      request("POST", "/auth/sign-in", { token: null, body: { email: ada.email, password } });
    expectProblem(expect, await guess(PASSWORD), { status: 429, code: "too_many_requests" });
    await env.DB.prepare("UPDATE sign_in_brakes SET next_at = 1").run();
    expect((await guess(PASSWORD)).status).toBe(200);
    expect(await take(start)).toBe(0);
    expect(await take(start)).toBe(0);
  });
});
