/** The first bot of a local system: made through the API like any other, its history shown as it happens. */
import type { BotView, EventView } from "../../src/wire/bot.ts";

export interface Api {
  base_url: string;
  admin_token: string;
}

const FOLLOW_EVERY_MS = 500;

async function call<T>(api: Api, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(api.base_url + path, {
    method,
    headers: { authorization: `Bearer ${api.admin_token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

export interface DemoModel {
  llm_provider: string;
  llm_model?: string;
  llm_base_url?: string;
  llm_api_key: string;
}

/** The stand-in for OpenClaw never asks a model. */
export const DEMO_MODEL: DemoModel = { llm_provider: "anthropic", llm_api_key: "demo-key-that-opens-nothing" };

export function localModel(url: string): DemoModel {
  return { ...DEMO_MODEL, llm_provider: "local", llm_model: "local/stand-in", llm_base_url: url };
}

/** The request body of the demo's bot: paper trading, with a key that opens nothing. */
export function demoBot(account_id: string, name: string, model = DEMO_MODEL) {
  return {
    account_id,
    name,
    persona: "beginner",
    asset_focus: "majors",
    algorithm: "trend",
    strictness: "medium",
    paper_mode: true,
    max_position_size_pct: 10,
    max_daily_loss_pct: 5,
    max_drawdown_pct: 20,
    max_trades_per_day: 12,
    ...model,
  };
}

/** The id of some account, or null where there is none yet. */
export async function firstAccount(api: Api): Promise<string | null> {
  const page = await call<{ data: { id: string }[] }>(api, "GET", "/accounts?limit=1");
  return page.data[0]?.id ?? null;
}

export async function makeDemo(api: Api, model: DemoModel): Promise<BotView> {
  const account = await call<{ id: string }>(api, "POST", "/accounts", { external_id: "demo", tier: "pro" });
  return call<BotView>(api, "POST", "/bots", demoBot(account.id, "First Light", model));
}

/** Shows each new event of the bot until it is online or gives up. @returns its last status */
export async function follow(api: Api, botId: string, show: (line: string) => void): Promise<string> {
  let after = 0;
  for (;;) {
    const { data } = await call<{ data: EventView[] }>(api, "GET", `/bots/${botId}/events?after=${after}&limit=1000`);
    for (const event of data) show(describeEvent(event));
    after = data.at(-1)?.seq ?? after;
    const bot = await call<BotView>(api, "GET", `/bots/${botId}`);
    const resting = bot.operation?.state !== "queued" && bot.operation?.state !== "running";
    if (resting && bot.revision <= after) return bot.status;
    await new Promise((resolve) => setTimeout(resolve, FOLLOW_EVERY_MS));
  }
}

/** An event as one line. */
function describeEvent({ at, kind, data }: EventView): string {
  return `${at.slice(11, 19)}  ${kind.replaceAll("_", " ")}${detailOf(kind, data)}`;
}

function detailOf(kind: string, data: EventView["data"]): string {
  const droplet = data.droplet as { id: number; status: string; ip_address: string | null } | undefined;
  const config = data.config as { version: number } | undefined;
  if (kind === "intent_opened") return `: ask for droplet ${data.droplet_name}`;
  if (droplet)
    return `: droplet ${droplet.id} is ${droplet.status}${droplet.ip_address ? ` at ${droplet.ip_address}` : ""}`;
  if (kind === "stage_reported") return `: ${data.stage}`;
  if (kind === "agent_registered") return ` from droplet ${data.droplet_id}`;
  if (config) return `: version ${config.version}`;
  return "";
}
