/**
 * The cron's round: tells objects of bots that were accepted, wakes bots whose work is overdue, and once an hour every
 * bot, whose alarm may be lost; asks the gate to sweep. One failure stops nothing else.
 */
import type { Poked } from "../bot/calls/maintenance.ts";
import type { IndexedBot, Slice } from "../records/upkeep.ts";

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

/** What the watchdog reaches: the index, the objects, the gate. Everything may throw. */
export interface WatchdogPlatform {
  /** Bots that were accepted before this time and whose object was never told. */
  findUnspoken(before: number, limit: number): Promise<string[]>;
  /** @returns whether there was anything to tell */
  tell(botId: string): Promise<boolean>;
  sweep(): Promise<void>;
  /** Deletes rows that have ended: sessions, invitations, keys of idempotency. */
  forgetEnded(now: number): Promise<void>;
  /** Bots whose work is overdue, the longest first. */
  findOverdue(now: number, limit: number): Promise<IndexedBot[]>;
  notePoked(botIds: string[], now: number): Promise<void>;
  findToAudit(slice: Slice, now: number, limit: number): Promise<IndexedBot[]>;
  poke(bot: IndexedBot): Promise<Poked>;
  log(entry: Record<string, unknown>): void;
}

export async function runWatchdog(platform: WatchdogPlatform, now: number): Promise<void> {
  await isolated(platform, "tell", () => wakeUnspokenBots(platform, now));
  await isolated(platform, "sweep", () => platform.sweep());
  await isolated(platform, "overdue", () => pokeOverdueBots(platform, now));
  await isolated(platform, "audit", () => auditBots(platform, now));
  await isolated(platform, "housekeeping", () => platform.forgetEnded(now));
}

async function isolated(platform: WatchdogPlatform, part: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    platform.log({ level: "error", event: "watchdog_failed", part, detail: String(error) });
  }
}

/** One failure does not stop the others. */
async function wakeUnspokenBots(platform: WatchdogPlatform, now: number): Promise<void> {
  let told = 0;
  for (const bot_id of await platform.findUnspoken(now - GRACE_MS, MAX_A_RUN)) {
    try {
      if (await platform.tell(bot_id)) told++;
    } catch (error) {
      platform.log({ level: "error", event: "bot_create_untold", bot_id, detail: String(error) });
    }
  }
  if (told > 0) platform.log({ event: "unspoken_bots_told", told });
}

/** The longest overdue first. */
export async function pokeOverdueBots(platform: WatchdogPlatform, now: number): Promise<PokeCounts> {
  const overdue = await platform.findOverdue(now, MAX_A_RUN);
  const counts = await pokeAll(platform, overdue);
  const ids = overdue.map(({ id }) => id);
  await platform.notePoked(ids, now);
  if (ids.length > 0) platform.log({ level: "warn", event: "overdue_bots_poked", bots: ids.length, ...counts });
  return counts;
}

/** Every bot once an hour, whatever the index thinks of it: an index that is wrong hides nobody. */
export async function auditBots(platform: WatchdogPlatform, now: number): Promise<PokeCounts> {
  const slice = sliceOf(Math.floor(now / ROUND_MS) % ROUNDS);
  const counts = noPokes();
  let after: string | null = null;
  let audited = 0;
  for (;;) {
    const found: IndexedBot[] = await platform.findToAudit({ ...slice, after }, now, AUDIT_PAGE);
    add(counts, await pokeAll(platform, found));
    audited += found.length;
    after = found.at(-1)?.id ?? null;
    if (found.length < AUDIT_PAGE) break;
    if (audited >= MAX_AUDITED) {
      platform.log({ level: "error", event: "audit_cut_short", audited, after });
      break;
    }
  }
  if (audited > 0) platform.log({ event: "bots_audited", bots: audited, ...counts });
  return counts;
}

/** Ids are random, so a range of them is as good as a hash, and the primary key finds it. @param round 0 to 11 */
export function sliceOf(round: number): { from: string; to: string } {
  const edge = (part: number) => Math.ceil((part * 0x1000) / ROUNDS);
  const prefix = (at: number) => (at >= 0x1000 ? "g" : at.toString(16).padStart(3, "0"));
  return { from: prefix(edge(round)), to: prefix(edge(round + 1)) };
}

async function pokeAll(platform: WatchdogPlatform, found: readonly IndexedBot[]): Promise<PokeCounts> {
  const counts = noPokes();
  for (let at = 0; at < found.length; at += AT_ONCE) {
    await Promise.all(
      found.slice(at, at + AT_ONCE).map(async (bot) => {
        counts[await pokeOne(platform, bot)]++;
      }),
    );
  }
  return counts;
}

async function pokeOne(platform: WatchdogPlatform, bot: IndexedBot): Promise<Poked | "failed"> {
  const bot_id = bot.id;
  try {
    const poked = await platform.poke(bot);
    if (poked === "rearmed") platform.log({ level: "warn", event: "bot_rearmed", bot_id });
    if (poked === "unreadable") platform.log({ level: "error", event: "bot_unreadable", bot_id });
    return poked;
  } catch (error) {
    platform.log({ level: "error", event: "poke_failed", bot_id, detail: String(error) });
    return "failed";
  }
}

function noPokes(): PokeCounts {
  return { absent: 0, unreadable: 0, settled: 0, armed: 0, rearmed: 0, failed: 0 };
}

function add(counts: PokeCounts, more: PokeCounts): void {
  for (const key of Object.keys(more) as (keyof PokeCounts)[]) counts[key] += more[key];
}
