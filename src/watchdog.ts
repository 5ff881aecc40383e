/** Finds bots that were accepted but whose object was never told, and tells it. */
import { findNewBot, findUnspokenBots } from "./accounts/bots.ts";
import { tellBot } from "./api/bot-calls.ts";
import type { Env } from "./bindings.ts";
import { openDb } from "./db/client.ts";
import { log } from "./log.ts";

/** A create that is still under way is left alone. */
const GRACE_MS = 60_000;
const MAX_A_RUN = 200;

/** One failure does not stop the others. @returns how many were told */
export async function wakeUnspokenBots(env: Env, now: number): Promise<number> {
  const db = openDb(env.DB);
  let told = 0;
  for (const id of await findUnspokenBots(db, now - GRACE_MS, MAX_A_RUN)) {
    try {
      const stored = await findNewBot(db, id);
      if (stored.kind !== "new") continue;
      await tellBot(env, stored.bot);
      told++;
    } catch (error) {
      log({ level: "error", event: "bot_create_untold", bot_id: id, detail: String(error) });
    }
  }
  if (told > 0) log({ event: "unspoken_bots_told", told });
  return told;
}
