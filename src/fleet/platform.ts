/** What the watchdog and a rebuild of the index reach in production: D1, the Bots, the gate. */
import { findUnspokenBots } from "../accounts/bots.ts";
import type { Env } from "../bindings.ts";
import { log } from "../cloudflare/log.ts";
import { openDb } from "../db/client.ts";
import { findBotIds, findBotsToAudit, findOverdueBots, notePoked } from "../db/fleet.ts";
import { forgetEnded } from "../db/housekeeping.ts";
import { restoreToIndex } from "../db/index-feed.ts";
import { gateStub } from "../provider/gate/stub.ts";
import { tellNewBot, withBot } from "./bots.ts";
import type { RebuildPlatform } from "./rebuild.ts";
import type { WatchdogPlatform } from "./watchdog.ts";

export function watchdogPlatform(env: Env): WatchdogPlatform {
  const db = openDb(env.DB);
  return {
    findUnspoken: (before, limit) => findUnspokenBots(db, before, limit),
    tell: (id) => tellNewBot(env, db, id),
    sweep: async () => {
      await gateStub(env).sweep(null);
    },
    forgetEnded: (now) => forgetEnded(db, now),
    findOverdue: (now, limit) => findOverdueBots(db, now, limit),
    notePoked: (ids, now) => notePoked(db, ids, now),
    findToAudit: (slice, now, limit) => findBotsToAudit(db, slice, now, limit),
    poke: ({ id, revision }) => withBot(env, id, (stub) => stub.poke(revision)),
    log,
  };
}

export function rebuildPlatform(env: Env): RebuildPlatform {
  const db = openDb(env.DB);
  return {
    findIds: (after, limit) => findBotIds(db, after, limit),
    namedBots: (page) => gateStub(env).namedBots(page),
    snapshot: (id) => withBot(env, id, (stub) => stub.snapshotRows()),
    restore: (rows) => restoreToIndex(db, rows, Date.now()),
    log,
  };
}
