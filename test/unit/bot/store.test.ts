import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "vitest";
import type { RecordedEvent } from "../../../src/bot/model/events.ts";
import { Runtime } from "../../../src/bot/reconcile/decision.ts";
import { botRow } from "../../../src/bot/shell/outbox-rows.ts";
import { type CommandRow, MIGRATIONS, Store } from "../../../src/bot/shell/store.ts";
import type { Sql } from "../../../src/cloudflare/storage-port.ts";
import type { BotRow, ConfigRow, OutboxEntry } from "../../../src/records/rows.ts";
import { configRow } from "../../fixtures/bot.ts";
import { HOUR, Life, recordedOf, START } from "./life.ts";

/** SHA-256 of each migration as it was released. */
const RELEASED = [
  "360a4b7ab7da3d8d1edd7bfb834e6197599ccf5e83aaff475dbc4125497342b4",
  "e5f3c7c9e345dcbbf0cb375aae99a3e7025e6222bd583b2e40ced56a653f62c9",
  "2996aa637621ddab63f26973853a3bbbb117783864b8f50dd1199516f3261367",
];

function emptyStore(): { store: Store; db: DatabaseSync } {
  const db = new DatabaseSync(":memory:");
  const sql: Sql = { exec: (query, ...binds) => db.prepare(query).all(...binds) as never };
  return { store: new Store({ sql }), db };
}

function newStore(): { store: Store; db: DatabaseSync } {
  const made = emptyStore();
  made.store.migrate();
  return made;
}

describe("the schema of a bot's object", () => {
  it("only grows", async ({ expect }) => {
    const hashes = MIGRATIONS.map((statements) => createHash("sha256").update(statements).digest("hex"));
    expect(hashes.slice(0, RELEASED.length), "migrations are append-only: add one, never change one").toEqual(RELEASED);
    expect(hashes, "pin the new migration's hash here").toHaveLength(RELEASED.length);
  });

  it("is not made by asking", async ({ expect }) => {
    const { store, db } = emptyStore();
    expect(store.load()).toEqual({ kind: "absent" });
    expect(db.prepare("SELECT count(*) AS tables FROM sqlite_master").get()).toEqual({ tables: 0 });
  });

  it("is made once", async ({ expect }) => {
    const { store } = newStore();
    store.migrate();
    expect(store.exists()).toBe(true);
    expect(store.load()).toEqual({ kind: "absent" });
  });
});

describe("the stored state", () => {
  it("comes back as it was", async ({ expect }) => {
    const { store } = newStore();
    const { bot, rt, history } = new Life().online();
    store.save(bot);
    store.saveRuntime(rt);
    const stored = recordedOf(history);
    for (const event of stored) store.history.append(event);
    expect(store.load()).toEqual({ kind: "bot", bot, rt });
    expect(store.history.events(0, 1000)).toEqual(stored);
    expect(store.history.events(2, 3).map(({ seq }) => seq)).toEqual([3, 4, 5]);
  });

  it("of a release that knew of no suspensions is read as one without", async ({ expect }) => {
    const { store, db } = newStore();
    const { bot } = new Life().online();
    const { suspension: _, ...older } = bot;
    const droplets = bot.droplets.map(({ on_sent_at: __, off_sent_at: ___, ...droplet }) => droplet);
    store.save(bot);
    db.prepare("UPDATE document SET value = ? WHERE key = 'state'").run(JSON.stringify({ ...older, droplets }));
    expect(store.load()).toMatchObject({ kind: "bot", bot });
  });

  for (const text of ["", "{", "{}", "null", '{"id":1}']) {
    it(`fails closed where it reads ${JSON.stringify(text)}`, async ({ expect }) => {
      const { store, db } = newStore();
      store.save(new Life().bot);
      db.prepare("UPDATE document SET value = ? WHERE key = 'state'").run(text);
      expect(store.load().kind).toBe("broken");
    });
  }

  it("does without counters that cannot be read", async ({ expect }) => {
    const { store, db } = newStore();
    const { bot } = new Life();
    store.save(bot);
    store.saveRuntime(Runtime.parse({ tries: 4 }));
    db.prepare("UPDATE document SET value = 'x' WHERE key = 'runtime'").run();
    expect(store.load()).toEqual({ kind: "bot", bot, rt: Runtime.parse({}) });
  });
});

describe("the operations that are kept", () => {
  it("are the latest hundred, newest first", async ({ expect }) => {
    const { store } = newStore();
    const life = new Life();
    for (let count = 0; count < 130; count++) store.saveOperation(life.wait(1000).requested("pause").bot.operation);
    store.forgetOldOperations();
    const kept = store.operations();
    expect(kept).toHaveLength(100);
    expect(kept[0]?.id).toBe(life.bot.operation.id);
    expect(kept.map(({ started_at }) => started_at)).toEqual(
      kept.map(({ started_at }) => started_at).sort((a, b) => b - a),
    );
  });

  it("show how each went on", async ({ expect }) => {
    const { store } = newStore();
    const life = new Life();
    store.saveOperation(life.bot.operation);
    store.saveOperation(life.failed().bot.operation);
    expect(store.operations()).toMatchObject([{ id: "operation-1", state: "failed" }]);
  });
});

describe("the configs that are kept", () => {
  it("are those that may have to be handed out; of the others the number", async ({ expect }) => {
    const { store } = newStore();
    for (const version of [1, 2, 3]) store.saveConfig(config(version));
    store.forgetConfigsExcept([1, 3]);
    expect([1, 2, 3].map((version) => store.config(version)?.id ?? null)).toEqual(["c1", null, "c3"]);
    expect(["c1", "c2", "c4"].map((id) => store.configVersion(id))).toEqual([1, 2, null]);
  });

  it("never give a number twice", async ({ expect }) => {
    const { store } = newStore();
    store.saveConfig(config(1));
    expect(() => store.saveConfig({ ...config(1), id: "other" })).toThrow();
  });
});

describe("the outbox", () => {
  it("holds one entry for each thing: a newer row replaces one that was not delivered", async ({ expect }) => {
    const { store } = newStore();
    store.enqueue(entry("first"), 1, START);
    store.enqueue(entry("second"), 2, START + 1);
    const delivery = deliveryOf(store);
    expect(delivery).toMatchObject({ key: "bot", revision: 2, entry: { row: { name: "second" } }, next_at: START });
    store.delivered(delivery);
    expect(store.nextDelivery()).toBe(null);
  });

  it("keeps a row that came while its elder was on its way", async ({ expect }) => {
    const { store } = newStore();
    store.enqueue(entry("first"), 1, START);
    const delivery = deliveryOf(store);
    store.enqueue(entry("second"), 2, START);
    store.delivered(delivery);
    expect(store.nextDelivery()).toMatchObject({ revision: 2, entry: { row: { name: "second" } } });
  });

  it("tries again later, and counts", async ({ expect }) => {
    const { store } = newStore();
    store.enqueue(entry("first"), 1, START);
    store.undelivered(deliveryOf(store), START + HOUR, "x".repeat(9000));
    expect(store.nextDelivery()).toMatchObject({ attempts: 1, next_at: START + HOUR });
    expect(store.nextDeliveryAt()).toBe(START + HOUR);
    store.enqueue(entry("second"), 2, START + 1);
    expect(store.nextDelivery()).toMatchObject({ attempts: 1, next_at: START + 1 });
  });

  it("is emptied in the order in which its entries are due", async ({ expect }) => {
    const { store } = newStore();
    store.enqueue({ kind: "config", row: config(2) }, 3, START + 2);
    store.enqueue(entry("bot"), 3, START + 1);
    const droplet = {
      id: 7,
      bot_id: "b",
      name: "n",
      generation: 1,
      status: "new",
      ip_address: null,
      found_at: 1,
      gone_at: null,
      revision: 3,
    } as const;
    store.enqueue({ kind: "droplet", row: droplet }, 3, START + 3);
    const keys: string[] = [];
    for (let next = store.nextDelivery(); next !== null; next = store.nextDelivery()) {
      keys.push(next.key);
      store.delivered(next);
    }
    expect(keys).toEqual(["bot", "config:2", "droplet:7"]);
  });
});

describe("the requests that were answered", () => {
  it("are the last 64, and every Idempotency-Key for a day", async ({ expect }) => {
    const { store } = newStore();
    store.saveAnswer("idem:old", "h", "o1", START);
    for (let count = 1; count <= 100; count++) store.saveAnswer(`req:${count}`, "", count, START + count);
    expect(store.answered("idem:old")).toEqual({ body_hash: "h", result: "o1", at: START });
    expect([1, 36, 37, 100].map((count) => store.answered(`req:${count}`)?.result ?? null)).toEqual([
      null,
      null,
      37,
      100,
    ]);
    store.saveAnswer("idem:new", "h", "o2", START + 24 * HOUR - 1);
    expect(store.answered("idem:old")?.result).toBe("o1");
    store.saveAnswer("idem:newer", "h", "o3", START + 24 * HOUR);
    expect(["idem:old", "idem:new", "idem:newer"].map((key) => store.answered(key)?.result ?? null)).toEqual([
      null,
      "o2",
      "o3",
    ]);
  });
});

describe("a column that a later release has added", () => {
  it("is no obstacle to anything that this release writes", async ({ expect }) => {
    const { store, db } = newStore();
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    for (const { name } of tables) db.exec(`ALTER TABLE ${name} ADD COLUMN later TEXT`);
    const { bot, rt, history } = new Life().online();
    store.save(bot);
    store.saveRuntime(rt);
    store.saveOperation(bot.operation);
    store.saveCommand(COMMAND);
    store.saveConfig(config(1));
    store.enqueue(entry("first"), 1, START);
    store.saveAnswer("req:1", "h", "answer", START);
    for (const event of recordedOf(history)) store.history.append(event);
    const gone = { seq: 1_000, kind: "droplet_gone", data: { droplet_id: 5 } };
    store.history.append({ ...recordedOf(history)[0], ...gone } as RecordedEvent);
    store.history.append({ ...recordedOf(history)[0], seq: 1_001, kind: "snapshot" } as RecordedEvent);
    store.history.prune(1_001, 2_000);
    const rows = tables.map(({ name }) => [name, db.prepare(`SELECT count(*) AS rows FROM ${name}`).get()?.rows]);
    expect(rows.filter(([, count]) => count === 0)).toEqual([]);
    const kept = db.prepare("SELECT key FROM remembered ORDER BY key").all();
    expect(kept.map(({ key }) => String(key).split(":")[0])).toEqual(["created_by", "gone", "intended", "snapshot"]);
  });
});

const COMMAND: CommandRow = {
  id: "c",
  kind: "restart",
  args: {},
  generation: 1,
  actor: "x",
  requested_at: START,
  expires_at: START + HOUR,
  result: null,
};

function deliveryOf(store: Store) {
  const delivery = store.nextDelivery();
  if (delivery === null) throw new Error("the outbox is empty");
  return delivery;
}

function entry(name: string): OutboxEntry {
  const { bot, rt } = new Life();
  const row: BotRow = { ...botRow(bot, rt), name };
  return { kind: "bot", row };
}

function config(version: number): ConfigRow {
  return configRow({ id: `c${version}`, bot_id: "b", version });
}
