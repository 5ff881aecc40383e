/**
 * Rebuilds the index from the Bots, a page at a time: first every bot that D1 names, then every bot that a droplet is
 * named after, since D1 may have lost it.
 */

import type { NamedBots } from "../provider/gate/shell.ts";
import type { SnapshotRows } from "../records/rows.ts";
import type { Restored } from "../records/upkeep.ts";

const PAGE = 50;

/** What a rebuild reaches. Everything may throw. */
export interface RebuildPlatform {
  /** Ids that the index knows, in their own order. */
  findIds(after: string | null, limit: number): Promise<string[]>;
  /** Bots that droplets on this page of DigitalOcean's list are named after. */
  namedBots(page: number): Promise<NamedBots>;
  /** Null where there is no bot, or none that can be read. */
  snapshot(botId: string): Promise<SnapshotRows | null>;
  restore(rows: SnapshotRows): Promise<Restored>;
  log(entry: Record<string, unknown>): void;
}

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

export async function rebuildPage(platform: RebuildPlatform, place: Place): Promise<Rebuilt> {
  if (place.in === "index") {
    const ids = await platform.findIds(place.after, PAGE);
    const last = ids.at(-1);
    const next_cursor = ids.length === PAGE && last !== undefined ? `index:${last}` : "provider:1";
    return { ok: true, page: { ...(await restoreAll(platform, ids)), next_cursor } };
  }
  const named = await platform.namedBots(place.page);
  if (!named.ok)
    return { ok: false, reason: named.reason, retry_after_s: Math.max(1, Math.ceil(named.wait_ms / 1000)) };
  const next_cursor = named.last ? null : `provider:${place.page + 1}`;
  return { ok: true, page: { ...(await restoreAll(platform, named.bot_ids)), next_cursor } };
}

/** One failure does not stop the others. */
async function restoreAll(platform: RebuildPlatform, ids: string[]): Promise<Omit<RebuiltPage, "next_cursor">> {
  const counts = { restored: 0, absent: 0, account_unknown: 0, failed: 0 };
  for (const bot_id of ids) {
    try {
      const rows = await platform.snapshot(bot_id);
      counts[rows === null ? "absent" : await platform.restore(rows)]++;
    } catch (error) {
      counts.failed++;
      platform.log({ level: "error", event: "rebuild_failed", bot_id, detail: String(error) });
    }
  }
  return counts;
}
