/** Suspending a bot over its owner's head, and letting it run again. */
import fc from "fast-check";
import { expect } from "vitest";
import type { KnownBot } from "./known.ts";
import type { News } from "./look.ts";
import { botCommand, type Command, type Model, NOTHING, often, refused, sendTwins } from "./model.ts";
import type { Reply, World } from "./world.ts";

async function suspend(model: Model, world: World, bot: KnownBot, reason: string, key: string | null): Promise<News> {
  const path = `/operator/bots/${bot.id}/suspend`;
  const body = { reason };
  const { reply, fresh } = await sendTwins(world, key, "POST", path, { body });
  const known = model.recall(path, key);
  if (known && known.body !== JSON.stringify(body)) return refused(reply, 422, "idempotency_key_reused");
  if (known) return same(reply, bot, known.result, fresh, 0);
  if (isGoing(bot)) return refusedSo(reply, bot);
  model.remember(path, key, body, reply.json.operation?.id);
  const { kind, id } = bot.operation;
  const is_so = bot.told.suspended && kind === "suspend" && (bot.running || bot.view.status === "suspended");
  if (is_so) return same(reply, bot, id, fresh, 1);
  expect([reply.status, fresh], reply.text).toEqual([202, 1]);
  expect(reply.json.operation).toMatchObject({ kind: "suspend", state: "running" });
  const first = bot.told.suspended ? [] : ["suspended"];
  return { bot, events: [...first, ...(bot.running ? ["operation_cancelled"] : []), "operation_requested"] };
}

async function unsuspend(model: Model, world: World, bot: KnownBot, key: string | null): Promise<News> {
  const path = `/operator/bots/${bot.id}/unsuspend`;
  const { reply, fresh } = await sendTwins(world, key, "POST", path, {});
  const known = model.recall(path, key);
  if (known) return same(reply, bot, known.result, fresh, 0);
  if (bot.view.status === "destroyed" || (bot.told.suspended && isGoing(bot))) return refusedSo(reply, bot);
  model.remember(path, key, null, reply.json.operation?.id);
  if (!bot.told.suspended) return same(reply, bot, bot.operation.id, fresh, 1);
  expect([reply.status, fresh], reply.text).toEqual([202, 1]);
  const { wanted_off, off_by_us, is_off, adopted } = bot.told;
  const rests = wanted_off && off_by_us && (is_off || adopted === null);
  const next = wanted_off ? "pause" : "resume";
  // Half stopped is neither what it was nor what it shall be: what follows cannot be cancelled.
  if (!rests) expect(reply.json.operation).toMatchObject({ kind: next, state: "running" });
  else expect(reply.json.operation.id).toBe(bot.operation.id);
  const ended = bot.running ? ["operation_cancelled"] : [];
  return { bot, events: [...ended, "unsuspended", ...(rests ? [] : ["operation_requested"])] };
}

/** Destroyed, or about to be. */
function isGoing(bot: KnownBot): boolean {
  return bot.view.status === "destroyed" || (bot.running && bot.operation.kind === "destroy");
}

function refusedSo(reply: Reply, bot: KnownBot): News {
  return refused(reply, 409, bot.view.status === "destroyed" ? "bot_destroyed" : "action_not_allowed");
}

/** The operation that led to it, or that there is anyway. */
function same(reply: Reply, bot: KnownBot, id: string, fresh: number, expected: number): News {
  const operation = bot.operations.find((each) => each.id === id);
  expect([reply.status, fresh], reply.text).toEqual([202, expected]);
  expect(reply.json.operation).toMatchObject({ id, kind: operation?.kind, state: operation?.state });
  return NOTHING;
}

const someBot = fc.nat({ max: 3 });
const someKey = fc.option(fc.constantFrom("key-1", "key-2"), { nil: null });

export const suspensionCommands: fc.Arbitrary<Command>[] = [
  ...often(
    2,
    fc
      .tuple(someBot, fc.constantFrom("payment_failed", "abuse"), someKey)
      .map(([pick, reason, key]) =>
        botCommand(`suspend(${reason}, ${key})`, pick, (model, world, bot) => suspend(model, world, bot, reason, key)),
      ),
  ),
  ...often(
    3,
    fc
      .tuple(someBot, someKey)
      .map(([pick, key]) =>
        botCommand(`unsuspend(${key})`, pick, (model, world, bot) => unsuspend(model, world, bot, key)),
      ),
  ),
];
