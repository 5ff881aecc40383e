/** What an operator asks: creates and actions, with and without an Idempotency-Key. */
import fc from "fast-check";
import { expect } from "vitest";
import { BOT_ACTIONS, type BotAction } from "../../../src/wire/enums.ts";
import { parseToken } from "../../../src/wire/tokens.ts";
import { botRequest } from "../cloud.ts";
import { operatorToken } from "../settings.ts";
import { judge } from "./judge.ts";
import { KnownBot } from "./known.ts";
import { lasting, look, type News } from "./look.ts";
import { botCommand, type Command, type Model, NOTHING, often, refused, requestCommand, sendTwins } from "./model.ts";
import type { World } from "./world.ts";

const PLACES = 2;
/** Whose requests these are, as histories and versions name it. */
export const OPERATOR = `operator:${parseToken(operatorToken)?.owner}`;

const someBot = fc.nat({ max: 3 });
const someKey = fc.option(fc.constantFrom("key-1", "key-2"), { nil: null });

export async function create(model: Model, world: World, name: string, key: string | null): Promise<News> {
  const llm_api_key = `sk-of-${name.toLowerCase()}-0123456789`;
  world.secrets.add(llm_api_key);
  const body = botRequest(world.account_id, { name, llm_api_key });
  const known = model.recall("/bots", key);
  const { reply, fresh } = await sendTwins(world, key, "POST", "/bots", { body });
  if (known && known.body !== JSON.stringify(body)) return refused(reply, 422, "idempotency_key_reused");
  if (!known && model.places_taken >= PLACES) return refused(reply, 403, "quota_exceeded");

  const { id } = reply.json;
  expect([reply.status, fresh, reply.headers.get("location")], reply.text).toEqual([201, known ? 0 : 1, `/bots/${id}`]);
  if (known) {
    expect(lasting(reply.json, true)).toEqual(lasting(model.bots.find((bot) => bot.id === known.result)?.view, true));
    return NOTHING;
  }
  expect(model.bots.some((bot) => bot.id === id)).toBe(false);
  expect(reply.json).toMatchObject({ status: "pending", generation: 1, droplet_id: null, name, revision: 1 });
  const made = new Date(world.time.now).toISOString();
  const { llm_provider, persona, account_id, custom_assets, ...flat } = body as Record<string, unknown>;
  const { asset_focus, algorithm, strictness, paper_mode } = flat;
  const { max_position_size_pct, max_daily_loss_pct, max_drawdown_pct, max_trades_per_day } = flat;
  const bot = new KnownBot(reply.json, {
    llm_api_key,
    environment: {},
    shown: {
      id: reply.json.desired_config_version_id,
      bot_id: id,
      version: 1,
      restored_from: null,
      trading_config: { asset_focus, algorithm, strictness, paper_mode, signal_knobs: null },
      risk_config: { max_position_size_pct, max_daily_loss_pct, max_drawdown_pct, max_trades_per_day },
      llm_model: null,
      effective_llm_model: "anthropic/claude-sonnet-5",
      llm_base_url: null,
      secrets: {
        llm_provider,
        llm_api_key: { set: true, last4: llm_api_key.slice(-4), updated_at: made },
        environment: [],
      },
      note: null,
      author: OPERATOR,
      created_at: made,
    } as KnownBot["desired"]["shown"],
  });
  model.bots.push(bot);
  world.add(bot);
  model.places_taken += 1;
  if (key !== null) model.keys_in_d1 += 1;
  model.remember("/bots", key, body, id);
  return { bot, events: ["accepted"] };
}

interface Wish {
  action: BotAction;
  force: boolean;
  key: string | null;
}

export async function act(model: Model, world: World, bot: KnownBot, { action, force, key }: Wish): Promise<News> {
  const path = `/bots/${bot.id}/actions`;
  const body = force ? { action, force } : { action };
  const { reply, fresh } = await sendTwins(world, key, "POST", path, { body });
  if (force && action === "resume") return refused(reply, 422, "invalid_request");
  const known = model.recall(path, key);
  if (known && known.body !== JSON.stringify(body)) return refused(reply, 422, "idempotency_key_reused");
  const by_force = force && action === "destroy";
  const verdict = by_force && bot.view.status !== "destroyed" ? "begins" : judge(bot.shown, action);
  if (!known && verdict === "refused") {
    const code = bot.view.status === "destroyed" ? "bot_destroyed" : "action_not_allowed";
    expect(reply.json.allowed).toEqual(BOT_ACTIONS.filter((other) => judge(bot.shown, other) !== "refused"));
    return refused(reply, 409, code);
  }
  expect([reply.status, fresh], reply.text).toEqual([202, known ? 0 : 1]);
  const { operation } = reply.json;
  if (known || verdict === "is so") {
    const same = bot.operations.find(({ id }) => id === (known?.result ?? bot.operation.id));
    expect(operation).toMatchObject({ id: same?.id, kind: same?.kind, state: same?.state });
    if (known) return NOTHING;
    model.remember(path, key, body, operation.id);
    return force && bot.running && !isWoundDown(bot) ? { bot, events: ["wind_down_ended"] } : NOTHING;
  }
  model.remember(path, key, body, operation.id);
  const goes_on = by_force && bot.running && bot.operation.kind === "destroy";
  expect(bot.operations.some(({ id }) => id === operation.id)).toBe(goes_on);
  // What comes instead of an operation that has begun to act has to end what that one began.
  const takes_over = bot.running && bot.operation.state === "running";
  expect(operation).toMatchObject({ kind: action, state: by_force ? "succeeded" : takes_over ? "running" : "queued" });
  const begun = [...(bot.running ? ["operation_cancelled"] : []), "operation_requested"];
  const forced = by_force ? ["credential_revoked", "destroyed"] : force ? ["wind_down_ended"] : [];
  return { bot, events: [...(goes_on ? [] : begun), ...forced] };
}

/** Nobody waits for its workload any more. */
function isWoundDown({ history }: KnownBot): boolean {
  const began = history.findLastIndex(({ kind }) => kind === "operation_requested");
  return history.slice(began).some(({ kind }) => kind === "wind_down_ended");
}

type Which = "the present" | "an earlier" | "an unknown";

async function cancel(model: Model, world: World, bot: KnownBot, which: Which, key: string | null): Promise<News> {
  const earlier = bot.operations[1]?.id ?? bot.operation.id;
  const id = { "the present": bot.operation.id, "an earlier": earlier, "an unknown": crypto.randomUUID() }[which];
  const path = `/bots/${bot.id}/operations/${id}/cancel`;
  const { reply, fresh } = await sendTwins(world, key, "POST", path, {});
  const known = model.recall(path, key);
  if (!known) {
    if (which === "an unknown") return refused(reply, 404, "operation_not_found");
    const { state } = bot.operation;
    const possible = id === bot.operation.id && (state === "queued" || state === "cancelled");
    if (!possible) return refused(reply, 409, "operation_committed");
  }
  expect(reply.status, reply.text).toBe(202);
  expect(reply.json.operation).toMatchObject({ id, state: "cancelled" });
  // What is cancelled already is nothing that a key would have to be kept for.
  if (!known && bot.operation.state === "cancelled") return NOTHING;
  expect(fresh).toBe(known ? 0 : 1);
  if (known) return NOTHING;
  model.remember(path, key, null, id);
  return { bot, events: ["operation_cancelled"] };
}

export const operatorCommands: fc.Arbitrary<Command>[] = [
  ...often(
    2,
    fc
      .tuple(fc.constantFrom("One", "Two"), someKey)
      .map(([name, key]) =>
        requestCommand(`create(${name}, ${key})`, (model, world) => create(model, world, name, key)),
      ),
  ),
  ...often(
    9,
    fc
      .record({
        pick: someBot,
        action: fc.constantFrom(...BOT_ACTIONS),
        key: someKey,
        force: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
      })
      .map(({ pick, ...wish }) =>
        botCommand(`act(${JSON.stringify(wish)})`, pick, (model, world, bot) => act(model, world, bot, wish)),
      ),
  ),
  ...often(
    2,
    fc.tuple(someBot, fc.constantFrom(...BOT_ACTIONS)).map(([pick, action]) =>
      botCommand(`act(${action}) and cancel at once`, pick, async (model, world, bot) => {
        await look(model, world, { bot, ...(await act(model, world, bot, { action, force: false, key: null })) });
        return cancel(model, world, bot, "the present", null);
      }),
    ),
  ),
  ...often(
    3,
    fc
      .tuple(someBot, fc.constantFrom<Which>("the present", "the present", "an earlier", "an unknown"), someKey)
      .map(([pick, which, key]) =>
        botCommand(`cancel(${which}, ${key})`, pick, (model, world, bot) => cancel(model, world, bot, which, key)),
      ),
  ),
];
