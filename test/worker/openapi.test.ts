/** Walks every operation that the document lists: a new route fails here until it has an entry in the table. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { app } from "../../src/api/app.ts";
import { agentRelease } from "../../src/provider/release.ts";
import { formatToken, hashToken } from "../../src/wire/tokens.ts";
import { bringOnline, newCredential, type TestAgent } from "./agent.ts";
import { botRequest, endOfTest, newAccount, newBot, request, simulateCloud } from "./cloud.ts";
import { expectProblem } from "./problems.ts";
import { operatorToken } from "./settings.ts";

interface World {
  account: string;
  bot: string;
  agent: TestAgent;
}
interface Entry {
  who: "operator" | "agent" | "anyone";
  path: (world: World) => string;
  body?: (world: World) => unknown;
  headers?: Record<string, string>;
  status: number;
}

/** By `operationId`: who may, and a request that succeeds. In an order in which all of them do. */
const OPERATIONS: Record<string, Entry> = {
  health: { who: "anyone", path: () => "/health", status: 200 },
  downloadAgent: { who: "anyone", path: () => agentRelease.url, status: 200 },
  createAccount: {
    who: "operator",
    path: () => "/accounts",
    body: () => ({ external_id: crypto.randomUUID(), tier: "free" }),
    status: 201,
  },
  listAccounts: { who: "operator", path: () => "/accounts", status: 200 },
  getAccount: { who: "operator", path: ({ account }) => `/accounts/${account}`, status: 200 },
  changeAccount: {
    who: "operator",
    path: ({ account }) => `/accounts/${account}`,
    body: () => ({ tier: "pro" }),
    status: 200,
  },
  listAccountBots: { who: "operator", path: ({ account }) => `/accounts/${account}/bots`, status: 200 },
  createBot: { who: "operator", path: () => "/bots", body: ({ account }) => botRequest(account), status: 201 },
  listBots: { who: "operator", path: () => "/bots", status: 200 },
  getBot: { who: "operator", path: ({ bot }) => `/bots/${bot}`, status: 200 },
  changeBot: { who: "operator", path: ({ bot }) => `/bots/${bot}`, body: () => ({ name: "Early Bird" }), status: 200 },
  getBotConfig: { who: "operator", path: ({ bot }) => `/bots/${bot}/config`, status: 200 },
  listBotConfigs: { who: "operator", path: ({ bot }) => `/bots/${bot}/configs`, status: 200 },
  diffBotConfigs: { who: "operator", path: ({ bot }) => `/bots/${bot}/configs/1/diff/1`, status: 200 },
  changeBotConfig: {
    who: "operator",
    path: ({ bot }) => `/bots/${bot}/config`,
    body: () => ({ strictness: "low" }),
    status: 200,
  },
  rollBackBotConfig: {
    who: "operator",
    path: ({ bot }) => `/bots/${bot}/config/rollback`,
    body: () => ({ to_version: 1 }),
    status: 200,
  },
  requestCommand: {
    who: "operator",
    path: ({ bot }) => `/bots/${bot}/commands`,
    body: () => ({ kind: "collect_logs" }),
    status: 202,
  },
  listCommands: { who: "operator", path: ({ bot }) => `/bots/${bot}/commands`, status: 200 },
  getCommand: { who: "operator", path: ({ bot }) => `/bots/${bot}/commands/${command}`, status: 200 },
  listOperations: { who: "operator", path: ({ bot }) => `/bots/${bot}/operations`, status: 200 },
  listEvents: { who: "operator", path: ({ bot }) => `/bots/${bot}/events`, status: 200 },
  streamEvents: {
    who: "operator",
    path: ({ bot }) => `/bots/${bot}/events/stream`,
    headers: { upgrade: "websocket" },
    status: 101,
  },
  waitForBot: { who: "operator", path: ({ bot }) => `/bots/${bot}/wait?status=online`, status: 200 },
  registerAgent: {
    who: "agent",
    path: () => "/bot/register",
    body: ({ bot, agent: { credential_sha256, droplet_id, boot_id } }) => ({
      bot_id: bot,
      credential_sha256,
      droplet_id,
      boot_id,
    }),
    status: 200,
  },
  reportStage: {
    who: "agent",
    path: ({ bot }) => `/bot/${bot}/stage`,
    body: ({ agent: { droplet_id, boot_id } }) => ({ stage: "done", droplet_id, boot_id }),
    status: 200,
  },
  getAgentRelease: { who: "agent", path: ({ bot }) => `/bot/${bot}/agent`, status: 200 },
  getAgentConfig: { who: "agent", path: ({ bot }) => `/bot/${bot}/config`, status: 200 },
  acknowledgeConfig: {
    who: "agent",
    path: ({ bot }) => `/bot/${bot}/config_ack`,
    body: () => ({ config_id: desiredConfig }),
    status: 200,
  },
  openChannel: {
    who: "agent",
    path: ({ bot, agent: { droplet_id, boot_id } }) =>
      `/bot/${bot}/channel?droplet_id=${droplet_id}&boot_id=${boot_id}`,
    headers: { upgrade: "websocket" },
    status: 101,
  },
  heartbeat: {
    who: "agent",
    path: ({ bot }) => `/bot/${bot}/heartbeat`,
    body: ({ agent: { droplet_id, boot_id } }) => ({
      agent_version: "1",
      droplet_id,
      boot_id,
      workload: { state: "running", version: null, restarts: 0 },
      applied_config_id: null,
      load: null,
      mem: null,
      disk: null,
    }),
    status: 200,
  },
  actOnBot: {
    who: "operator",
    path: ({ bot }) => `/bots/${bot}/actions`,
    body: () => ({ action: "resume" }),
    status: 202,
  },
  listOrphans: { who: "operator", path: () => "/operator/orphans", status: 200 },
  sweep: { who: "operator", path: () => "/operator/sweep", body: () => ({ dry_run: true }), status: 202 },
  rotateKeys: { who: "operator", path: () => "/operator/keys/rotate", body: () => ({}), status: 202 },
  getKeyRotation: { who: "operator", path: () => "/operator/keys/rotate", status: 200 },
  rebuildIndex: { who: "operator", path: () => "/operator/index/rebuild", body: () => ({}), status: 200 },
  listRunningOperations: { who: "operator", path: () => "/operator/operations?stuck=true", status: 200 },
  getGate: { who: "operator", path: () => "/operator/gate", status: 200 },
  cancelOperation: { who: "operator", path: ({ bot }) => `/bots/${bot}/operations/${operation}/cancel`, status: 202 },
  suspendBot: {
    who: "operator",
    path: ({ bot }) => `/operator/bots/${bot}/suspend`,
    body: () => ({ reason: "payment_failed" }),
    status: 202,
  },
  unsuspendBot: { who: "operator", path: ({ bot }) => `/operator/bots/${bot}/unsuspend`, status: 202 },
};

interface Documented {
  method: string;
  path: string;
  operationId: string;
  security?: { operator?: []; agent?: [] }[];
  responses: Record<string, { content?: Record<string, unknown> }>;
}
// biome-ignore lint/suspicious/noExplicitAny: the document is JSON of whatever shape it has
let document: any;
let documented: Documented[];
let world: World;
let desiredConfig: string;
let operation: string;
let command: string;

beforeAll(async () => {
  const cloud = simulateCloud();
  document = (await request("GET", "/openapi.json", { token: null })).json;
  documented = Object.entries<Record<string, Documented>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  );
  const account = await newAccount();
  const bot = await newBot({ account_id: account });
  desiredConfig = bot.desired_config_version_id;
  const agent = await bringOnline(cloud, bot.id);
  world = { account, bot: bot.id, agent };
  // An operation that has not begun to act: its first call to DigitalOcean finds nobody.
  cloud.script.add({ on: "get_droplet", fault: "before_effect" });
});
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
        if (status === "304" || status === "101") expect(types, where).toEqual([]);
        else if (operationId === "downloadAgent" && status === "200") expect(types, where).toEqual(["text/javascript"]);
        else if (status.startsWith("2") || operationId === "health") expect(types, where).toEqual(["application/json"]);
        else expect(types, where).toEqual(["application/problem+json"]);
      }
    }
  });

  it("declares the credential of each operation, and both schemes", ({ expect }) => {
    expect(Object.keys(document.components.securitySchemes).sort()).toEqual(["agent", "operator"]);
    for (const { operationId, security = [] } of documented) {
      const who = OPERATIONS[operationId]?.who;
      expect(security, operationId).toEqual(who === "anyone" ? [] : [{ [String(who)]: [] }]);
    }
  });
});

const GARBAGE = { body: "{ not json", headers: { "content-type": "text/plain" } };

describe.for(Object.entries(OPERATIONS))("%s", ([id, entry]) => {
  it("answers its happy path as documented", async ({ expect }) => {
    const { method, responses } = operationOf(id);
    const { who, path, body, headers, status } = entry;
    if (id === "acknowledgeConfig")
      desiredConfig = (await request("GET", `/bots/${world.bot}`)).json.desired_config_version_id;
    if (id === "getCommand") command = (await request("GET", `/bots/${world.bot}/commands`)).json.data[0].id;
    if (id === "cancelOperation") {
      const pause = { body: { action: "pause" } };
      operation = (await request("POST", `/bots/${world.bot}/actions`, pause)).json.operation.id;
    }
    const { agent } = world;
    const registering = id === "registerAgent";
    const token = { operator: operatorToken, agent: registering ? agent.token : agent.credential, anyone: null }[who];
    const options = { token, ...(body ? { body: body(world) } : {}), ...(headers ? { headers } : {}) };
    const answer = await request(method, path(world), options);
    expect(answer.status, answer.text).toBe(status);
    const types = answer.headers.get("content-type")?.split(";").slice(0, 1) ?? [];
    expect(Object.keys(responses[status]?.content ?? {})).toEqual(types);
    expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
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
      mangled: `${(entry.who === "operator" ? operatorToken : world.agent.credential).slice(0, -1)}x`,
      "another kind": entry.who === "operator" ? world.agent.credential : operatorToken,
      "the stored form": await hashToken(entry.who === "operator" ? operatorToken : world.agent.credential),
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
