/**
 * Rebuilds the index from the Bots, a page at a time: first every bot that D1 names, then every bot that a droplet is
 * named after, since D1 may have lost it.
 */
import { withBot } from "./api/bot-calls.ts";
import type { Env } from "./bindings.ts";
import { type Db, openDb } from "./db/client.ts";
import { findBotIds } from "./db/fleet.ts";
import { restoreToIndex } from "./db/index-feed.ts";
import { log } from "./log.ts";

const PAGE = 50;

/** Where the next page begins: behind a bot of D1, or at a page of DigitalOcean's list. */
type Place = { in: "index"; after: string | null } | { in: "provider"; page: number };

interface RebuiltPage {
  restored: number;
  absent: number;
  account_unknown: number;
  failed: number;
  next_cursor: string | null;
}
export type Rebuilt = { ok: true; page: RebuiltPage } | { ok: false; reason: string; retry_after_s: number };

export function parsePlace(cursor: string | null): Place | null {
  if (cursor === null) return { in: "index", after: null };
  const [kind, value = ""] = cursor.split(":");
  if (kind === "index" && /^[0-9a-f-]{36}$/.test(value)) return { in: "index", after: value };
  if (kind === "provider" && /^[1-9][0-9]{0,3}$/.test(value)) return { in: "provider", page: Number(value) };
  return null;
}

export async function rebuildPage(env: Env, place: Place, now: number): Promise<Rebuilt> {
  const db = openDb(env.DB);
  if (place.in === "index") {
    const ids = await findBotIds(db, place.after, PAGE);
    const last = ids.at(-1);
    const next_cursor = ids.length === PAGE && last !== undefined ? `index:${last}` : "provider:1";
    return { ok: true, page: { ...(await restoreAll(env, db, ids, now)), next_cursor } };
  }
  const named = await env.GATE.getByName("digitalocean").namedBots(place.page);
  if (!named.ok) {
    return { ok: false, reason: named.reason, retry_after_s: Math.max(1, Math.ceil((named.until - now) / 1000)) };
  }
  const next_cursor = named.last ? null : `provider:${place.page + 1}`;
  return { ok: true, page: { ...(await restoreAll(env, db, named.bot_ids, now)), next_cursor } };
}

/** One failure does not stop the others. */
async function restoreAll(env: Env, db: Db, ids: string[], now: number): Promise<Omit<RebuiltPage, "next_cursor">> {
  const counts = { restored: 0, absent: 0, account_unknown: 0, failed: 0 };
  for (const id of ids) {
    try {
      const rows = await withBot(env, id, (stub) => stub.snapshotRows());
      counts[rows === null ? "absent" : await restoreToIndex(db, rows, now)]++;
    } catch (error) {
      counts.failed++;
      log({ level: "error", event: "rebuild_failed", bot_id: id, detail: String(error) });
    }
  }
  return counts;
}
