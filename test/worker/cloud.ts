/** A simulated DigitalOcean behind the Worker's `fetch`, and the requests that tests make. */
import { exports } from "cloudflare:workers";
import { vi } from "vitest";
import { INSTANT_KNOBS, type Knobs } from "../../simulator/model/knobs.ts";
import { Simulator } from "../../simulator/model/simulator.ts";
import { operatorToken } from "./settings.ts";

export const BASE = "http://spawnpoint.test";

/** Stands in for the network until the test ends: whatever the Worker or its objects fetch goes to this simulator. */
export function simulateCloud(knobs: Partial<Knobs> = INSTANT_KNOBS): Simulator {
  const simulator = new Simulator({ now: () => Date.now(), random: Math.random, droplet_limit: 10_000, knobs });
  vi.spyOn(globalThis, "fetch").mockImplementation((input, init) => simulator.fetch(input as Request, init as RequestInit));
  return simulator;
}

interface RequestOptions {
  body?: unknown;
  token?: string | null;
  headers?: Record<string, string>;
}

export async function request(method: string, path: string, options: RequestOptions = {}) {
  const { body, token = operatorToken, headers = {} } = options;
  const response = await exports.default.fetch(BASE + path, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
}

// biome-ignore lint/suspicious/noExplicitAny: tests read whatever came
function parse(text: string): any {
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
    account_id,
    name: "Night Owl",
    persona: "beginner",
    asset_focus: "majors",
    algorithm: "trend",
    strictness: "medium",
    paper_mode: true,
    max_position_size_pct: 10,
    max_daily_loss_pct: 5,
    max_drawdown_pct: 20,
    max_trades_per_day: 12,
    llm_provider: "anthropic",
    llm_api_key: "sk-ant-0123456789abcdef",
    ...changes,
  };
}
