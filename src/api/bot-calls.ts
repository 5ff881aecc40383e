/** The one call that a route makes into a Bot. */
import type { Context } from "hono";
import { findNewBot } from "../accounts/bots.ts";
import { type Answer, refuse } from "../bot/shell/answer.ts";
import { log } from "../cloudflare/log.ts";
import { openDb } from "../db/client.ts";
import type { BotStub } from "../fleet/bots.ts";
import { tellBot, withBot } from "../fleet/bots.ts";
import { inScope } from "../records/caller.ts";
import type { AppEnv } from "./context.ts";

/** What a Bot may answer to any call on behalf of management. */
export const ANY_BOT_REFUSES = ["bot_not_found", "bot_unreadable"] as const;

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
      return refuse("bot_unreadable", "The bot is in the index, but its stored state is lost. It needs the operator.");
    case "unreadable":
      return refuse("bot_unreadable", "The bot's first config version cannot be read. It needs the operator.");
    case "new":
      if (!inScope(c.get("principal").scope, stored.bot.account_id)) return answer;
      await tellBot(c.env, stored.bot);
      return withBot(c.env, id, call);
  }
}

/** A response of our own: the headers of the object's cannot be added to. */
export function switchProtocols(webSocket: WebSocket): Response {
  return new Response(null, { status: 101, webSocket });
}
