/**
 * What is stored may be damaged: every column of text in every table, one after the other. Reads then answer what is
 * left or say clearly what is wrong, nothing throws, and nothing is done to any droplet.
 */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { partOf, tally } from "../depth.ts";
import { heartbeat, onlineBot, type TestAgent } from "./agent.ts";
import { endOfTest, request, simulateCloud } from "./cloud.ts";

const DAMAGE = ["{ cut", "null", "[]", '{"text":1}', "unheard_of"];
/** These say clearly what is wrong; anything else of 500 and above is a bug. */
const CLEAR = ["bot_unreadable", "secret_unreadable", "unavailable"];

let cloud: ReturnType<typeof simulateCloud>;
let agent: TestAgent;
let account: string;
let command: string;

beforeAll(async () => {
  cloud = simulateCloud();
  const online = await onlineBot(cloud);
  agent = online.agent;
  account = online.bot.account_id;
  const asked = await request("POST", `/bots/${agent.bot_id}/commands`, { body: { kind: "collect_logs" } });
  command = asked.json.command.id;
  await request("PATCH", `/bots/${agent.bot_id}/config`, {
    body: { strictness: "high" },
    headers: { "idempotency-key": "once" },
  });
});
afterAll(endOfTest);

function probes(): [string, string, { body?: unknown; token?: string; headers?: Record<string, string> }?][] {
  const bot = `/bots/${agent.bot_id}`;
  const { credential: token, droplet_id, boot_id } = agent;
  const beat = { ...heartbeat, droplet_id, boot_id };
  return [
    ...[
      "",
      "/config",
      "/configs",
      "/configs/1/diff/1",
      "/operations",
      "/commands",
      `/commands/${command}`,
      "/events?limit=1000",
    ].map((path): [string, string] => ["GET", bot + path]),
    ...["/bots?include_destroyed=true", "/accounts", `/accounts/${account}`, `/accounts/${account}/bots`].map(
      (path): [string, string] => ["GET", path],
    ),
    ...["/operator/gate", "/operator/orphans", "/operator/operations"].map((path): [string, string] => ["GET", path]),
    ["GET", `${bot}/wait?status=online&timeout=1`],
    ["GET", `/bot/${agent.bot_id}/config`, { token }],
    ["POST", `/bot/${agent.bot_id}/heartbeat`, { token, body: beat }],
    ["POST", `${bot}/config/rollback`, { body: { to_version: 99 } }],
    ["POST", "/operator/sweep", { body: { dry_run: true } }],
    ["POST", "/operator/index/rebuild", { body: {} }],
  ];
}

/** @returns the answers that are neither an answer nor a clear problem */
async function unclear(): Promise<string[]> {
  const answers = await Promise.all(
    probes().map(async ([method, path, options]) => {
      const { status, json, text } = await request(method, path, options);
      const fine = status < 500 || CLEAR.includes(json?.code);
      return fine ? null : `${method} ${path}: ${status} ${json?.code ?? text}`;
    }),
  );
  return answers.filter((answer) => answer !== null);
}

function deeds(): number {
  return cloud.requests.filter(({ method }) => method !== "GET").length;
}

interface Store {
  name: string;
  query: (statement: string, ...values: unknown[]) => Promise<Record<string, unknown>[]>;
  /** Forgets what is in memory. */
  forget: () => Promise<void>;
  /** What it does by itself; null: nothing. */
  act: (() => Promise<unknown>) | null;
}

function objectStore(name: string, stub: () => DurableObjectStub): Store {
  return {
    name,
    query: (statement, ...values) =>
      runInDurableObject(stub(), (_object, { storage }) =>
        storage.sql.exec(statement, ...(values as string[])).toArray(),
      ) as Promise<Record<string, unknown>[]>,
    forget: () => evictDurableObject(stub()),
    act: () => runDurableObjectAlarm(stub()),
  };
}

const STORES: Store[] = [
  {
    name: "D1",
    query: async (statement, ...values) =>
      (
        await env.DB.prepare(statement)
          .bind(...values)
          .all<Record<string, unknown>>()
      ).results,
    forget: async () => {},
    act: null,
  },
  objectStore("Bot", () => env.BOT.getByName(agent.bot_id) as unknown as DurableObjectStub),
  objectStore("ProviderGate", () => env.GATE.getByName("digitalocean") as unknown as DurableObjectStub),
];

/** Columns of text that hold something now and are no key. */
async function columns({ query }: Store): Promise<[string, string][]> {
  const tables = await query(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%' AND name <> 'd1_migrations'",
  );
  const found: [string, string][] = [];
  for (const { name } of tables) {
    const described = await query(`SELECT name, type, pk FROM pragma_table_info('${name}')`);
    for (const column of described)
      if (column.pk === 0 && column.type === "TEXT") found.push([String(name), String(column.name)]);
  }
  return found;
}

/** Damages all rows of the column, or those that may be; puts them back afterwards. */
async function whileDamaged(store: Store, table: string, column: string, damage: string, run: () => Promise<void>) {
  const [{ key } = {}] = await store.query(`SELECT name AS key FROM pragma_table_info('${table}') WHERE pk = 1`);
  const kept = await store.query(`SELECT "${String(key)}" AS at, "${column}" AS was FROM "${table}"`);
  try {
    await store.query(`UPDATE "${table}" SET "${column}" = ?`, damage);
  } catch {
    // A constraint of the table says no: it can never be so.
    return false;
  }
  await store.forget();
  try {
    await run();
  } finally {
    for (const { at, was } of kept)
      await store.query(`UPDATE "${table}" SET "${column}" = ? WHERE "${String(key)}" = ?`, was, at);
    await store.forget();
  }
  return true;
}

describe.for(STORES)("damaged text in $name", (store) => {
  it("is answered clearly, and nothing is done", async (test) => {
    const { expect } = test;
    const logs = (["log", "warn", "error"] as const).map((level) =>
      vi.spyOn(console, level).mockReturnValue(undefined),
    );
    const wrong: string[] = [];
    let damaged = 0;
    const before = deeds();
    for (const [nth, [table, column]] of (await columns(store)).entries()) {
      for (const damage of partOf(DAMAGE, 6, nth)) {
        const done = await whileDamaged(store, table, column, damage, async () => {
          const where = `${table}.${column} = ${JSON.stringify(damage)}`;
          wrong.push(...(await unclear()).map((answer) => `${where}: ${answer}`));
          if (store.act === null) return;
          await store.act();
          wrong.push(...(await unclear()).map((answer) => `${where}, after its alarm: ${answer}`));
        });
        if (done) damaged++;
      }
    }
    for (const spy of logs) spy.mockRestore();
    tally(test, { damaged });
    expect(wrong.length, wrong.slice(0, 20).join("\n")).toBe(0);
    expect(deeds(), "nothing is done to any droplet").toBe(before);
    expect(damaged).toBeGreaterThan(5);
    expect(await unclear()).toEqual([]);
    expect((await request("GET", `/bots/${agent.bot_id}`)).json).toMatchObject({ status: "online" });
  });
});
