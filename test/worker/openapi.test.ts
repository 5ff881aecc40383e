/** Walks every operation that the document lists: a new route fails here until it has an entry in the table. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { app } from "../../src/api/app.ts";
import { PROBLEMS } from "../../src/wire/problems.ts";
import { formatToken, hashToken } from "../../src/wire/tokens.ts";
import { newCredential } from "./agent.ts";
import { endOfTest, request, simulateCloud } from "./cloud.ts";
import { codesOf, type Documented, readDocument } from "./document.ts";
import { OPERATIONS } from "./operations.ts";
import { expectProblem } from "./problems.ts";
import { operatorToken } from "./settings.ts";
import { newWorld, remake, type World } from "./world.ts";

// biome-ignore lint/suspicious/noExplicitAny: the document is JSON of whatever shape it has
let document: any;
let documented: Documented[];
let world: World;

beforeAll(async () => {
  const cloud = simulateCloud();
  ({ document, documented } = await readDocument());
  world = await newWorld(cloud);
  // An operation that has not begun to act: its first call to DigitalOcean finds nobody.
  cloud.script.add({ on: "get_droplet", fault: "before_effect" });
}, 60_000);
afterAll(endOfTest);

function operationOf(id: string): Documented {
  const found = documented.find(({ operationId }) => operationId === id);
  if (found === undefined) throw new Error(`the document has no operation ${id}`);
  return found;
}

describe("the document", () => {
  it("is OpenAPI 3.1 and lists exactly the operations that are tested here", ({ expect }) => {
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(documented.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(OPERATIONS).sort());
  });

  it("lists every route that the app has, itself excepted", ({ expect }) => {
    const routes = app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`);
    const known = documented.map(({ method, path }) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`);
    expect([...new Set(routes)].sort()).toEqual([...known, "GET /openapi.json"].sort());
  });

  it("describes every answer's content type: JSON or the bundle, and problems for refusals", ({ expect }) => {
    for (const { operationId, responses } of documented) {
      for (const [status, { content }] of Object.entries(responses)) {
        const types = Object.keys(content ?? {});
        const where = `${operationId} ${status}`;
        if (["101", "204", "304"].includes(status)) expect(types, where).toEqual([]);
        else if (operationId === "downloadAgent" && status === "200") expect(types, where).toEqual(["text/javascript"]);
        else if (status.startsWith("2") || where === "health 503") expect(types, where).toEqual(["application/json"]);
        else expect(types, where).toEqual(["application/problem+json"]);
      }
    }
  });

  it("documents a success of every operation, and only statuses that its problems have", ({ expect }) => {
    for (const { operationId, responses } of documented) {
      expect(responses, operationId).toHaveProperty(String(OPERATIONS[operationId]?.status));
      for (const [status, response] of Object.entries(responses)) {
        for (const code of codesOf(response)) {
          expect(PROBLEMS[code as keyof typeof PROBLEMS].status, `${operationId} ${code}`).toBe(Number(status));
        }
      }
    }
  });

  it("lists every problem for some operation, but those of a request that is for none", ({ expect }) => {
    const listed = documented.flatMap(({ responses }) => Object.values(responses).flatMap(codesOf));
    const ofNone = Object.keys(PROBLEMS).filter((code) => !listed.includes(code));
    expect(ofNone).toEqual(["route_not_found", "method_not_allowed"]);
  });

  it("declares the headers that tell a client when to come again, and every tag", ({ expect }) => {
    for (const { operationId, tags, responses } of documented) {
      for (const [status, { headers = {} }] of Object.entries(responses)) {
        const where = `${operationId} ${status}`;
        expect(headers, where).toHaveProperty("X-Request-Id");
        const later = ["429", "503"].includes(status) && where !== "health 503";
        expect("Retry-After" in headers, where).toBe(later);
        if (status === "429") expect(Object.keys(headers), where).toEqual(expect.arrayContaining(["RateLimit"]));
      }
      const declared = document.tags.map(({ name }: { name: string }) => name);
      expect(declared, operationId).toEqual(expect.arrayContaining(tags));
    }
  });

  it("declares the credential of each operation, and every scheme", ({ expect }) => {
    expect(Object.keys(document.components.securitySchemes).sort()).toEqual([
      "agent",
      "api_key",
      "operator",
      "session",
    ]);
    for (const { operationId, security = [] } of documented) {
      const schemes = security.flatMap((entry) => Object.keys(entry));
      const tenants = ["operator", "api_key", "session"];
      const expected = {
        anyone: [[]],
        agent: [["agent"]],
        person: [["session"]],
        owner: [tenants],
        operator: [["operator"], tenants],
      }[OPERATIONS[operationId]?.who ?? "anyone"];
      expect(expected, operationId).toContainEqual(schemes);
    }
  });
});

const GARBAGE = { body: "{ not json", headers: { "content-type": "text/plain" } };

describe.for(Object.entries(OPERATIONS))("%s", ([id, entry]) => {
  it("answers its happy path as documented", async ({ expect }) => {
    const { method, responses } = operationOf(id);
    const { path, body, headers, status } = entry;
    const { agent, made, owner } = world;
    if (id === "acknowledgeConfig")
      made.config = (await request("GET", `/bots/${world.bot}`)).json.desired_config_version_id;
    if (id === "revokeOperatorKey") await remake(world);
    if (id === "cancelOperation") {
      const pause = { body: { action: "pause" } };
      made.operation = (await request("POST", `/bots/${world.bot}/actions`, pause)).json.operation.id;
    }
    const token = { operator: operatorToken, agent: id === "registerAgent" ? agent.token : agent.credential };
    const cookie = entry.who === "owner" || entry.who === "person" ? { cookie: owner.cookie } : {};
    const answer = await request(method, path(world), {
      token: token[entry.who as keyof typeof token] ?? null,
      ...(body ? { body: body(world) } : {}),
      headers: { ...cookie, ...headers },
    });
    expect(answer.status, answer.text).toBe(status);
    const types = answer.headers.get("content-type")?.split(";").slice(0, 1) ?? [];
    expect(Object.keys(responses[status]?.content ?? {})).toEqual(types);
    expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    const counted = Object.hasOwn(responses[status]?.headers ?? {}, "RateLimit");
    expect(answer.headers.has("ratelimit")).toBe(counted);
  });

  it("judges the credential before the body: none, mangled, another kind, another key", async ({ expect }) => {
    const { method } = operationOf(id);
    const target = entry.path(world);
    if (entry.who === "anyone") return;
    const stranger = await newCredential(crypto.randomUUID());
    const otherOperator = formatToken("op", crypto.randomUUID(), crypto.getRandomValues(new Uint8Array(32)));
    const wrong = {
      none: null,
      empty: "",
      mangled: `${(entry.who === "agent" ? world.agent.credential : operatorToken).slice(0, -1)}x`,
      "another kind": entry.who === "agent" || entry.who === "person" ? operatorToken : world.agent.credential,
      "the stored form": await hashToken(entry.who === "agent" ? world.agent.credential : operatorToken),
      "another key": entry.who === "operator" ? otherOperator : stranger.credential,
    };
    for (const [which, token] of Object.entries(wrong)) {
      // A registration names its bot in the body alone: its token is well-formed, so the body is read.
      if (id === "registerAgent" && which === "another key") continue;
      const answer = await request(method, target, { token, ...(method === "GET" ? {} : GARBAGE) });
      expectProblem(expect, answer, { status: 401, code: "unauthorized" });
    }
  });
});

describe("what is no route", () => {
  it("answers 405 with Allow to every other method of every path", async ({ expect }) => {
    for (const path of Object.keys(document.paths)) {
      const allowed = documented.filter((operation) => operation.path === path).map(({ method }) => method);
      const target = path.replaceAll(/\{\w+\}/g, crypto.randomUUID());
      for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"].filter((other) => !allowed.includes(other))) {
        const answer = await request(method, target, { token: null });
        expectProblem(expect, answer, { status: 405, code: "method_not_allowed" });
        expect(answer.headers.get("allow"), path).toBe([...allowed].sort().join(", "));
      }
    }
  });

  it("answers 404 to an unknown path, with a credential or without", async ({ expect }) => {
    for (const path of ["/", "/nowhere", "/bots/", "/bot", "/Bots", "/bots/1/2/3/4", "/api-docs/openapi.json"]) {
      for (const token of [null, operatorToken]) {
        expectProblem(expect, await request("GET", path, { token }), { status: 404, code: "route_not_found" });
      }
    }
  });
});
