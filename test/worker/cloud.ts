/** A simulated DigitalOcean behind the Worker's `fetch`, and the requests that tests make. */
import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { vi } from "vitest";
import { INSTANT_KNOBS, type Knobs } from "../../simulator/model/knobs.ts";
import type { SimulatorState } from "../../simulator/model/records.ts";
import { Simulator } from "../../simulator/model/simulator.ts";
import type { Bot } from "../../src/index.ts";
import { PATIENCE_MS } from "../depth.ts";
import { BOT_REQUEST } from "../fixtures/bot.ts";
import { BASE, mustBeDocumented } from "./document.ts";
import { operatorToken } from "./settings.ts";

/** Everything happens at once and nothing is rate limited: tests poll faster than DigitalOcean lets anybody. */
const HURRIED_KNOBS: Partial<Knobs> = { ...INSTANT_KNOBS, per_minute: 100_000, per_hour: 1_000_000 };

let nextDroplet = 500_000_001;

/**
 * Stands in for the network until the test ends: whatever the Worker or its objects fetch goes to this simulator.
 * @param held what it holds from the beginning
 */
export function simulateCloud(knobs: Partial<Knobs> = {}, held: Partial<SimulatorState> = {}): Simulator {
  const options = {
    now: () => Date.now(),
    random: Math.random,
    droplet_limit: 10_000,
    knobs: { ...HURRIED_KNOBS, ...knobs },
  };
  // Like upstream, no two droplets ever have the same number, whichever test made them.
  nextDroplet += 1_000;
  const state = { ...new Simulator(options).snapshot(), ...held, next_droplet: nextDroplet };
  const simulator = Simulator.restore(state, options);
  vi.spyOn(globalThis, "fetch").mockImplementation((input, init) =>
    simulator.fetch(input as Request, init as RequestInit),
  );
  return simulator;
}

/** After a test: its bots fall silent, so that none of them acts on the next test's cloud; then spies and clock go. */
export async function endOfTest(): Promise<void> {
  vi.useRealTimers();
  await eventually(async () => {
    const ids = await listDurableObjectIds(env.BOT);
    const alarms = await Promise.all(ids.map((id) => disarm(env.BOT.get(id))));
    if (alarms.some((alarm) => alarm)) throw new Error("a bot still works");
  });
  vi.restoreAllMocks();
}

/** @returns whether an alarm was set */
function disarm(stub: DurableObjectStub<Bot>): Promise<boolean> {
  return runInDurableObject(stub, async (_bot, { storage }) => {
    const armed = (await storage.getAlarm()) !== null;
    if (armed) await storage.deleteAlarm();
    return armed;
  });
}

/** Droplets that carry the bot's tag, oldest first. */
export function dropletsOf(cloud: Simulator, botId: string) {
  return cloud.droplets().filter(({ tags }) => tags.includes(`bot-${botId}`));
}

interface RequestOptions {
  body?: unknown;
  token?: string | null;
  headers?: Record<string, string>;
}

/** Whatever is refused must be a refusal that the document lists for the operation. */
export async function request(method: string, path: string, options: RequestOptions = {}) {
  const { body, token = operatorToken, headers = {} } = options;
  const response = await exports.default.fetch(BASE + path, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      // Guessing is limited by address: tests come from everywhere.
      "cf-connecting-ip": crypto.randomUUID(),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: asSent(body) }),
  });
  const text = await response.text();
  // A socket is asked for by those who read it; here only the answer counts.
  response.webSocket?.accept();
  response.webSocket?.close();
  const json = parse(text);
  if (typeof json?.code === "string") await mustBeDocumented(method, path, response.status, json.code);
  return { status: response.status, headers: response.headers, text, json };
}

function asSent(body: unknown): BodyInit {
  return typeof body === "string" || body instanceof ReadableStream ? body : JSON.stringify(body);
}

// biome-ignore lint/suspicious/noExplicitAny: tests read whatever came
export function parse(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export async function newAccount(tier = "pro"): Promise<string> {
  const made = await request("POST", "/accounts", { body: { external_id: crypto.randomUUID(), tier } });
  if (made.status !== 201) throw new Error(`no account: ${made.text}`);
  return made.json.id;
}

export function botRequest(account_id: string, changes: Record<string, unknown> = {}) {
  return {
    ...BOT_REQUEST,
    account_id,
    strictness: "medium",
    max_trades_per_day: 12,
    llm_api_key: "sk-ant-0123456789abcdef",
    ...changes,
  };
}

/** The bot as 201 answers it. */
export async function newBot(changes: Record<string, unknown> = {}) {
  const account = typeof changes.account_id === "string" ? changes.account_id : await newAccount();
  const made = await request("POST", "/bots", { body: botRequest(account, changes) });
  if (made.status !== 201) throw new Error(`no bot: ${made.text}`);
  return made.json;
}

// biome-ignore lint/suspicious/noExplicitAny: tests read whatever came
type Json = any;

const PATIENCE = { timeout: PATIENCE_MS, interval: 20 };

/** Waits until something holds; the last failure is what the test then shows. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, PATIENCE);
}

/** Waits until the bot shows these fields, and answers the whole bot. */
export function untilBot(botId: string, expected: Record<string, unknown>): Promise<Json> {
  return eventually(async () => {
    const { json, text } = await request("GET", `/bots/${botId}`);
    const differs = Object.entries(expected).some(([field, value]) => json?.[field] !== value);
    if (differs) throw new Error(`not yet ${JSON.stringify(expected)}: ${text}`);
    return json;
  });
}

/** Waits until the bot's last operation has ended, and answers it. */
export function untilIdle(botId: string): Promise<Json> {
  return eventually(async () => {
    const { json, text } = await request("GET", `/bots/${botId}`);
    if (json.operation.ended_at === null) throw new Error(`still working: ${text}`);
    return json.operation;
  });
}

export function act(botId: string, action: string, headers: Record<string, string> = {}) {
  return request("POST", `/bots/${botId}/actions`, { body: { action }, headers });
}
