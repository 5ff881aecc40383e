/**
 * The cron's round: tells objects of bots that were accepted, wakes bots whose work is overdue, and once an hour every
 * bot, whose alarm may be lost; asks the gate to sweep. One failure stops nothing else.
 */
import { findNewBot, findUnspokenBots } from "./accounts/bots.ts";
import { tellBot, withBot } from "./api/bot-calls.ts";
import type { Env } from "./bindings.ts";
import type { Poked } from "./bot/upkeep.ts";
import { type Db, openDb } from "./db/client.ts";
import { findBotsToAudit, findOverdueBots, notePoked } from "./db/fleet.ts";
import { log } from "./log.ts";

/** A create that is still under way is left alone. */
const GRACE_MS = 60_000;
const MAX_A_RUN = 200;
/** The cron comes every five minutes: each time a twelfth of all bots. */
const ROUND_MS = 5 * 60_000;
const ROUNDS = 12;
const AUDIT_PAGE = 100;
/** Bounds one round; what is left of a slice is said, and comes an hour later. */
const MAX_AUDITED = 2_000;
const AT_ONCE = 10;

export type PokeCounts = Record<Poked | "failed", number>;

export async function runWatchdog(env: Env, now: number): Promise<void> {
  await isolated("tell", () => wakeUnspokenBots(env, now));
  await isolated("sweep", () => env.GATE.getByName("digitalocean").sweep(null));
  await isolated("overdue", () => pokeOverdueBots(env, now));
  await isolated("audit", () => auditBots(env, now));
}

async function isolated(part: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    log({ level: "error", event: "watchdog_failed", part, detail: String(error) });
  }
}

/** One failure does not stop the others. @returns how many were told */
async function wakeUnspokenBots(env: Env, now: number): Promise<number> {
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

/** The longest overdue first. */
export async function pokeOverdueBots(env: Env, now: number): Promise<PokeCounts> {
  const db = openDb(env.DB);
  const ids = await findOverdueBots(db, now, MAX_A_RUN);
  const counts = await pokeAll(env, ids);
  await notePoked(db, ids, now);
  if (ids.length > 0) log({ level: "warn", event: "overdue_bots_poked", bots: ids.length, ...counts });
  return counts;
}

/** Every bot once an hour, whatever the index thinks of it: an index that is wrong hides nobody. */
export async function auditBots(env: Env, now: number): Promise<PokeCounts> {
  const db: Db = openDb(env.DB);
  const slice = sliceOf(Math.floor(now / ROUND_MS) % ROUNDS);
  const counts = noPokes();
  let after: string | null = null;
  let audited = 0;
  for (;;) {
    const ids: string[] = await findBotsToAudit(db, { ...slice, after }, now, AUDIT_PAGE);
    add(counts, await pokeAll(env, ids));
    audited += ids.length;
    after = ids.at(-1) ?? null;
    if (ids.length < AUDIT_PAGE) break;
    if (audited >= MAX_AUDITED) {
      log({ level: "error", event: "audit_cut_short", audited, after });
      break;
    }
  }
  if (audited > 0) log({ event: "bots_audited", bots: audited, ...counts });
  return counts;
}

/** Ids are random, so a range of them is as good as a hash, and the primary key finds it. @param round 0 to 11 */
export function sliceOf(round: number): { from: string; to: string } {
  const edge = (part: number) => Math.ceil((part * 0x1000) / ROUNDS);
  const prefix = (at: number) => (at >= 0x1000 ? "g" : at.toString(16).padStart(3, "0"));
  return { from: prefix(edge(round)), to: prefix(edge(round + 1)) };
}

async function pokeAll(env: Env, ids: readonly string[]): Promise<PokeCounts> {
  const counts = noPokes();
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    await Promise.all(
      ids.slice(at, at + AT_ONCE).map(async (id) => {
        counts[await pokeOne(env, id)]++;
      }),
    );
  }
  return counts;
}

async function pokeOne(env: Env, bot_id: string): Promise<Poked | "failed"> {
  try {
    const poked = await withBot(env, bot_id, (stub) => stub.poke());
    if (poked === "rearmed") log({ level: "warn", event: "bot_rearmed", bot_id });
    if (poked === "unreadable") log({ level: "error", event: "bot_unreadable", bot_id });
    return poked;
  } catch (error) {
    log({ level: "error", event: "poke_failed", bot_id, detail: String(error) });
    return "failed";
  }
}

function noPokes(): PokeCounts {
  return { absent: 0, unreadable: 0, settled: 0, armed: 0, rearmed: 0, failed: 0 };
}

function add(counts: PokeCounts, more: PokeCounts): void {
  for (const key of Object.keys(more) as (keyof PokeCounts)[]) counts[key] += more[key];
}
