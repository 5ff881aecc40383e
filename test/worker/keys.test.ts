import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { formatToken } from "../../src/wire/tokens.ts";
import { botRequest, endOfTest, newBot, request, simulateCloud } from "./cloud.ts";
import { as, newPerson } from "./people.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

const READER = { name: "back office", scopes: ["bots:read", "account:read"] };

describe("an API key", () => {
  it("is shown once, kept by its hash, works at once, and not after it is revoked", async ({ expect }) => {
    simulateCloud();
    const ada = await newPerson();
    const made = await as(ada, "POST", "/keys", READER);
    expect([made.status, made.headers.get("cache-control")]).toEqual([201, "no-store"]);
    const { id, token } = made.json;
    expect(token).toMatch(/^sp_key_/);
    const stored = await env.DB.prepare("SELECT * FROM api_keys WHERE id = ?").bind(id).first<{ sha256: string }>();
    expect(JSON.stringify(stored)).not.toContain(token);
    const listed = (await as(ada, "GET", "/keys")).json.data;
    expect(listed).toMatchObject([{ id, name: "back office", revoked_at: null, last_used_at: null }]);
    expect(JSON.stringify(listed)).not.toContain(stored?.sha256 ?? "");
    expect((await request("GET", `/accounts/${ada.user_id}`, { token })).status).toBe(200);
    expect((await as(ada, "DELETE", `/keys/${id}`)).status).toBe(204);
    const after = await request("GET", `/accounts/${ada.user_id}`, { token });
    expectProblem(expect, after, { status: 401, code: "unauthorized" });
    expect(after.json.detail).toContain("revoked");
    expect((await as(ada, "DELETE", `/keys/${id}`)).status).toBe(204);
  });

  it("is not known by its number, and is nothing else than what it is", async ({ expect }) => {
    const ada = await newPerson();
    const { id, token } = (await as(ada, "POST", "/keys", READER)).json;
    const guessed = formatToken("key", id, crypto.getRandomValues(new Uint8Array(32)));
    const secret = Uint8Array.from(token.slice(40, 104).match(/../g) ?? [], (pair: string) =>
      Number.parseInt(pair, 16),
    );
    expect(formatToken("key", id, secret)).toBe(token);
    for (const wrong of [guessed, formatToken("op", id, secret), formatToken("agt", id, secret)]) {
      for (const path of ["/bots", "/accounts"]) {
        expectProblem(expect, await request("GET", path, { token: wrong }), { status: 401, code: "unauthorized" });
      }
    }
  });

  it("ends when it was to end", async ({ expect }) => {
    const ada = await newPerson();
    const past = { ...READER, expires_at: "2020-01-01T00:00:00Z" };
    expectProblem(expect, await as(ada, "POST", "/keys", past), { status: 422, code: "invalid_request" });
    const { id, token } = (await as(ada, "POST", "/keys", { ...READER, expires_at: "2100-01-01T00:00:00Z" })).json;
    expect((await request("GET", "/bots", { token })).status).toBe(200);
    await env.DB.prepare("UPDATE api_keys SET expires_at = 1 WHERE id = ?").bind(id).run();
    const after = await request("GET", "/bots", { token });
    expect([after.status, after.json.detail]).toEqual([401, "The API key is expired. Use another one."]);
  });

  it("is made once for an Idempotency-Key, and its secret is not shown again", async ({ expect }) => {
    const ada = await newPerson();
    const headers = { "idempotency-key": "one-key-please" };
    const make = (body: unknown) => as(ada, "POST", "/keys", body, headers);
    const answers = await Promise.all([make(READER), make(READER), make(READER)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    expect((await as(ada, "GET", "/keys")).json.data).toHaveLength(1);
    expectProblem(expect, await make(READER), { status: 409, code: "secret_shown_before" });
    const other = { ...READER, name: "another" };
    expectProblem(expect, await make(other), { status: 422, code: "idempotency_key_reused" });
  });

  it("changes no secret where it was not given that", async ({ expect }) => {
    simulateCloud();
    const ada = await newPerson();
    await request("PATCH", `/accounts/${ada.user_id}`, { body: { tier: "pro" } });
    const bot = await newBot({ account_id: ada.user_id });
    const scopes = ["bots:read", "bots:write"];
    const { token } = (await as(ada, "POST", "/keys", { name: "tuner", scopes })).json;
    const create = await request("POST", "/bots", { token, body: botRequest(ada.user_id) });
    expectProblem(expect, create, { status: 403, code: "forbidden" });
    for (const secret of [
      { llm_api_key: "sk-ant-another-key-0123" },
      { environment: { RPC_URL: "https://rpc.test" } },
    ]) {
      const answer = await request("PATCH", `/bots/${bot.id}/config`, {
        token,
        body: { strictness: "low", ...secret },
      });
      expectProblem(expect, answer, { status: 403, code: "forbidden" });
    }
    const tuned = await request("PATCH", `/bots/${bot.id}/config`, { token, body: { strictness: "low" } });
    expect([tuned.status, tuned.json.version]).toEqual([200, 2]);
  });

  it("cannot make another, whatever it may do, nor be given what keys cannot have", async ({ expect }) => {
    const ada = await newPerson();
    const everything = ["account:read", "bots:read", "bots:write", "secrets:write", "audit:read", "billing"];
    const { token } = (await as(ada, "POST", "/keys", { name: "all", scopes: everything })).json;
    const more = await request("POST", "/keys", { token, body: READER });
    expectProblem(expect, more, { status: 403, code: "forbidden" });
    for (const scope of ["keys:write", "members:write", "operator:read", "operator:*", "root"]) {
      const answer = await as(ada, "POST", "/keys", { name: "more", scopes: [scope] });
      expectProblem(expect, answer, { status: 422, code: "invalid_request", pointers: ["/scopes/0"] });
    }
  });
});

describe("an operator's key", () => {
  it("may only what it was given, and gives no more than it has", async ({ expect }) => {
    const make = (scopes: string[], token?: string) =>
      request("POST", "/operator/api-keys", { body: { name: "k", scopes }, ...(token ? { token } : {}) });
    const reader = (await make(["operator:read"])).json.token;
    expect((await request("GET", "/accounts", { token: reader })).status).toBe(200);
    const body = { external_id: crypto.randomUUID(), tier: "free" };
    expectProblem(expect, await request("POST", "/accounts", { token: reader, body }), {
      status: 403,
      code: "forbidden",
    });
    expectProblem(expect, await request("GET", "/bots", { token: reader }), { status: 403, code: "forbidden" });
    const writer = (await make(["operator:read", "operator:write"])).json.token;
    expect((await make(["operator:read"], writer)).status).toBe(201);
    for (const scopes of [["operator:*"], ["bots:read"]]) {
      expectProblem(expect, await make(scopes, writer), { status: 403, code: "forbidden" });
    }
    const all = (await make(["operator:*"])).json.token;
    expect((await make(["operator:*"], all)).status).toBe(201);
  });

  it("of an account is a tenant's key, and is on no operator's list", async ({ expect }) => {
    const ada = await newPerson();
    const body = { name: "for Ada", scopes: ["bots:read"], account_id: ada.user_id };
    const made = await request("POST", "/operator/api-keys", { body });
    expect([made.status, made.json.token.slice(0, 7)]).toEqual([201, "sp_key_"]);
    expect((await as(ada, "GET", "/keys")).json.data).toMatchObject([{ id: made.json.id }]);
    const ids = (await request("GET", "/operator/api-keys?limit=1000")).json.data.map(({ id }: { id: string }) => id);
    expect(ids).not.toContain(made.json.id);
    const wrong = { ...body, scopes: ["operator:read"] };
    expectProblem(expect, await request("POST", "/operator/api-keys", { body: wrong }), {
      status: 422,
      code: "invalid_request",
    });
    const nobody = { ...body, account_id: crypto.randomUUID() };
    expectProblem(expect, await request("POST", "/operator/api-keys", { body: nobody }), {
      status: 404,
      code: "account_not_found",
    });
  });
});
