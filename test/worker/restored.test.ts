import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, type ExpectStatic, it } from "vitest";
import type { Simulator } from "../../simulator/model/simulator.ts";
import { insertBot } from "../../src/accounts/bots.ts";
import type { BotEvent } from "../../src/bot/model/events.ts";
import { apply } from "../../src/bot/model/fold.ts";
import { type BotState, openIntent } from "../../src/bot/model/state.ts";
import { openDb } from "../../src/db/client.ts";
import { accounts } from "../../src/db/schema.ts";
import { configRow } from "../fixtures/bot.ts";
import adopted from "../fixtures/objects/adopted.sql?raw";
import destroyed from "../fixtures/objects/destroyed.sql?raw";
import paused from "../fixtures/objects/paused.sql?raw";
import pendingWithADroplet from "../fixtures/objects/pending-with-a-droplet.sql?raw";
import pendingWithoutADroplet from "../fixtures/objects/pending-without-a-droplet.sql?raw";
import redeploying from "../fixtures/objects/redeploying.sql?raw";
import suspended from "../fixtures/objects/suspended.sql?raw";
import twoGenerations from "../fixtures/objects/two-generations.sql?raw";
import { heldIn, parseObject } from "../fixtures/objects.ts";
import { bringOnline } from "./agent.ts";
import { testWish } from "./audited.ts";
import { act, dropletsOf, endOfTest, eventually, request, simulateCloud, untilBot } from "./cloud.ts";

afterEach(endOfTest);

/** Longer than any call or alarm that was under way may have taken. */
const AWAY_MS = 10 * 60_000;
const ALARM = "SELECT json_extract(value, '$.alarm_at') AS at FROM document WHERE key = 'runtime'";
/** Of the demo's bots. */
const ENVIRONMENT = { KRAKEN_SECRET: "which opens nothing" };
const SECRETS = { llm_api_key: "demo-key-that-opens-nothing" };

/** The object in workerd, its rows in D1, and its cloud, where whatever was to happen has happened meanwhile. */
async function restore(sql: string): Promise<{ cloud: Simulator; before: BotState; state: object }> {
  const now = Date.now();
  const { statements, bot, state, cloud } = parseObject(sql, now - AWAY_MS);
  const simulator = simulateCloud({}, heldIn(cloud));
  const { id, account_id, name, persona, config } = bot;
  const db = openDb(env.DB);
  await db
    .insert(accounts)
    .values({ id: account_id, external_id: account_id, tier: "pro", created_at: now, updated_at: now });
  const row = configRow({ id: config.desired.id, bot_id: id });
  const accepted = { id, account_id, name, persona, actor: "operator:test", config: row };
  const made = await insertBot(db, { every_account: true }, accepted, testWish(), now);
  if (made.kind !== "created") throw new Error(made.kind);
  await runInDurableObject(env.BOT.getByName(id), async (_bot, { storage }) => {
    for (const statement of statements) storage.sql.exec(statement);
    const [runtime] = storage.sql.exec<{ at: number | null }>(ALARM).toArray();
    // The platform has kept it, and fires what is overdue. One that only watches is not written down.
    await storage.setAlarm(runtime?.at ?? now);
  });
  await evictDurableObject(env.BOT.getByName(id));
  return { cloud: simulator, before: bot, state };
}

/** What the object has stored: its state, and its whole history. */
function stored(id: string): Promise<{ state: object; history: BotEvent[] }> {
  return runInDurableObject(env.BOT.getByName(id), (_bot, { storage }) => {
    const { value } = storage.sql.exec<{ value: string }>("SELECT value FROM document WHERE key = 'state'").one();
    const rows = storage.sql.exec<{ data: string }>("SELECT * FROM event ORDER BY seq").toArray();
    const history = rows.map((row) => ({ ...row, data: JSON.parse(row.data) }) as unknown as BotEvent);
    return { state: JSON.parse(value) as object, history };
  });
}

/** What is stored is the fold of the history; before its first event here it lacks only fields that are newer. */
async function expectFolded(expect: ExpectStatic, before: BotState): Promise<void> {
  const { state, history } = await stored(before.id);
  let folded: BotState | null = null;
  for (const event of history) folded = apply(folded, event);
  if (history.length === before.revision) expect(folded).toMatchObject(state);
  else expect(state).toEqual(folded);
}

/** The agent of a droplet: what it knows itself by is not stored, so it speaks to the object with its hash. */
function agentOf(id: string, droplet_id: number, token_sha256: string) {
  const stub = env.BOT.getByName(id);
  const caller = { kind: "agt", token_sha256 } as const;
  const identity = { droplet_id, boot_id: "b0000000-0000-4000-8000-000000000001" };
  return {
    register: (token_hash: string) =>
      stub.register(
        { kind: "reg", token_sha256: token_hash },
        { ...identity, bot_id: id, credential_sha256: token_sha256 },
      ),
    beat: () =>
      stub.heartbeat(caller, {
        ...identity,
        agent_version: "test",
        workload: { state: "running", version: null, restarts: 0 },
        applied_config_id: null,
        load: null,
        mem: null,
        disk: null,
      }),
    /** Fetches what is desired, and says that it runs. @returns its secrets */
    async apply() {
      const config = await stub.agentConfig(caller, droplet_id);
      if (!config.ok) throw new Error(config.detail);
      await stub.acknowledge(caller, { config_id: config.value.id, result: "applied", workload: "running" });
      return config.value;
    },
  };
}

/** As `agentOf`, of a bot whose agent has registered before. */
function boundAgent({ id, agent }: BotState) {
  if (agent === null) throw new Error("it has no agent");
  return agentOf(id, agent.droplet_id, agent.credential_sha256);
}

describe("an object that an earlier release has left behind, in workerd", () => {
  it("was online: reads as it was, is heard, and hands out its config with the secrets that were sealed", async ({
    expect,
  }) => {
    const { cloud, before, state } = await restore(adopted);
    const { status, json } = await request("GET", `/bots/${before.id}`);
    expect([status, json]).toMatchObject([
      200,
      { status: "online", droplet_id: before.adopted, revision: before.revision },
    ]);
    expect((await stored(before.id)).state).toMatchObject(state);
    const agent = boundAgent(before);
    expect(await agent.beat()).toMatchObject({ ok: true, value: { desired_config_id: before.config.desired.id } });
    const config = await agent.apply();
    expect(config).toMatchObject({ version: 2, secrets: { ...SECRETS, environment: ENVIRONMENT } });
    const changed = await request("PATCH", `/bots/${before.id}/config`, { body: { strictness: "low" } });
    expect([changed.status, changed.json.version]).toEqual([200, 3]);
    expect(await agent.apply()).toMatchObject({ version: 3, secrets: { ...SECRETS, environment: ENVIRONMENT } });
    await untilBot(before.id, { status: "online", applied_config_version: 3 });
    expect(dropletsOf(cloud, before.id)).toMatchObject([{ id: before.adopted, powered: true }]);
    expect(cloud.counters.creates).toBe(0);
    await expectFolded(expect, before);
  });

  it.for([
    ["paused", paused, (id: string) => act(id, "resume")],
    ["suspended", suspended, (id: string) => request("POST", `/operator/bots/${id}/unsuspend`)],
  ] as const)("was %s: is off until somebody brings it back", async ([status, sql, bringBack], { expect }) => {
    const { cloud, before } = await restore(sql);
    await untilBot(before.id, { status });
    expect(dropletsOf(cloud, before.id)).toMatchObject([{ id: before.adopted, powered: false }]);
    expect((await bringBack(before.id)).status).toBeLessThan(300);
    await eventually(() => expect(dropletsOf(cloud, before.id)).toMatchObject([{ powered: true }]));
    await eventually(async () => expect(await boundAgent(before).beat()).toMatchObject({ ok: true }));
    await boundAgent(before).apply();
    await untilBot(before.id, { status: "online", droplet_id: before.adopted });
    await expectFolded(expect, before);
  });

  it("was destroyed: it stays so, and wakes no more", async ({ expect }) => {
    const { cloud, before } = await restore(destroyed);
    await untilBot(before.id, { status: "destroyed" });
    expect((await act(before.id, "redeploy")).status).toBe(409);
    await eventually(async () => {
      const alarm = await runInDurableObject(env.BOT.getByName(before.id), (_bot, { storage }) => storage.getAlarm());
      expect(alarm).toBe(null);
    });
    expect(cloud.counters.requests).toBe(0);
    await expectFolded(expect, before);
  });

  it("had a droplet of its first generation left: that goes, and the second one stays", async ({ expect }) => {
    const { cloud, before } = await restore(twoGenerations);
    expect(dropletsOf(cloud, before.id)).toHaveLength(2);
    await untilBot(before.id, { status: "online" });
    await eventually(() => expect(dropletsOf(cloud, before.id)).toMatchObject([{ id: before.adopted, powered: true }]));
    await eventually(async () => {
      expect((await stored(before.id)).state).toMatchObject({ droplets: [{ id: before.adopted, generation: 2 }] });
    });
    await expectFolded(expect, before);
  });

  it("was about to make room for its second droplet: the first is confirmed gone before", async ({ expect }) => {
    const { cloud, before } = await restore(redeploying);
    await untilBot(before.id, { generation: 2, phase: "waiting_for_agent" });
    await bringOnline(cloud, before.id);
    expect(dropletsOf(cloud, before.id)).toHaveLength(1);
    expect(cloud.counters.creates).toBe(1);
    await expectFolded(expect, before);
  });

  it("had asked for a droplet that exists: finds it, adopts it, and takes its agent", async ({ expect }) => {
    const { cloud, before } = await restore(pendingWithADroplet);
    const intent = openIntent(before);
    await untilBot(before.id, { phase: "waiting_for_agent" });
    const [droplet, ...others] = dropletsOf(cloud, before.id);
    expect([droplet?.name, others, cloud.counters.creates]).toEqual([intent?.droplet_name, [], 0]);
    const agent = agentOf(before.id, droplet?.id ?? 0, "a".repeat(64));
    expect(await agent.register(intent?.token_hash ?? "")).toMatchObject({ ok: true });
    expect(await agent.apply()).toMatchObject({ secrets: SECRETS });
    await untilBot(before.id, { status: "online", droplet_id: droplet?.id });
    await expectFolded(expect, before);
  });

  it("had asked for a droplet that does not exist: is sure of it, and asks again", async ({ expect }) => {
    const { cloud, before } = await restore(pendingWithoutADroplet);
    await untilBot(before.id, { phase: "waiting_for_agent" });
    await bringOnline(cloud, before.id);
    expect([dropletsOf(cloud, before.id).length, cloud.counters.creates]).toEqual([1, 1]);
    await expectFolded(expect, before);
  });
});
