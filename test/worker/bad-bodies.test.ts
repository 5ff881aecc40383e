/** Every field of every body, wrong in every way that it can be. Nothing may change: so all share one bot. */
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, describe, it } from "vitest";
import { agentOf, type TestAgent } from "./agent.ts";
import { botRequest, endOfTest, eventually, newAccount, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { everything, expectProblem } from "./problems.ts";

type Json = Record<string, unknown>;
/** A route with a body, and for each field the values that it must refuse. `undefined` leaves the field out. */
interface Route {
  method: string;
  path: string;
  valid: Json;
  wrong: Record<string, unknown[]>;
  /** Agents may be newer than the control plane: what they say besides is skipped. */
  lenient?: boolean;
}

let cloud: ReturnType<typeof simulateCloud>;
let agent: TestAgent;
let account: string;

beforeAll(async () => {
  cloud = simulateCloud();
  account = await newAccount();
  const bot = await newBot({ account_id: account });
  agent = await agentOf(cloud, bot.id);
  const { revision } = await untilBot(bot.id, { phase: "waiting_for_agent" });
  await eventually(async () => {
    const known = await env.DB.prepare("SELECT revision FROM bots WHERE id = ?").bind(bot.id).first("revision");
    if (known !== revision) throw new Error("the index lags");
  });
});
afterAll(endOfTest);

const TEXT_AS_NUMBER = [undefined, null, "10", true];
const PERCENT = [...TEXT_AS_NUMBER, -0.1, 100.1];
const ENUM = [undefined, null, 1, "", "unheard_of"];
const CONFIG_WRONG = {
  asset_focus: [...ENUM, "Majors"],
  custom_assets: [
    null,
    "SOL",
    [],
    ["sol"],
    ["SOL", "SOL"],
    [1],
    ["A".repeat(21)],
    Array.from({ length: 101 }, (_, n) => `A${n}`),
  ],
  algorithm: [...ENUM, "Trend"],
  strictness: [...ENUM, "MEDIUM"],
  paper_mode: [undefined, null, "true", 1],
  signal_knobs: [
    "on",
    {},
    { volume_confirmation: true },
    { ...knobs(), liquidity_filter: "Medium" },
    { ...knobs(), more: true },
  ],
  max_position_size_pct: PERCENT,
  max_daily_loss_pct: PERCENT,
  max_drawdown_pct: PERCENT,
  max_trades_per_day: [...TEXT_AS_NUMBER, -1, 1.5, 2_147_483_648],
  llm_provider: [undefined, null, 5, "", "1st", "two words", "x".repeat(101)],
  llm_api_key: [undefined, null, 5, "", "two words", "ключ", "line\nbreak", "k".repeat(4097)],
  environment: [
    ...[null, "A=1", ["A"], Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`N${n}`, ""]))],
    ...["not a name", "PATH", "https_proxy", "OPENAI_API_KEY"].map((name) => ({ [name]: "x" })),
    ...[5, "x\u0000", "x".repeat(32 * 1024)].map((A) => ({ A })),
  ],
};
/** Half a surrogate pair: D1 would keep another text. */
const HALF = "9+\ud800";
const SHA = "a".repeat(64);
const IDENTITY_WRONG = {
  droplet_id: [undefined, null, "1", 0, -1, 1.5],
  boot_id: [undefined, null, 5, "", "b".repeat(65)],
};

const ROUTES: Record<string, () => Route> = {
  "POST /accounts": () => ({
    method: "POST",
    path: "/accounts",
    valid: { external_id: crypto.randomUUID(), tier: "pro" },
    wrong: { external_id: [undefined, null, 5, "", "x".repeat(256), "a\u0000b", "a\nb", HALF], tier: [...ENUM, "Pro"] },
  }),
  "PATCH /accounts/:id": () => ({
    method: "PATCH",
    path: `/accounts/${account}`,
    valid: { tier: "basic" },
    wrong: { tier: [null, ...ENUM.filter((value) => value !== undefined)], external_id: [null, 5, "", HALF] },
  }),
  "POST /bots": () => ({
    method: "POST",
    path: "/bots",
    valid: botRequest(account),
    wrong: {
      account_id: [undefined, null, 5, "not-a-uuid", ""],
      name: [undefined, null, 5, "", "   ", "n".repeat(257)],
      persona: [...ENUM, "Beginner"],
      ...CONFIG_WRONG,
    },
  }),
  "PATCH /bots/:id": () => ({
    method: "PATCH",
    path: `/bots/${agent.bot_id}`,
    valid: { name: "Early Bird" },
    wrong: {
      name: [null, 5, "", "  ", "n".repeat(257)],
      persona: [null, "expert"],
      policies: [null, "auto", { healing: "pray" }, { start: "later" }, { start: "auto", more: 1 }],
    },
  }),
  "PATCH /bots/:id/config": () => ({
    method: "PATCH",
    path: `/bots/${agent.bot_id}/config`,
    valid: { strictness: "low", note: "calmer" },
    wrong: {
      ...withoutMissing(CONFIG_WRONG),
      note: [null, 5, "n".repeat(501), HALF],
      version: [2],
      account_id: [crypto.randomUUID()],
    },
  }),
  "POST /bots/:id/config/rollback": () => ({
    method: "POST",
    path: `/bots/${agent.bot_id}/config/rollback`,
    valid: { to_version: 1 },
    wrong: { to_version: [undefined, null, "1", 0, -1, 1.5] },
  }),
  "POST /bots/:id/actions": () => ({
    method: "POST",
    path: `/bots/${agent.bot_id}/actions`,
    valid: { action: "destroy" },
    wrong: { action: [...ENUM, "Destroy", "suspend", "heal"] },
  }),
  "POST /operator/bots/:id/suspend": () => ({
    method: "POST",
    path: `/operator/bots/${agent.bot_id}/suspend`,
    valid: { reason: "payment_failed" },
    wrong: { reason: [undefined, null, 5, "", "  ", "r".repeat(201), "line\nbreak", "a\u0000b", HALF] },
  }),
  "POST /bots/:id/security/acknowledge": () => ({
    method: "POST",
    path: `/bots/${agent.bot_id}/security/acknowledge`,
    valid: { reason: "seen" },
    wrong: { reason: [undefined, null, 5, "", "  ", "r".repeat(201), "line\nbreak", "a\u0000b", HALF] },
  }),
  "POST /bot/:id/credential": () => ({
    method: "POST",
    path: `/bot/${agent.bot_id}/credential`,
    valid: { credential_sha256: SHA, droplet_id: agent.droplet_id, boot_id: "boot" },
    wrong: { credential_sha256: [undefined, null, 5, "a".repeat(63), "A".repeat(64)], ...IDENTITY_WRONG },
    lenient: true,
  }),
  "POST /bot/register": () => ({
    method: "POST",
    path: "/bot/register",
    valid: { bot_id: agent.bot_id, credential_sha256: SHA, droplet_id: agent.droplet_id, boot_id: "boot" },
    wrong: {
      bot_id: [undefined, null, 5, "not-a-uuid"],
      credential_sha256: [undefined, null, 5, "a".repeat(63), "A".repeat(64)],
      agent_version: [null, 5, "v".repeat(65)],
      ...IDENTITY_WRONG,
    },
    lenient: true,
  }),
  "POST /bot/:id/stage": () => ({
    method: "POST",
    path: `/bot/${agent.bot_id}/stage`,
    valid: { stage: "node", droplet_id: agent.droplet_id, boot_id: "boot" },
    wrong: { stage: ENUM, detail: [null, 5, "d".repeat(501)], ...IDENTITY_WRONG },
    lenient: true,
  }),
  "POST /bot/:id/config_ack": () => ({
    method: "POST",
    path: `/bot/${agent.bot_id}/config_ack`,
    valid: { config_id: crypto.randomUUID() },
    wrong: {
      config_id: [undefined, null, 5, "1"],
      result: [null, "maybe"],
      workload: [null, "idle"],
      reason: [null, 5, "r".repeat(501)],
    },
    lenient: true,
  }),
  "POST /bot/:id/heartbeat": () => ({
    method: "POST",
    path: `/bot/${agent.bot_id}/heartbeat`,
    valid: {
      agent_version: "1",
      droplet_id: agent.droplet_id,
      boot_id: "boot",
      workload: { state: "running", version: null, restarts: 0 },
      applied_config_id: null,
      load: null,
      mem: null,
      disk: null,
    },
    wrong: {
      agent_version: [undefined, null, 5, "v".repeat(65)],
      workload: [
        undefined,
        null,
        "running",
        {},
        { state: "idle", version: null, restarts: 0 },
        { state: "running", version: null, restarts: -1 },
      ],
      applied_config_id: [undefined, 5, "1"],
      load: [undefined, "1", -1],
      mem: [undefined, "1", -0.1, 1.1],
      disk: [undefined, "1", -0.1, 1.1],
      command_results: [null, [{}], Array.from({ length: 17 }, () => ({ id: crypto.randomUUID(), ok: true }))],
      ...IDENTITY_WRONG,
    },
    lenient: true,
  }),
};

function knobs() {
  return { volume_confirmation: true, volatility_brake: true, liquidity_filter: "low", correlation_brake: false };
}

/** In a patch every field may be left out. */
function withoutMissing(wrong: Record<string, unknown[]>) {
  return Object.fromEntries(
    Object.entries(wrong).map(([field, values]) => [field, values.filter((value) => value !== undefined)]),
  );
}

function send({ method, path }: Route, body: unknown, headers: Record<string, string> = {}) {
  const token = path.startsWith("/bot/")
    ? { token: path.endsWith("/register") || path.endsWith("/stage") ? agent.token : agent.credential }
    : {};
  return request(method, path, { body, headers, ...token });
}

describe.for(Object.keys(ROUTES))("%s", (name) => {
  const route = () => ROUTES[name]?.() as Route;

  it("refuses every wrong value of every field with 422, names the field and changes nothing", async ({ expect }) => {
    const { valid, wrong } = route();
    const before = await everything(cloud, agent.bot_id);
    for (const [field, values] of Object.entries(wrong)) {
      for (const value of values) {
        const answer = await send(route(), { ...valid, [field]: value });
        expectProblem(expect, answer, { status: 422, code: "invalid_request" });
        const pointers = answer.json.errors.map(({ pointer }: { pointer: string }) => pointer);
        const named =
          pointers.some((pointer: string) => pointer.startsWith(`/${field}`)) || answer.json.detail.includes(field);
        expect(named, `${field} = ${JSON.stringify(value)}: ${answer.text}`).toBe(true);
      }
    }
    expect(await everything(cloud, agent.bot_id)).toEqual(before);
  });

  it("refuses what is no JSON object, too large or of another content type", async ({ expect }) => {
    const { valid, lenient } = route();
    const before = await everything(cloud, agent.bot_id);
    for (const body of ["[]", "null", '"text"', "5", "[{}]"]) {
      expectProblem(expect, await send(route(), body), { status: 422, code: "invalid_request" });
    }
    for (const body of ["{", "{'a': 1}", JSON.stringify(valid).slice(0, -1), "\u0000"]) {
      expectProblem(expect, await send(route(), body), { status: 400, code: "malformed_request" });
    }
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/json5",
      "multipart/form-data",
      "",
    ]) {
      const answer = await send(route(), JSON.stringify(valid), { "content-type": type });
      expectProblem(expect, answer, { status: 415, code: "unsupported_media_type" });
    }
    const huge = await send(route(), { ...valid, padding: "x".repeat(1_000_001) });
    expectProblem(expect, huge, { status: 413, code: "body_too_large" });
    // Its length is not said beforehand.
    const endless = new Response("x".repeat(1_000_001)).body;
    expectProblem(expect, await send(route(), endless), { status: 413, code: "body_too_large" });
    if (!lenient) {
      expectProblem(expect, await send(route(), { ...valid, surprise: 1 }), { status: 422, code: "invalid_request" });
      expectProblem(expect, await send(route(), {}), { status: 422, code: "invalid_request" });
    }
    expect(await everything(cloud, agent.bot_id)).toEqual(before);
  });
});

it("takes JSON by whatever spelling of its content type the standard allows", async ({ expect }) => {
  for (const type of [
    "application/json;",
    "APPLICATION/JSON",
    'application/json; charset="utf-8"',
    "application/json ;a=b",
  ]) {
    const body = { external_id: crypto.randomUUID(), tier: "pro" };
    const answer = await request("POST", "/accounts", { body, headers: { "content-type": type } });
    expect([answer.status, answer.json.external_id], type).toEqual([201, body.external_id]);
    const wrong = await request("POST", "/accounts", { body: { tier: "pro" }, headers: { "content-type": type } });
    expectProblem(expect, wrong, { status: 422, code: "invalid_request" });
  }
});

it("hears an agent whatever its workload has printed", async ({ expect }) => {
  expect((await agent.stage("node", { detail: HALF })).status).toBe(200);
});

it("names each faulty field by its JSON pointer, all of them at once", async ({ expect }) => {
  const body = botRequest(account, {
    persona: "expert",
    max_drawdown_pct: 101,
    signal_knobs: { ...knobs(), liquidity_filter: "x" },
  });
  expectProblem(expect, await request("POST", "/bots", { body }), {
    status: 422,
    code: "invalid_request",
    pointers: ["/persona", "/signal_knobs/liquidity_filter", "/max_drawdown_pct"],
  });
});
