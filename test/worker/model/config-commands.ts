/** What an operator changes of a bot: its config, with and without If-Match, back to an older one, and the bot itself. */
import fc from "fast-check";
import { expect } from "vitest";
import type { PatchBotRequest } from "../../../src/wire/bot.ts";
import type { ConfigPatch, ConfigVersion, TradingConfig } from "../../../src/wire/config.ts";
import type { KnownBot, KnownVersion } from "./known.ts";
import type { News } from "./look.ts";
import { botCommand, type Command, type Model, NOTHING, often, refused, sendTwins } from "./model.ts";
import { OPERATOR } from "./operator-commands.ts";
import type { Reply, World } from "./world.ts";

/** Bodies that no state of a bot makes right. */
const WRONG_CONFIGS = [
  {},
  { note: "why" },
  { strictness: "extreme" },
  { max_drawdown_pct: 101 },
  { bot: "mine" },
  { environment: {} },
  { environment: { PATH: "/tmp" } },
];
const WRONG_CHANGES = [{}, { name: "" }, { persona: "expert" }, { policies: { healing: "always" } }, { id: 1 }];

type IfMatch = "none" | "the present" | "a stale" | "any";
type Models = Pick<ConfigVersion, "llm_model" | "effective_llm_model" | "llm_base_url">;
type Content = Models & Pick<ConfigVersion, "trading_config" | "risk_config" | "secrets">;

async function patchConfig(world: World, bot: KnownBot, patch: ConfigPatch, ifMatch: IfMatch): Promise<News> {
  const stale = `"${bot.versions.at(-2)?.shown.id ?? crypto.randomUUID()}"`;
  const tag = { none: null, "the present": bot.etag, "a stale": stale, any: "*" }[ifMatch];
  const headers: Record<string, string> = tag === null ? {} : { "if-match": tag };
  const reply = await world.send("PATCH", `/bots/${bot.id}/config`, { body: patch, headers });
  if (WRONG_CONFIGS.includes(patch as (typeof WRONG_CONFIGS)[0])) return refused(reply, 422, "invalid_request");
  if (bot.view.status === "destroyed") return refused(reply, 409, "bot_destroyed");
  if (ifMatch === "a stale") return refused(reply, 412, "config_version_conflict");
  const content = merge(bot.desired.shown, patch, world.time.now);
  if (content === null) return refused(reply, 422, "config_custom_assets");
  if (patch.llm_api_key) world.secrets.add(patch.llm_api_key);
  const note = patch.note ?? null;
  for (const value of Object.values(patch.environment ?? {})) if (value !== null) world.secrets.add(value);
  const environment = without({ ...bot.desired.environment, ...patch.environment });
  const secrets = { llm_api_key: patch.llm_api_key ?? bot.desired.llm_api_key, environment };
  return published(world, bot, reply, { ...content, note, restored_from: null }, secrets);
}

function without(merged: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(merged).flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

/** Names with the time at which each was set last. */
function names(before: ConfigVersion["secrets"]["environment"], patch: ConfigPatch["environment"], now: number) {
  const kept = before.filter(({ name }) => !Object.hasOwn(patch ?? {}, name));
  const set = Object.keys(without(patch ?? {})).map((name) => {
    const last = before.find((one) => one.name === name)?.updated_at;
    return { name, updated_at: new Date(Math.max(now, last ? Date.parse(last) + 1 : 0)).toISOString() };
  });
  return [...kept, ...set].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The patch on top of the desired version; null where focus and assets would not go together. */
function merge(base: Content, patch: ConfigPatch, now: number): Content | null {
  const { llm_api_key, llm_provider, environment, note, max_trades_per_day, max_drawdown_pct, ...trading } = patch;
  const trading_config = { ...base.trading_config, ...trading } as TradingConfig;
  if (trading_config.asset_focus !== "custom") {
    if (patch.custom_assets) return null;
    delete trading_config.custom_assets;
  } else if (!trading_config.custom_assets) return null;
  const risk = { ...(max_trades_per_day !== undefined ? { max_trades_per_day } : {}) };
  const key = { set: true, last4: llm_api_key?.slice(-4) ?? null, updated_at: new Date(now).toISOString() };
  return {
    trading_config,
    risk_config: { ...base.risk_config, ...risk, ...(max_drawdown_pct !== undefined ? { max_drawdown_pct } : {}) },
    ...modelOf(llm_provider ?? base.secrets.llm_provider),
    secrets: {
      llm_provider: llm_provider ?? base.secrets.llm_provider,
      llm_api_key: llm_api_key ? key : base.secrets.llm_api_key,
      environment: names(base.secrets.environment, environment, now),
    },
  };
}

/** Nobody here names a model: each runs on its provider's. */
function modelOf(llm_provider: string): Models {
  const defaults: Record<string, string> = { anthropic: "anthropic/claude-sonnet-5", openai: "openai/gpt-6-astra" };
  return { llm_model: null, effective_llm_model: defaults[llm_provider] ?? null, llm_base_url: null };
}

/** One new version with the next number, an id of its own and the ETag that goes with it. */
function published(
  world: World,
  bot: KnownBot,
  reply: Reply,
  content: Content & Pick<ConfigVersion, "note" | "restored_from">,
  secrets: Omit<KnownVersion, "shown"> = bot.desired,
): News {
  expect(reply.status, reply.text).toBe(200);
  const { id } = reply.json;
  expect(bot.versions.map(({ shown }) => shown.id)).not.toContain(id);
  expect(reply.headers.get("etag")).toBe(`"${id}"`);
  const version = bot.versions.length + 1;
  const created_at = new Date(world.time.now).toISOString();
  const shown = { id, bot_id: bot.id, version, author: OPERATOR, created_at, ...content };
  expect(reply.json).toEqual(shown);
  const { llm_api_key, environment } = secrets;
  bot.versions.push({ shown, llm_api_key, environment });
  return { bot, events: ["config_published"] };
}

async function rollBack(
  model: Model,
  world: World,
  bot: KnownBot,
  to_version: number,
  key: string | null,
): Promise<News> {
  const path = `/bots/${bot.id}/config/rollback`;
  const body = { to_version };
  const { reply, fresh } = await sendTwins(world, key, "POST", path, { body });
  if (to_version === 0) return refused(reply, 422, "invalid_request");
  // D1 has the older versions; it learns of a new one when the bot's next alarm tells it.
  if (!bot.listed.includes(to_version)) return refused(reply, 404, "config_not_found");
  const known = model.recall(path, key);
  if (known && known.body !== JSON.stringify(body)) return refused(reply, 422, "idempotency_key_reused");
  if (known) return replayedVersion(bot, reply, fresh, Number(known.result));
  if (bot.view.status === "destroyed") return refused(reply, 409, "bot_destroyed");
  const { trading_config, risk_config } = bot.version(to_version).shown;
  const { secrets } = bot.desired.shown;
  const models = modelOf(secrets.llm_provider);
  const content = { trading_config, risk_config, ...models, secrets, note: null, restored_from: to_version };
  const news = published(world, bot, reply, content);
  expect(fresh).toBe(1);
  model.remember(path, key, body, String(bot.versions.length));
  return news;
}

/** The version that the first request made, as long as the bot itself still holds it. */
function replayedVersion(bot: KnownBot, reply: Reply, fresh: number, version: number): News {
  if (version !== bot.versions.length && version !== bot.told.config.last_good) {
    return refused(reply, 404, "config_not_found");
  }
  expect([reply.status, fresh], reply.text).toEqual([200, 0]);
  expect(reply.json).toEqual(bot.version(version).shown);
  return NOTHING;
}

async function patchBot(world: World, bot: KnownBot, patch: PatchBotRequest): Promise<News> {
  const reply = await world.send("PATCH", `/bots/${bot.id}`, { body: patch });
  if (WRONG_CHANGES.includes(patch as (typeof WRONG_CHANGES)[0])) return refused(reply, 422, "invalid_request");
  const { name, persona, policies, status, revision } = bot.view;
  if (status === "destroyed") return refused(reply, 409, "bot_destroyed");
  const changed = {
    name: patch.name ?? name,
    persona: patch.persona ?? persona,
    policies: { ...policies, ...patch.policies },
  };
  const same = JSON.stringify(changed) === JSON.stringify({ name, persona, policies });
  expect(reply.status, reply.text).toBe(200);
  expect(reply.json).toMatchObject({ ...changed, revision: revision + (same ? 0 : 1) });
  Object.assign(bot.view, changed);
  return same ? NOTHING : { bot, events: ["changed"] };
}

const someBot = fc.nat({ max: 3 });

const somePatch: fc.Arbitrary<ConfigPatch> = fc.oneof(
  fc.record({ strictness: fc.constantFrom("low", "medium", "high") }),
  fc.record({ max_trades_per_day: fc.nat({ max: 3 }), note: fc.constant("why") }),
  fc.record({ max_drawdown_pct: fc.constantFrom(0, 33, 100), llm_provider: fc.constantFrom("anthropic", "openai") }),
  fc.record({ llm_api_key: fc.constantFrom("sk-another-key-aaaa-1111", "sk-another-key-bbbb-2222") }),
  fc.record({
    environment: fc.dictionary(
      fc.constantFrom("KRAKEN_KEY", "RPC_URL"),
      fc.constantFrom("a-secret-of-an-exchange", "https://rpc.example/with-a-key", null),
      { minKeys: 1, maxKeys: 2 },
    ),
  }),
  fc.constantFrom<ConfigPatch>(
    { asset_focus: "custom", custom_assets: ["SOL", "ETH"] },
    { asset_focus: "majors" },
    { asset_focus: "custom" },
    { custom_assets: ["BTC"] },
  ),
  fc.constantFrom(...(WRONG_CONFIGS as ConfigPatch[])),
);

const someChange: fc.Arbitrary<PatchBotRequest> = fc.oneof(
  fc.record({ name: fc.constantFrom("One", "Early Bird"), persona: fc.constantFrom("beginner", "tweaker") }),
  fc.record({ policies: fc.record({ healing: fc.constantFrom("off", "reboot", "redeploy") }) }),
  fc.record({ policies: fc.record({ start: fc.constantFrom("auto", "manual", null) }) }),
  fc.constantFrom(...(WRONG_CHANGES as PatchBotRequest[])),
);

export const configCommands: fc.Arbitrary<Command>[] = [
  ...often(
    4,
    fc
      .tuple(someBot, somePatch, fc.constantFrom<IfMatch>("none", "the present", "a stale", "any"))
      .map(([pick, patch, ifMatch]) =>
        botCommand(`patchConfig(${JSON.stringify(patch)}, If-Match ${ifMatch})`, pick, (_model, world, bot) =>
          patchConfig(world, bot, patch, ifMatch),
        ),
      ),
  ),
  ...often(
    2,
    fc
      .tuple(someBot, fc.nat({ max: 3 }), fc.option(fc.constantFrom("key-1", "key-2"), { nil: null }))
      .map(([pick, to, key]) =>
        botCommand(`rollBack(to ${to}, ${key})`, pick, (model, world, bot) => rollBack(model, world, bot, to, key)),
      ),
  ),
  ...often(
    2,
    fc
      .tuple(someBot, someChange)
      .map(([pick, change]) =>
        botCommand(`patchBot(${JSON.stringify(change)})`, pick, (_model, world, bot) => patchBot(world, bot, change)),
      ),
  ),
];
