/** Paths, queries, headers and references that are wrong. Nothing may change: so all share one bot. */
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, describe, it } from "vitest";
import { agentOf } from "./agent.ts";
import { botRequest, endOfTest, eventually, newAccount, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { everything, expectProblem } from "./problems.ts";

let cloud: ReturnType<typeof simulateCloud>;
let botId: string;
let account: string;

beforeAll(async () => {
  cloud = simulateCloud();
  account = await newAccount("basic");
  const bot = await newBot({ account_id: account });
  botId = bot.id;
  await agentOf(cloud, botId);
  const { revision } = await untilBot(botId, { phase: "waiting_for_agent" });
  await eventually(async () => {
    const known = await env.DB.prepare("SELECT revision FROM bots WHERE id = ?").bind(botId).first("revision");
    if (known !== revision) throw new Error("the index lags");
  });
});
afterAll(endOfTest);

/** Every operator's route that names something in its path, with a body that is fine. */
const NAMING = [
  ["GET", "/accounts/:id", undefined, "account_not_found"],
  ["PATCH", "/accounts/:id", { tier: "pro" }, "account_not_found"],
  ["GET", "/accounts/:id/bots", undefined, "account_not_found"],
  ["GET", "/bots/:id", undefined, "bot_not_found"],
  ["PATCH", "/bots/:id", { name: "Early Bird" }, "bot_not_found"],
  ["GET", "/bots/:id/config", undefined, "bot_not_found"],
  ["PATCH", "/bots/:id/config", { strictness: "low" }, "bot_not_found"],
  ["GET", "/bots/:id/configs", undefined, "bot_not_found"],
  ["GET", "/bots/:id/configs/1/diff/2", undefined, "config_not_found"],
  ["POST", "/bots/:id/config/rollback", { to_version: 1 }, "config_not_found"],
  ["POST", "/bots/:id/actions", { action: "destroy" }, "bot_not_found"],
  ["GET", "/bots/:id/operations", undefined, "bot_not_found"],
  ["POST", "/bots/:id/operations/00000000-0000-4000-8000-000000000000/cancel", undefined, "bot_not_found"],
  ["GET", "/bots/:id/events", undefined, "bot_not_found"],
  ["GET", "/bots/:id/wait?status=online", undefined, "bot_not_found"],
  ["POST", "/operator/bots/:id/suspend", { reason: "payment_failed" }, "bot_not_found"],
  ["POST", "/operator/bots/:id/unsuspend", undefined, "bot_not_found"],
] as const;

describe.for(NAMING)("%s %s", ([method, path, body, code]) => {
  it("answers 400 to what is no UUID and 404 to one that names nothing", async ({ expect }) => {
    const before = await everything(cloud, botId);
    for (const id of ["1", "not-a-uuid", `${botId}0`, botId.replaceAll("-", ""), `{${botId}}`, "%00", "..%2Fbots"]) {
      const answer = await request(method, path.replace(":id", id), { body });
      expectProblem(expect, answer, { status: 400, code: "malformed_request", pointers: ["/id"] });
    }
    const unknown = await request(method, path.replace(":id", crypto.randomUUID()), { body });
    expectProblem(expect, unknown, { status: 404, code });
    expect(await everything(cloud, botId)).toEqual(before);
  });
});

const PAGES = ["limit=0", "limit=-1", "limit=1001", "limit=1.5", "limit=abc", "limit="];
const CURSORS = [
  "cursor=garbage",
  "cursor=",
  `cursor=${"A".repeat(513)}`,
  `cursor=${btoa("x y")}`,
  `cursor=${btoa("1 2 3")}`,
];
const BOOLEANS = ["1", "yes", "TRUE", ""];
const QUERIES: Record<string, string[]> = {
  "/accounts": [...PAGES, ...CURSORS, `external_id=${"x".repeat(256)}`],
  "/accounts/:account/bots": [...PAGES, ...CURSORS, ...BOOLEANS.map((value) => `include_destroyed=${value}`)],
  "/bots": [
    ...PAGES,
    ...CURSORS,
    "account_id=1",
    "status=Online",
    "status=",
    ...BOOLEANS.flatMap((value) => [`drift=${value}`, `include_destroyed=${value}`]),
  ],
  "/bots/:bot/configs": [...PAGES, "cursor=0", "cursor=-1", "cursor=abc", "cursor=1.5"],
  "/bots/:bot/events": [...PAGES, "after=-1", "after=abc", "after=1.5"],
  "/bots/:bot/events/stream": ["after=-1", "after=abc", "after=1.5"],
  "/bots/:bot/wait": ["", "status=asleep", "status=online&timeout=0", "status=online&timeout=61", "timeout=5"],
};

describe.for(Object.entries(QUERIES))("GET %s", ([path, queries]) => {
  it.for(queries)("answers 400 to ?%s", async (query, { expect }) => {
    const target = path.replace(":account", account).replace(":bot", botId);
    expectProblem(expect, await request("GET", `${target}?${query}`), { status: 400, code: "malformed_request" });
  });
});

describe("GET /bots/:bot/configs/:from/diff/:to", () => {
  it.for(["0", "-1", "abc", "1.5", "1e99"])(
    "answers 400 to %s, which numbers no version",
    async (wrong, { expect }) => {
      for (const path of [`${wrong}/diff/1`, `1/diff/${wrong}`]) {
        const answer = await request("GET", `/bots/${botId}/configs/${path}`);
        expectProblem(expect, answer, { status: 400, code: "malformed_request" });
      }
    },
  );
});

describe("an id in upper case", () => {
  it("names what it names in lower case", async ({ expect }) => {
    for (const path of [`/bots/${botId}`, `/accounts/${account}`]) {
      const upper = await request(
        "GET",
        path.replace(/[^/]+$/, (id) => id.toUpperCase()),
      );
      expect([upper.status, upper.json.id]).toEqual([200, path.split("/").at(-1)]);
    }
  });
});

describe("headers", () => {
  it("answers 400 to an Idempotency-Key or If-Match that cannot be one", async ({ expect }) => {
    const before = await everything(cloud, botId);
    const creating = [
      ["/accounts", { external_id: crypto.randomUUID(), tier: "pro" }],
      ["/bots", botRequest(account)],
      [`/bots/${botId}/actions`, { action: "destroy" }],
      [`/bots/${botId}/config/rollback`, { to_version: 1 }],
      [`/bots/${botId}/operations/${crypto.randomUUID()}/cancel`, undefined],
      [`/operator/bots/${botId}/suspend`, { reason: "payment_failed" }],
      [`/operator/bots/${botId}/unsuspend`, undefined],
    ] as const;
    for (const [path, body] of creating) {
      for (const key of ["k".repeat(256), "two words", ""]) {
        const answer = await request("POST", path, { body, headers: { "idempotency-key": key } });
        expectProblem(expect, answer, { status: 400, code: "malformed_request", pointers: ["/idempotency-key"] });
      }
    }
    const headers = { "if-match": "x".repeat(513) };
    const patched = await request("PATCH", `/bots/${botId}/config`, { body: { strictness: "low" }, headers });
    expectProblem(expect, patched, { status: 400, code: "malformed_request", pointers: ["/if-match"] });
    expect(await everything(cloud, botId)).toEqual(before);
  });
});

describe("references and states that do not fit", () => {
  it("refuses a taken external_id, an unknown account, a full account, a stale version, an unknown version", async ({
    expect,
  }) => {
    const free = await newAccount("free");
    const { external_id } = (await request("GET", `/accounts/${account}`)).json;
    const before = await everything(cloud, botId);
    const refused = [
      ["POST", "/accounts", { external_id, tier: "pro" }, {}, 409, "external_id_taken"],
      ["POST", "/bots", botRequest(crypto.randomUUID()), {}, 404, "account_not_found"],
      ["POST", "/bots", botRequest(free), {}, 403, "quota_exceeded"],
      [
        "PATCH",
        `/bots/${botId}/config`,
        { strictness: "low" },
        { "if-match": '"stale"' },
        412,
        "config_version_conflict",
      ],
      ["PATCH", `/bots/${botId}/config`, { asset_focus: "custom" }, {}, 422, "config_custom_assets"],
      ["PATCH", `/bots/${botId}/config`, { custom_assets: ["SOL"] }, {}, 422, "config_custom_assets"],
      ["POST", `/bots/${botId}/config/rollback`, { to_version: 99 }, {}, 404, "config_not_found"],
      ["POST", `/bots/${botId}/actions`, { action: "resume" }, {}, 409, "action_not_allowed"],
    ] as const;
    for (const [method, path, body, headers, status, code] of refused) {
      expectProblem(expect, await request(method, path, { body, headers }), { status, code });
    }
    expect(await everything(cloud, botId)).toEqual(before);
  });

  it("keeps the bots of an account that falls below its usage, and refuses new ones", async ({ expect }) => {
    const shrinking = await newAccount("basic");
    await newBot({ account_id: shrinking });
    const patched = await request("PATCH", `/accounts/${shrinking}`, { body: { tier: "free" } });
    expect(patched.json).toMatchObject({ subscription_tier: "free", max_bots: 0, bot_count: 1, over_limit: true });
    const refused = await request("POST", "/bots", { body: botRequest(shrinking) });
    expectProblem(expect, refused, { status: 403, code: "quota_exceeded" });
    expect((await request("GET", `/accounts/${shrinking}/bots`)).json.data).toHaveLength(1);
  });

  it("brakes whoever keeps coming from one address without a valid credential", async ({ expect }) => {
    const headers = { "cf-connecting-ip": "203.0.113.7" };
    const guesses = await Promise.all(
      Array.from({ length: 120 }, () => request("GET", "/bots", { token: "guess", headers })),
    );
    const statuses = guesses.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(100);
    const braked = guesses.find(({ status }) => status === 429);
    if (braked === undefined) throw new Error("nobody was braked");
    expectProblem(expect, braked, { status: 429, code: "too_many_requests" });
    expect((await request("GET", "/bots", { headers })).status, "with a valid credential").toBe(200);
  });
});
