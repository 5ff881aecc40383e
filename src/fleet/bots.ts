/** How the fleet's work and the API call a Bot. */
import { findNewBot } from "../accounts/bots.ts";
import type { Env } from "../bindings.ts";
import type { Bot } from "../bot/object.ts";
import { type Answer, ok, type Refusal } from "../bot/shell/answer.ts";
import { CONNECT_HEADER, type Connect } from "../bot/shell/sockets.ts";
import { isUnavailable } from "../cloudflare/failures.ts";
import type { Db } from "../db/client.ts";
import type { NewBot } from "../records/rows.ts";

/** A Bot's methods as its stub has them. */
export type BotStub = {
  [K in keyof Bot]: Bot[K] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

const TRIES = 3;
const PAUSE_MS = 100;

/** Calls with a fresh stub each time: one that has failed stays broken. Every method of a Bot may be repeated. */
export async function withBot<T>(env: Env, id: string, call: (bot: BotStub) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call(env.BOT.getByName(id) as unknown as BotStub);
    } catch (error) {
      const flags = error as { overloaded?: boolean };
      if (attempt >= TRIES || !isUnavailable(error) || flags.overloaded === true) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** attempt * Math.random()));
    }
  }
}

export function tellBot(env: Env, bot: NewBot) {
  return withBot(env, bot.id, (stub) => stub.create(bot));
}

/** Tells a Bot that was never told of the row that was made for it. @returns whether there is such a one */
export async function tellNewBot(env: Env, db: Db, id: string): Promise<boolean> {
  const stored = await findNewBot(db, id);
  if (stored.kind === "new") await tellBot(env, stored.bot);
  return stored.kind === "new";
}

/**
 * By HTTP rather than by a method: what comes back is a socket, or an answer as JSON.
 * @param signal ends the call, down in the object, when the caller goes away
 */
export function connectTo(bot: BotStub, wish: Connect, signal: AbortSignal | null = null): Promise<Response> {
  const headers = { [CONNECT_HEADER]: JSON.stringify(wish), ...(wish.tag === "wait" ? {} : { upgrade: "websocket" }) };
  return bot.fetch(new Request("http://bot/", { headers, signal }));
}

/** A socket at the Bot, or its refusal. */
export async function openSocket(bot: BotStub, wish: Connect): Promise<Answer<WebSocket>> {
  const response = await connectTo(bot, wish);
  return response.webSocket ? ok(response.webSocket) : response.json<Refusal>();
}
