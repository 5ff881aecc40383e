/** Creates of several kinds share the requests, and no limit; the release before finds and leaves its leases as ever. */
import { describe, it } from "vitest";
import { defaultLimits, limitsFor } from "../../../src/provider/gate/budget.ts";
import { Ledger } from "../../../src/provider/gate/ledger.ts";
import type { Ask } from "../../../src/provider/gate/permit.ts";
import { SqliteStorage } from "../../simulation/sqlite-storage.ts";
import { newGate } from "./gates.ts";

const NOW = 1_800_000_000_000;

function newLedger() {
  const storage = new SqliteStorage();
  const ledger = new Ledger(storage.sql);
  ledger.migrate();
  return { ledger, storage };
}

function create(bot_id: string, resource?: string): Ask {
  return { bot_id, kind: "create", ...(resource === undefined ? {} : { resource }) };
}

describe("leases of creates", () => {
  it("are counted for each kind alone, a bot's own not among them", ({ expect }) => {
    const { ledger } = newLedger();
    for (const ask of [create("a"), create("b", "droplet"), create("a", "disk")]) ledger.leaseCreate(ask, NOW);
    expect(ledger.load(create("c"), NOW, 1).creates).toBe(2);
    expect(ledger.load(create("a"), NOW, 1).creates).toBe(1);
    expect(ledger.load(create("c", "disk"), NOW, 1).creates).toBe(1);
    expect(ledger.load(create("a", "disk"), NOW, 1).creates).toBe(0);
    expect(ledger.load({ bot_id: "c", kind: "poll" }, NOW, 1).creates).toBe(2);
    expect(ledger.usage(NOW).creates).toBe(2);
  });

  it("end each by itself, with the time that they were held", ({ expect }) => {
    const { ledger } = newLedger();
    ledger.leaseCreate(create("a"), NOW);
    ledger.leaseCreate(create("a", "disk"), NOW + 1);
    expect(ledger.endCreate({ bot_id: "a", resource: "disk" }, NOW + 5)).toBe(4);
    expect(ledger.endCreate({ bot_id: "a", resource: "disk" }, NOW + 5)).toBe(null);
    expect(ledger.endCreate({ bot_id: "a" }, NOW + 5)).toBe(5);
  });

  it("are waited for in a lane for each kind", ({ expect }) => {
    const { ledger } = newLedger();
    ledger.wait(create("a"), NOW, NOW + 1_000);
    ledger.wait(create("b", "disk"), NOW, NOW + 1_000);
    expect(ledger.load(create("c"), NOW, 1)).toMatchObject({ ahead: 2, creates_ahead: 1, creates_queue: 1 });
    expect(ledger.load(create("c", "disk"), NOW, 1)).toMatchObject({ ahead: 2, creates_ahead: 1, creates_queue: 1 });
    expect(ledger.usage(NOW).waiting).toEqual({ create: 1, "create/disk": 1 });
  });

  it("have a limit for each kind that is known, and no other", ({ expect }) => {
    expect(limitsFor(undefined, defaultLimits)?.creates).toBe(10);
    expect(limitsFor("droplet", defaultLimits)).toEqual(defaultLimits);
    for (const unknown of ["disk", "constructor", ""]) expect(limitsFor(unknown, defaultLimits)).toBe(null);
  });

  it("are granted to no kind whose limit is unknown, which holds no droplet up", async ({ expect }) => {
    const gate = await newGate();
    expect(gate.ask(create("a", "disk"))).toEqual({ granted: false, wait_ms: 30_000, reason: "unknown_resource" });
    expect(gate.ask(create("a", "droplet"))).toMatchObject({ granted: true });
    expect(gate.ask(create("b"))).toMatchObject({ granted: true });
  });

  it("are given back by what is reported of their kind, and only droplets tell how long a create takes", async ({
    expect,
  }) => {
    const gate = await newGate();
    for (let bot = 0; bot < 10; bot++) gate.permit(`bot-${bot}`, "create");
    gate.report({ kind: "create_done", bot_id: "bot-0", resource: "disk" });
    expect(gate.permit("late", "create").granted).toBe(false);
    gate.world.now += 5_000;
    gate.report({ kind: "create_done", bot_id: "bot-0", resource: "droplet" });
    expect(gate.permit("late", "create")).toEqual({ granted: true, create_ms: 45_000 * 0.8 + 5_000 * 0.2 });
  });
});

describe("the release before, on this one's tables", () => {
  /** Word for word what it asks of them. */
  const LEASE = "INSERT INTO create_lease VALUES (?, ?) ON CONFLICT (bot_id) DO UPDATE SET since = excluded.since";
  const COUNT = "SELECT count(*) AS n FROM create_lease WHERE bot_id <> ? AND since > ?";
  const END = "DELETE FROM create_lease WHERE bot_id = ? RETURNING since";
  const WAIT = `INSERT INTO waiting VALUES (?, ?, ?, ?, ?) ON CONFLICT (bot_id) DO UPDATE SET back_at = excluded.back_at,
       since = CASE WHEN kind = excluded.kind THEN since ELSE excluded.since END, kind = excluded.kind, rank = excluded.rank`;
  const ORPHAN = "INSERT OR REPLACE INTO orphan VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

  it("goes on with the leases that it finds, and this one with those that it left", ({ expect }) => {
    const { ledger, storage } = newLedger();
    ledger.leaseCreate(create("a"), NOW);
    storage.sql.exec(LEASE, "a", NOW + 1);
    storage.sql.exec(LEASE, "b", NOW + 1);
    expect(storage.sql.exec(COUNT, "a", NOW)).toEqual([{ n: 1 }]);
    expect(ledger.load(create("c"), NOW + 2, 1).creates).toBe(2);
    expect(storage.sql.exec(END, "a")).toEqual([{ since: NOW + 1 }]);
    expect(ledger.endCreate({ bot_id: "b" }, NOW + 3)).toBe(2);
  });

  it("takes creates of other kinds for droplets, which never makes them too many", ({ expect }) => {
    const { ledger, storage } = newLedger();
    ledger.leaseCreate(create("a", "disk"), NOW);
    expect(storage.sql.exec(COUNT, "a", NOW - 1)).toEqual([{ n: 1 }]);
  });

  it("can still write every row that it writes", ({ expect }) => {
    const { ledger, storage } = newLedger();
    storage.sql.exec(WAIT, "a", "create", 1, NOW, NOW + 1);
    storage.sql.exec("INSERT INTO heal VALUES (?, ?, ?, NULL)", "a", NOW, NOW);
    storage.sql.exec("INSERT INTO spent VALUES (?, ?, ?)", 1, 1, 0);
    storage.sql.exec(ORPHAN, 1, "name", null, "found", "why", NOW, NOW, 1);
    expect(ledger.load(create("b"), NOW, 1).creates_ahead).toBe(1);
  });
});
