/** Every field of every body, wrong in every way that it can be. Nothing may change: so all share one bot. */
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, describe, it } from "vitest";
import { agentOf, type TestAgent } from "./agent.ts";
import { BODIES, HALF, knobs, type Route } from "./bodies.ts";
import { botRequest, endOfTest, eventually, newAccount, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { everything, expectProblem } from "./problems.ts";

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

function send({ method, path }: Route, body: unknown, headers: Record<string, string> = {}) {
  const token = path.startsWith("/bot/")
    ? { token: path.endsWith("/register") || path.endsWith("/stage") ? agent.token : agent.credential }
    : {};
  return request(method, path, { body, headers, ...token });
}

describe.for(Object.entries(BODIES))("%s", ([, about]) => {
  const route = () => about({ agent, account });

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
