/** The sweep of a kind that exists here alone, beside the one of droplets. */
import { describe, it } from "vitest";
import { fleetOf } from "../../../src/naming/fleet.ts";
import { Ledger } from "../../../src/provider/gate/ledger.ts";
import type { Listed } from "../../../src/provider/gate/sweep.ts";
import { Sweeper, type SweepLease } from "../../../src/provider/gate/sweeper.ts";
import { Sweepers } from "../../../src/provider/gate/sweepers.ts";
import type { SweepVerdict, VerdictRequest } from "../../../src/resources/verdict.ts";
import { SqliteStorage } from "../../simulation/sqlite-storage.ts";
import { diskKind } from "../resources/planted.ts";

const FLEET = fleetOf("00c0ffee");
const MINUTE = 60_000;
const BOT = "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";
const NOBODY = "11111111-1111-4111-8111-111111111111";

function disk(id: string, bot: string, tags = [FLEET.tag]): Listed {
  return { id, name: diskKind.name(FLEET, bot, 1), tags };
}

const MINE = disk("b1f5", BOT);
const NOBODYS = disk("a0e4", NOBODY);
const UNTAGGED = disk("c2a6", NOBODY, []);
const STRANGERS = { id: "0001", name: "backup", tags: [] };

/** An account that holds these disks, and a clock that the test moves. */
function newWorld(disks: Listed[]) {
  const storage = new SqliteStorage();
  new Ledger(storage.sql).migrate();
  storage.sql.exec(
    `CREATE TABLE disk_orphan (id TEXT PRIMARY KEY, name TEXT NOT NULL, bot_id TEXT, state TEXT NOT NULL, why TEXT NOT NULL,
     since INTEGER NOT NULL, listed_at INTEGER NOT NULL, inventories INTEGER NOT NULL)`,
  );
  const world = {
    now: 1_800_000_000_000,
    account: new Map(disks.map((each) => [each.id, each])),
    asked: [] as VerdictRequest<Listed>[],
    log: [] as Record<string, unknown>[],
  };
  const platform = {
    sql: storage.sql,
    transactionSync: <T>(run: () => T) => storage.transactionSync(run),
    now: () => world.now,
    log: (entry: Record<string, unknown>) => world.log.push(entry),
    indexed: async () => new Set<string>(),
    sweep_mode: "delete" as const,
  };
  const claim = async (id: string): Promise<SweepVerdict> => (id === BOT ? "mine" : "unknown_bot");
  const sweeper = new Sweeper<Listed>(platform, {
    kind: diskKind,
    store: { table: "disk_orphan", id: "id", document: "sweep:disk" },
    listPage: async () => ({
      kind: "ok",
      value: { resources: [...world.account.values()], last: true, total: world.account.size },
    }),
    async remove(id) {
      world.account.delete(id);
      return { kind: "ok", value: null };
    },
    claim(id, request) {
      world.asked.push(request);
      return claim(id);
    },
  });
  const droplets = new Sweepers({
    ...platform,
    listPage: async () => ({ kind: "ok", value: { droplets: [], last: true, total: 0 } }),
    deleteDroplet: async () => ({ kind: "ok", value: null }),
    claim,
  });
  const lease: SweepLease = { fleet: FLEET, permit: () => ({ granted: true, create_ms: 0 }), failed: () => undefined };
  const pass = async () => {
    sweeper.want(null);
    await sweeper.run(lease);
    world.now += 5 * MINUTE;
  };
  return { world, sweeper, droplets, lease, pass };
}

describe("the sweep of another kind", () => {
  it("deletes what nobody answers for, after the same quarantine, and nothing else", async ({ expect }) => {
    const { world, sweeper, pass } = newWorld([MINE, NOBODYS, UNTAGGED, STRANGERS]);
    for (let round = 0; round < 3; round++) await pass();
    expect([...world.account.keys()]).toEqual(["b1f5", "a0e4", "c2a6", "0001"]);
    await pass();
    expect([...world.account.keys()]).toEqual(["b1f5", "c2a6", "0001"]);
    expect(sweeper.report().last).toMatchObject({ droplets: 4, ours: 3, deleted: ["a0e4"] });
    expect(world.log).toContainEqual(expect.objectContaining({ event: "orphan_deleted", disk_id: "a0e4" }));
  });

  it("asks the Bots about that kind", async ({ expect }) => {
    const { world, pass } = newWorld([MINE]);
    await pass();
    expect(world.asked).toEqual([{ kind: "disk", droplet: MINE, listed_ms_ago: 0, dry_run: false }]);
  });

  it("goes on behind the last one that it asked about, whatever its ids are", async ({ expect }) => {
    const many = Array.from({ length: 250 }, (_, index) => disk(`${index % 2 ? "f" : "a"}${index}`, BOT));
    const { world, sweeper, lease } = newWorld(many);
    sweeper.want(null);
    expect(await sweeper.run(lease)).toBe(world.now + 1_000);
    expect(await sweeper.run(lease)).toBe(null);
    expect(new Set(world.asked.map(({ droplet }) => droplet.id)).size).toBe(250);
    expect(world.asked).toHaveLength(250);
  });

  it("and that of droplets leave each other's records alone", async ({ expect }) => {
    const { sweeper, droplets, lease, pass } = newWorld([NOBODYS]);
    await pass();
    droplets.want(null);
    expect([sweeper.busy, droplets.busy]).toEqual([false, true]);
    expect(await droplets.run(lease)).toBe(null);
    expect(droplets.report()).toMatchObject({ last: { droplets: 0 }, orphans: [] });
    expect(sweeper.report().orphans).toMatchObject([{ id: "a0e4", state: "quarantined" }]);
  });
});
