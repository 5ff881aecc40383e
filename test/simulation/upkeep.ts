/** What the Worker does for all bots, in virtual time: the watchdog's round, and the index made anew. */
import { snapshotRows } from "../../src/bot/calls/maintenance.ts";
import { parsePlace, type RebuildPlatform, rebuildPage } from "../../src/fleet/rebuild.ts";
import type { WatchdogPlatform } from "../../src/fleet/watchdog.ts";
import { Violation } from "./invariants.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

export function watchdogPlatform(world: World): WatchdogPlatform {
  const { index, gate } = world;
  return {
    findUnspoken: async () => [],
    tell: async () => false,
    sweep: async () => gate.sweep(),
    forgetEnded: async () => undefined,
    findOverdue: async (now) => index.findOverdue(now),
    notePoked: async () => undefined,
    findToAudit: async (slice, _now, limit) => index.findToAudit(slice, limit),
    poke: async ({ id, revision }) => world.host(id).poke(revision),
    log: () => undefined,
  };
}

/** What an operator does after the database was lost or restored, page after page; a page that died is asked for again. */
export async function rebuildIndex(world: World, worker: Process): Promise<void> {
  for (let cursor: string | null = null, tries = 0; tries < 100; tries++) {
    const place = parsePlace(cursor);
    if (place === null) throw new Error(`no such place: ${cursor}`);
    const platform = rebuildPlatform(world, worker, worker.life);
    const rebuilt = await worker.whileAlive(() => rebuildPage(platform, place).catch(() => null));
    if (rebuilt?.ok) {
      cursor = rebuilt.page.next_cursor;
      if (cursor === null) return;
    } else if (rebuilt) await world.run(rebuilt.retry_after_s * 1000);
  }
  throw new Violation("a rebuild of the index does not get on");
}

function rebuildPlatform({ index, gate, hosts }: World, worker: Process, life: number): RebuildPlatform {
  const around = <T>(where: string, call: () => Promise<T>) => worker.around(life, where, call);
  return {
    findIds: (after, limit) => around("findIds", async () => index.findIds(after, limit)),
    namedBots: (page) => around("namedBots", () => gate.namedBots(page)),
    snapshot: (id) =>
      around("snapshot", async () => {
        const host = hosts.get(id);
        return host ? snapshotRows(host.awake()) : null;
      }),
    restore: (rows) => around("restore", async () => index.restore(rows)),
    log: () => undefined,
  };
}
