/** What the model knows of the account, and how a command is judged against it. */
import type fc from "fast-check";
import { expect } from "vitest";
import type { BotListItem } from "../../../src/wire/bot.ts";
import { expectProblem } from "../problems.ts";
import type { KnownBot } from "./known.ts";
import { look, type News } from "./look.ts";
import type { Reply, World } from "./world.ts";

/** What an Idempotency-Key stands for. */
interface Remembered {
  body: string;
  /** The id of what the first request made. */
  result: string;
}

export class Model {
  readonly bots: KnownBot[] = [];
  /** Places of the account that are taken, as D1 counts them. */
  places_taken = 0;
  keys_in_d1 = 0;
  /** The bots as the index last listed them. */
  index: BotListItem[] = [];
  readonly #keys = new Map<string, Remembered>();

  /** The bot that a number stands for. */
  bot(pick: number): KnownBot {
    const bot = this.bots[pick % this.bots.length];
    if (bot === undefined) throw new Error("there is no bot yet");
    return bot;
  }

  recall(scope: string, key: string | null): Remembered | null {
    return key === null ? null : (this.#keys.get(`${scope} ${key}`) ?? null);
  }

  remember(scope: string, key: string | null, body: unknown, result: string): void {
    if (key !== null) this.#keys.set(`${scope} ${key}`, { body: JSON.stringify(body), result });
  }
}

export type Command = fc.AsyncCommand<Model, World>;

/** A command that may always be given. */
export function command(name: string, run: (model: Model, world: World) => Promise<void>): Command {
  return {
    check: () => true,
    toString: () => name,
    run: async (model, world) => {
      // No two things happen in the same millisecond.
      world.time.goTo(world.time.now + 1);
      await run(model, world);
    },
  };
}

/** A command that is a request: it makes no call to DigitalOcean, and nothing has come of it but what it says. */
export function requestCommand(name: string, ask: (model: Model, world: World) => Promise<News>): Command {
  return command(name, async (model, world) => {
    const { requests } = world.cloud.counters;
    const news = await ask(model, world);
    await look(model, world, news);
    expect(world.cloud.counters.requests, "calls are made in alarms only").toBe(requests);
  });
}

/** A request about one of the bots; while there is none it cannot be given. */
export function botCommand(
  name: string,
  pick: number,
  ask: (model: Model, world: World, bot: KnownBot) => Promise<News>,
): Command {
  const given = requestCommand(`${name} of #${pick}`, async (model, world) => {
    const bot = model.bot(pick);
    return { bot, ...(await ask(model, world, bot)) };
  });
  return Object.assign(given, { check: (model: Model) => model.bots.length > 0 });
}

/** The same choice several times: that much likelier than another. */
export function often<T>(times: number, choice: T): T[] {
  return Array.from({ length: times }, () => choice);
}

/** Nothing has come of it. */
export const NOTHING: News = {};

/** A refusal, after which everything is as it was. */
export function refused(reply: Reply, status: number, code: string): News {
  expectProblem(expect, reply, { status, code });
  return NOTHING;
}

/**
 * Sends a request; one with an Idempotency-Key twice at once, which must make no difference but that the second answer
 * says that it is one.
 * @returns the answer that is no replay, if there is one, and how many there were
 */
export async function sendTwins(
  world: World,
  key: string | null,
  ...[method, path, options]: Parameters<World["send"]>
): Promise<{ reply: Reply; fresh: number }> {
  const send = () => world.send(method, path, { ...options, headers: withKey(key) });
  const [first, second] = await Promise.all([send(), key === null ? null : send()]);
  const replies = second === null ? [first] : [first, second];
  const reply = replies.find((each) => !isReplay(each)) ?? first;
  for (const { status, json, text } of replies) {
    expect([status, json.code, idOf(json)], text).toEqual([reply.status, reply.json.code, idOf(reply.json)]);
  }
  return { reply, fresh: replies.filter((each) => !isReplay(each)).length };
}

function idOf(json: { id?: string; operation?: { id: string } }): string | undefined {
  return json.operation?.id ?? json.id;
}

function withKey(key: string | null): Record<string, string> {
  return key === null ? {} : { "idempotency-key": key };
}

function isReplay(reply: Reply): boolean {
  return reply.headers.get("idempotency-replayed") === "true";
}
