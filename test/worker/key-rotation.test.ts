import { createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, it } from "vitest";
import { insertBot } from "../../src/accounts/bots.ts";
import type { Env } from "../../src/bindings.ts";
import { llmKeyContext } from "../../src/bot/config.ts";
import { openDb } from "../../src/db/client.ts";
import { pushToIndex } from "../../src/db/index-feed.ts";
import { beginRotation, findPresentRotation, findStaleRows, replaceSecrets } from "../../src/db/key-rotations.ts";
import worker from "../../src/index.ts";
import { askForRotation, type RotationPlatform, stepRotation } from "../../src/secrets/rotation.ts";
import { openVault, parseKeyring } from "../../src/secrets/vault.ts";
import { configRow } from "../fixtures/bot.ts";
import { onlineBot, type TestAgent } from "./agent.ts";
import { botRequest, endOfTest, newAccount, newBot, request, simulateCloud } from "./cloud.ts";
import {
  delivered,
  deploy,
  forgetEverything,
  inObject,
  keysUsedBy,
  NEW_KEY,
  OLD_KEY,
  RINGS,
  type Ring,
  secretsOf,
  workerWith,
} from "./keys.ts";
import { expectProblem } from "./problems.ts";

const ROTATE = "/operator/keys/rotate";

beforeEach(async () => {
  await forgetEverything();
  await deploy(RINGS.old);
});
afterEach(async () => {
  await endOfTest();
  await deploy(RINGS.old);
});

async function status() {
  return (await request("GET", ROTATE)).json;
}

/** Asks until it is done, as an operator does who cannot wait for the cron. */
async function rotate() {
  for (let asked = 0; asked < 20; asked++) {
    const { json, text, status: answered } = await request("POST", ROTATE, { body: {} });
    if (answered !== 202) throw new Error(text);
    if (json.state === "done") return json;
  }
  throw new Error("the rotation comes to no end");
}

function keyOf(rotation: { keys: { id: string }[] }, id: string) {
  return rotation.keys.find((key) => key.id === id);
}

function patch(id: string, body: Record<string, unknown>) {
  return request("PATCH", `/bots/${id}/config`, { body });
}

async function keyOfAgent(agent: TestAgent): Promise<string> {
  const { status: answered, json, text } = await agent.config();
  if (answered !== 200) throw new Error(text);
  return json.secrets.llm_api_key;
}

/** What a Worker with the old key first has sealed, on its way to the database. */
async function lateRow(bot_id: string, version: number) {
  const vault = openVault(parseKeyring(RINGS.old), (count) => crypto.getRandomValues(new Uint8Array(count)));
  const llm_api_key = await vault.seal("late", llmKeyContext(bot_id, version));
  return configRow({ id: crypto.randomUUID(), bot_id, version, llm_api_key });
}

describe("a rotation of the encryption keys", () => {
  it("brings every secret under the new key, and its agent reads it before, meanwhile and after", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud, { llm_api_key: "first-key-of-the-bot" });
    const other = await newBot();
    await patch(bot.id, { llm_api_key: "second-key-of-the-bot", note: "two" });
    await delivered(bot.id);
    const before = await secretsOf(bot.id, RINGS.old);
    expect(before.map(({ place, version }) => `${place} ${version}`).sort()).toEqual([
      "D1 1",
      "D1 2",
      "object 1",
      "object 2",
    ]);
    expect(await status()).toMatchObject({ state: "none", keys: [{ id: OLD_KEY, envelopes: 3, removable: false }] });

    await deploy(RINGS.new_and_old);
    expect(await keyOfAgent(agent)).toBe("second-key-of-the-bot");
    const begun = await request("POST", ROTATE, {});
    expect(begun.status, begun.text).toBe(202);
    expect(begun.json).toMatchObject({
      state: "running",
      target_key_id: NEW_KEY,
      progress: { phase: "index", bots: { done: 2, total: 2 }, envelopes: { done: 0, total: 3 } },
      keys: [
        { id: NEW_KEY, envelopes: 0, bots: 2, removable: false },
        { id: OLD_KEY, retired: true, envelopes: 3, bots: 0, removable: false },
      ],
    });
    expect(await keyOfAgent(agent)).toBe("second-key-of-the-bot");
    const done = await rotate();
    expect(done).toMatchObject({ state: "done", errors: [], progress: { envelopes: { done: 3, total: 3 } } });
    expect(keyOf(done, OLD_KEY)).toEqual({
      id: OLD_KEY,
      in_ring: true,
      retired: true,
      envelopes: 0,
      bots: 0,
      removable: true,
    });
    expect(keyOf(done, NEW_KEY)).toMatchObject({ envelopes: 3, bots: 2, removable: false });
    expect([await keysUsedBy(bot.id), await keysUsedBy(other.id)]).toEqual([[NEW_KEY], [NEW_KEY]]);

    await deploy(RINGS.new);
    const plain = ({ place, version, plain: text }: { place: string; version: number; plain: string }) =>
      `${place} ${version} ${text}`;
    expect((await secretsOf(bot.id, RINGS.new)).map(plain).sort()).toEqual(before.map(plain).sort());
    expect(await keyOfAgent(agent)).toBe("second-key-of-the-bot");
    expect((await patch(bot.id, { strictness: "high" })).json.version).toBe(3);
    expect(await keyOfAgent(agent)).toBe("second-key-of-the-bot");
    expect(await status()).toMatchObject({ keys: [{ id: NEW_KEY }] });
  });

  it("is gone on with by the cron, and asked for again is none", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    await deploy(RINGS.new_and_old);
    await request("POST", ROTATE, { body: {} });
    await worker.scheduled(createScheduledController(), env as unknown as Env);
    const done = await status();
    expect(done.state).toBe("done");
    expect(await keysUsedBy(bot.id)).toEqual([NEW_KEY]);
    const again = await request("POST", ROTATE, { body: { target: NEW_KEY } });
    expect(again.json).toMatchObject({ state: "done", started_at: done.started_at, finished_at: done.finished_at });
  });

  it("does not begin by itself", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    await deploy(RINGS.new_and_old);
    await worker.scheduled(createScheduledController(), env as unknown as Env);
    expect(await status()).toMatchObject({ state: "none", target_key_id: null });
    expect(await keysUsedBy(bot.id)).toEqual([OLD_KEY]);
  });

  it("is gone on with by one driver at a time, and two do no harm", async ({ expect }) => {
    simulateCloud();
    const ids = [(await newBot()).id, (await newBot()).id];
    await deploy(RINGS.new_and_old);
    const { platform } = workerWith(RINGS.new_and_old);
    await Promise.all([askForRotation(platform, null), askForRotation(platform, null)]);
    expect(await env.DB.prepare("SELECT count(*) AS n FROM key_rotations").first("n")).toBe(1);
    for (let step = 0; step < 3; step++) {
      const steps = await Promise.all([stepRotation(platform), stepRotation(platform)]);
      expect(steps).toContain("idle");
    }
    expect(await status()).toMatchObject({ state: "done", error_count: 0 });
    for (const id of ids) expect(await keysUsedBy(id)).toEqual([NEW_KEY]);
  });

  it("survives a death at every call, and every secret can be read after each", async ({ expect }) => {
    simulateCloud();
    const plain = ["key-of-one", "key-of-another"];
    const bots = [await newBot({ llm_api_key: plain[0] }), await newBot({ llm_api_key: plain[1] })];
    await Promise.all(bots.map(({ id }) => delivered(id)));
    const readable = async () => {
      const all = await Promise.all(bots.map(({ id }) => secretsOf(id, RINGS.new_and_old)));
      for (const [at, secrets] of all.entries())
        expect(secrets.map((secret) => secret.plain)).toEqual([plain[at], plain[at]]);
    };
    // There and back again, each time with a death one call later, before that call or after it.
    let deaths = 0;
    for (let died = true; died; ) {
      const [ring, target] =
        deaths % 2 === 0 ? ([RINGS.new_and_old, NEW_KEY] as const) : ([RINGS.old_and_new, OLD_KEY] as const);
      await deploy(ring);
      const { platform } = workerWith(ring);
      died = await runUntilDeath(platform, target, Math.floor(deaths / 2), deaths % 2 === 0);
      await readable();
      if (died) deaths++;
      // Whoever died holds the lease until it is over.
      const later = { ...platform, now: () => Date.now() + 120_000 * deaths };
      await askForRotation(later, target);
      for (let step = 0; step < 9; step++) if ((await stepRotation(later)) === "idle") break;
      expect(await status()).toMatchObject({ state: "done", target_key_id: target, error_count: 0 });
      await readable();
      for (const { id } of bots) expect(await keysUsedBy(id)).toEqual([target]);
    }
    expect(deaths).toBeGreaterThan(40);
  });

  it("loses no change that comes meanwhile", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    await deploy(RINGS.new_and_old);
    const changes = Array.from({ length: 12 }, (_, at) => patch(bot.id, { llm_api_key: `key-number-${at}` }));
    await rotate();
    const answers = await Promise.all(changes);
    expect(answers.map(({ status: answered }) => answered)).toEqual(Array(12).fill(200));
    await delivered(bot.id);
    expect(await keysUsedBy(bot.id)).toEqual([NEW_KEY]);
    const last = answers.findIndex(({ json }) => json.version === 13);
    await deploy(RINGS.new);
    expect(await keyOfAgent(agent)).toBe(`key-number-${last}`);
    expect(await secretsOf(bot.id, RINGS.new)).toHaveLength(13 + 2);
  });

  it("reaches what waits in an outbox, and a bot whose object was never told", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    await delivered(bot.id);
    const row = await lateRow(bot.id, 2);
    const entry = JSON.stringify({ kind: "config", row });
    await inObject(bot.id, ({ sql }) =>
      sql.exec("INSERT INTO outbox VALUES ('config:2', ?, 1, 9, ?, 'D1 is down')", entry, Date.now() + 3_600_000),
    );
    const id = crypto.randomUUID();
    const foundling = { ...(await lateRow(id, 1)), id: crypto.randomUUID() };
    const accepted = { id, account_id: bot.account_id, name: "Foundling", persona: "beginner", actor: "test" } as const;
    const db = openDb(env.DB);
    await insertBot(db, { every_account: true }, { ...accepted, config: foundling }, null, "aaaaaaaa", Date.now());
    await deploy(RINGS.new_and_old);
    expect(await rotate()).toMatchObject({ errors: [], progress: { bots: { done: 2, total: 2 } } });
    await delivered(bot.id);
    expect([await keysUsedBy(bot.id), await keysUsedBy(id)]).toEqual([[NEW_KEY], [NEW_KEY]]);
    expect((await secretsOf(bot.id, RINGS.new)).map(({ plain }) => plain)).toContain("late");
  });
});

/** Rotates until a call, which throws before or after it took effect. @returns whether there was such a call */
async function runUntilDeath(
  platform: RotationPlatform,
  target: string,
  at: number,
  before: boolean,
): Promise<boolean> {
  let calls = 0;
  const mortal =
    (call: (...args: unknown[]) => Promise<unknown>) =>
    async (...args: unknown[]) => {
      const now = calls++;
      if (now === at && !before) await call(...args);
      if (now >= at) throw new Error("died");
      return call(...args);
    };
  const synchronous = ["now", "uuid", "log"];
  const wrapped = Object.entries(platform).map(([name, value]) => [
    name,
    typeof value !== "function" || synchronous.includes(name) ? value : mortal(value as never),
  ]);
  const doomed: RotationPlatform = Object.fromEntries(wrapped);
  try {
    await askForRotation(doomed, target);
    for (let step = 0; step < 9; step++) if ((await stepRotation(doomed)) === "idle") break;
  } catch (error) {
    if (calls <= at) throw error;
  }
  return calls > at;
}

describe("somebody who still runs with the old key first", () => {
  it("is refused what it would seal with it, and changes nothing", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud, { llm_api_key: "key-of-the-bot" });
    await deploy(RINGS.new_and_old);
    await rotate();
    const young = await newBot();
    await deploy(RINGS.old_and_new);
    for (const { id } of [bot, young]) {
      const { revision } = (await request("GET", `/bots/${id}`)).json;
      expectProblem(expect, await patch(id, { strictness: "high" }), { status: 503, code: "key_retired" });
      expectProblem(expect, await patch(id, { llm_api_key: "sk-new" }), { status: 503, code: "key_retired" });
      expect((await request("GET", `/bots/${id}`)).json).toMatchObject({ desired_config_version: 1, revision });
    }
    expect(await keyOfAgent(agent)).toBe("key-of-the-bot");
    const account_id = await newAccount();
    const headers = { "idempotency-key": "k" };
    const create = await request("POST", "/bots", { body: botRequest(account_id), headers });
    expectProblem(expect, create, { status: 503, code: "key_retired" });
    expect(
      await env.DB.prepare("SELECT count(*) AS n FROM bots WHERE account_id = ?").bind(account_id).first("n"),
    ).toBe(0);

    await deploy(RINGS.new_and_old);
    expect((await patch(bot.id, { strictness: "high" })).status).toBe(200);
    expect((await request("POST", "/bots", { body: botRequest(account_id), headers })).status).toBe(201);
  });

  it("neither goes on with the rotation nor turns it round, unless told by name", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    await deploy(RINGS.new_and_old);
    const early = workerWith(RINGS.old);
    const unknown = await early.request("POST", ROTATE, { target: NEW_KEY });
    expect([unknown.status, unknown.json.code]).toEqual([503, "key_not_current"]);
    await request("POST", ROTATE, { body: {} });
    const back = await early.request("POST", ROTATE, {});
    expect([back.status, back.json.code]).toEqual([503, "key_retired"]);
    expect(await stepRotation(early.platform)).toBe("idle");
    await rotate();
    expect(await keysUsedBy(bot.id)).toEqual([NEW_KEY]);

    await deploy(RINGS.old_and_new);
    const named = await request("POST", ROTATE, { body: { target: OLD_KEY } });
    expect(named.json).toMatchObject({ state: "running", target_key_id: OLD_KEY });
    const done = await rotate();
    expect(keyOf(done, NEW_KEY)).toMatchObject({ retired: true, removable: true });
    expect(keyOf(done, OLD_KEY)).toMatchObject({ retired: false });
    expect(await keysUsedBy(bot.id)).toEqual([OLD_KEY]);
    expect((await patch(bot.id, { strictness: "high" })).status).toBe(200);
  });

  it("delays the end where it is a bot, which is asked again in the next round", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    const { platform, request: ask } = workerWith(RINGS.new_and_old);
    expect((await ask("POST", ROTATE, {})).json).toMatchObject({
      errors: [{ bot_id: bot.id, store: "bot", reason: "runs_with_other_keys", final: false }],
      error_count: 1,
    });
    // The fence is up all the same.
    expectProblem(expect, await patch(bot.id, { strictness: "high" }), { status: 503, code: "key_retired" });
    expect([await stepRotation(platform), await stepRotation(platform)]).toEqual(["went_on", "round_over"]);
    const waiting = (await ask("GET", ROTATE)).json;
    expect(waiting).toMatchObject({ state: "running", progress: { round: 2, bots: { done: 0, total: 1 } } });
    expect(keyOf(waiting, OLD_KEY)).toMatchObject({ envelopes: 0, bots: 1, removable: false });
    await deploy(RINGS.new_and_old);
    expect(keyOf(await rotate(), OLD_KEY)).toMatchObject({ bots: 0, removable: true });
    expect((await status()).error_count).toBe(0);
  });

  it("gets no late envelope into the database", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    await delivered(bot.id);
    await deploy(RINGS.new_and_old);
    await request("POST", ROTATE, { body: {} });
    const row = await lateRow(bot.id, 2);
    const push = () => pushToIndex(openDb(env.DB), { kind: "config", row }, Date.now());
    await expect(push()).rejects.toThrow("retired");
    const known = env.DB.prepare("SELECT count(*) AS n FROM bot_configs WHERE id = ?").bind(row.id);
    expect(await known.first("n")).toBe(0);
    // Of a version that is there already nothing is lost: the rotation has it.
    row.version = 1;
    await expect(push()).resolves.toBeUndefined();
  });
});

describe("a secret that does not open", () => {
  it("is reported, left as it is and counted, and stops no other", async ({ expect }) => {
    simulateCloud();
    const [good, inBot, inIndex] = [await newBot(), await newBot(), await newBot()];
    await Promise.all([good, inBot, inIndex].map(({ id }) => delivered(id)));
    const damaged = `v1.${OLD_KEY}.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAA`;
    await inObject(inBot.id, ({ sql }) =>
      sql.exec("UPDATE config SET value = json_set(value, '$.llm_api_key', ?)", damaged),
    );
    const damage = env.DB.prepare("UPDATE bot_configs SET llm_api_key = ? WHERE bot_id = ?");
    await damage.bind(damaged, inIndex.id).run();
    await deploy(RINGS.new_and_old);
    const done = await rotate();
    expect(done.errors.map(({ at: _at, ...error }: { at: string }) => error)).toEqual(
      expect.arrayContaining([
        { bot_id: inBot.id, store: "bot", reason: expect.stringContaining("config 1: "), final: true },
        { bot_id: inIndex.id, store: "index", reason: expect.stringContaining("config 1: "), final: true },
      ]),
    );
    expect(done.error_count).toBe(2);
    expect(keyOf(done, OLD_KEY)).toMatchObject({ envelopes: 1, bots: 1, removable: false });
    expect(await keysUsedBy(good.id)).toEqual([NEW_KEY]);
    expect(
      await env.DB.prepare("SELECT llm_api_key FROM bot_configs WHERE bot_id = ?").bind(inIndex.id).first(),
    ).toEqual({
      llm_api_key: damaged,
    });
    // A new key for the bot mends its own store, and asking again then finds nothing left there.
    expect((await patch(inBot.id, { llm_api_key: "sk-another" })).status).toBe(200);
    await inObject(inBot.id, ({ sql }) => sql.exec("UPDATE config SET value = NULL WHERE version = 1"));
    const again = await rotate();
    expect(again.errors).toMatchObject([{ bot_id: inIndex.id, store: "index" }]);
    expect(again.started_at > done.started_at).toBe(true);
  });
});

describe("what the database lets in", () => {
  const NEVER = { state: "running", phase: "bots", cursor: null, round: 1, started_at: 0, finished_at: null } as const;

  it("is one rotation of those that begin at once, with what that one retires", async ({ expect }) => {
    const db = openDb(env.DB);
    await beginRotation(db, { ...NEVER, number: 5, target: "new" }, ["test"], 0);
    await beginRotation(db, { ...NEVER, number: 6, target: "test" }, ["new"], 0);
    const { latest, retired } = await findPresentRotation(db);
    expect([latest?.number, retired]).toEqual([5, ["test"]]);
    await beginRotation(db, { ...NEVER, number: 6, target: "test" }, ["new"], 5);
    // The first one's statements once more, as after an answer that was lost.
    await beginRotation(db, { ...NEVER, number: 5, target: "new" }, ["test"], 0);
    expect((await findPresentRotation(db)).retired).toEqual(["new"]);
  });

  it("is a new envelope only in place of the one that was read, and only of a key that is not retired", async ({
    expect,
  }) => {
    simulateCloud();
    const { id } = await newBot();
    const db = openDb(env.DB);
    const [row] = await findStaleRows(db, NEW_KEY, null, 9);
    if (row === undefined) throw new Error("no row");
    const stored = () =>
      env.DB.prepare("SELECT llm_api_key FROM bot_configs WHERE bot_id = ?").bind(id).first("llm_api_key");
    const fields = { llm_api_key: "v1.new.n.c" };
    await replaceSecrets(db, NEW_KEY, [{ row: { ...row, llm_api_key: "v1.other.n.c" }, fields }]);
    expect(await stored()).toBe(row.llm_api_key);
    await env.DB.prepare("INSERT INTO retired_keys VALUES ('new', 9)").run();
    await replaceSecrets(db, NEW_KEY, [{ row, fields }]);
    expect(await stored()).toBe(row.llm_api_key);
    await env.DB.prepare("DELETE FROM retired_keys").run();
    await replaceSecrets(db, NEW_KEY, [{ row, fields }]);
    expect(await stored()).toBe(fields.llm_api_key);
  });

  it("is a bot that needs not be asked where it was sealed with the target, and no other", async ({ expect }) => {
    simulateCloud();
    await deploy(RINGS.new_and_old);
    const { progress } = await rotate();
    expect(progress.bots).toEqual({ done: 0, total: 0 });
    await newBot();
    expect((await status()).progress.bots).toEqual({ done: 1, total: 1 });
    const third = `third:${RINGS.old.split(":")[1]}` as Ring;
    const account = await newAccount();
    await workerWith(`${third},${RINGS.new_and_old}` as Ring).request("POST", "/bots", botRequest(account));
    const shown = await status();
    expect(shown.progress.bots).toEqual({ done: 1, total: 2 });
    expect(keyOf(shown, OLD_KEY)).toMatchObject({ bots: 1, removable: false });
  });
});

describe("what is remembered of repeated requests", () => {
  it("holds no envelope, so that no rotation has to visit it", async ({ expect }) => {
    simulateCloud();
    const account_id = await newAccount();
    const headers = { "idempotency-key": "create" };
    const bot = (await request("POST", "/bots", { body: botRequest(account_id), headers })).json;
    await request("POST", `/bots/${bot.id}/config/rollback`, { body: { to_version: 1 }, headers });
    await patch(bot.id, { llm_api_key: "sk-second-key-0123456789" });
    const inD1 = JSON.stringify((await env.DB.prepare("SELECT * FROM idempotency").all()).results);
    const tables = ["answered", "event", "operation", "command", "document", "remembered", "transition"];
    const kept = await inObject(bot.id, ({ sql }) =>
      tables.map((table) => JSON.stringify(sql.exec(`SELECT * FROM ${table}`).toArray())),
    );
    expect(inD1).toContain(bot.id);
    expect(kept[0]).toContain("idem:");
    for (const text of [inD1, ...kept]) expect(text).not.toContain("v1.");
  });
});
