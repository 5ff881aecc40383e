/** The one call that a route makes into a Bot. */
import type { Context } from "hono";
import { findNewBot } from "../accounts/bots.ts";
import type { Env } from "../bindings.ts";
import type { NewBot } from "../bot/calls/management.ts";
import type { Bot } from "../bot/object.ts";
import { type Answer, inScope, ok, type Refusal, refuse } from "../bot/shell/answer.ts";
import { CONNECT_HEADER, type Connect } from "../bot/shell/sockets.ts";
import { log } from "../cloudflare/log.ts";
import { type Db, openDb } from "../db/client.ts";
import type { AppEnv } from "./context.ts";
import { isUnavailable } from "./problem.ts";

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

/**
 * Asks a Bot on behalf of management. Where its object was never told that it exists (the Worker died right after the
 * row was written), it is told now and asked again.
 */
export async function askBot<T>(
  c: Context<AppEnv>,
  id: string,
  call: (bot: BotStub) => Promise<Answer<T>>,
): Promise<Answer<T>> {
  const answer = await withBot(c.env, id, call);
  if (answer.ok || answer.code !== "bot_not_found") return answer;
  const stored = await findNewBot(openDb(c.env.DB), id);
  switch (stored.kind) {
    case "unknown":
      return answer;
    case "known_to_its_object":
      // Another account's bot answers like an unknown one. A lost object cannot be told apart here without its state.
      if (!("every_account" in c.get("principal").scope)) return answer;
      log({ level: "error", event: "bot_object_lost", bot_id: id, request_id: c.get("request_id") });
      return refuse(
        "bot_unreadable",
        "The index knows this bot, but its object does not. Nothing is done until an operator looks.",
      );
    case "unreadable":
      return refuse(
        "bot_unreadable",
        "The bot's first config cannot be read. Nothing is done until an operator looks.",
      );
    case "new":
      if (!inScope(c.get("principal").scope, stored.bot.account_id)) return answer;
      await tellBot(c.env, stored.bot);
      return withBot(c.env, id, call);
  }
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

/** A response of our own: the headers of the object's cannot be added to. */
export function switchProtocols(webSocket: WebSocket): Response {
  return new Response(null, { status: 101, webSocket });
}

/** Tells a Bot that was never told of the row that was made for it. @returns whether there is such a one */
export async function tellNewBot(env: Env, db: Db, id: string): Promise<boolean> {
  const stored = await findNewBot(db, id);
  if (stored.kind === "new") await tellBot(env, stored.bot);
  return stored.kind === "new";
}

export function tellBot(env: Env, bot: NewBot) {
  return withBot(env, bot.id, (stub) => stub.create(bot));
}
