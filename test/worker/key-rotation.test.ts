import { createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, it } from "vitest";
import { insertBot } from "../../src/accounts/bots.ts";
import type { Env } from "../../src/bindings.ts";
import { openDb } from "../../src/db/client.ts";
import worker from "../../src/index.ts";
import { askForRotation, stepRotation } from "../../src/secrets/key-rotation.ts";
import { onlineBot } from "./agent.ts";
import { testWish } from "./audited.ts";
import { botRequest, newAccount, newBot, request, simulateCloud } from "./cloud.ts";
import {
  delivered,
  deploy,
  eachBeginsWith,
  inObject,
  keysUsedBy,
  NEW_KEY,
  OLD_KEY,
  RINGS,
  secretsOf,
  workerWith,
} from "./keys.ts";
import { expectProblem } from "./problems.ts";
import { keyOf, keyOfAgent, lateRow, patch, ROTATE, rotate, status } from "./rotations.ts";

eachBeginsWith(RINGS.old);

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

  it("is not begun by a body that says what cannot be", async ({ expect }) => {
    for (const body of [{ target: 5 }, { target: "" }, { target: "two words" }, { more: true }, "[]"]) {
      expectProblem(expect, await request("POST", ROTATE, { body }), { status: 422, code: "invalid_request" });
    }
    const text = { body: "{}", headers: { "content-type": "text/plain" } };
    expectProblem(expect, await request("POST", ROTATE, text), { status: 415, code: "unsupported_media_type" });
    expect((await status()).state).toBe("none");
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
    await insertBot(db, { every_account: true }, { ...accepted, config: foundling }, testWish(), Date.now());
    await deploy(RINGS.new_and_old);
    expect(await rotate()).toMatchObject({ errors: [], progress: { bots: { done: 2, total: 2 } } });
    await delivered(bot.id);
    expect([await keysUsedBy(bot.id), await keysUsedBy(id)]).toEqual([[NEW_KEY], [NEW_KEY]]);
    expect((await secretsOf(bot.id, RINGS.new)).map(({ plain }) => plain)).toContain("late");
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
