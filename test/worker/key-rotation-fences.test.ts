import { env } from "cloudflare:workers";
import { describe, it } from "vitest";
import { openDb } from "../../src/db/client.ts";
import { beginRotation, findPresentRotation, findStaleRows, replaceSecrets } from "../../src/db/encryption-keys.ts";
import { pushToIndex } from "../../src/db/index-feed.ts";
import { stepRotation } from "../../src/secrets/key-rotation.ts";
import { onlineBot } from "./agent.ts";
import { botRequest, newAccount, newBot, request, simulateCloud } from "./cloud.ts";
import {
  delivered,
  deploy,
  eachBeginsWith,
  keysUsedBy,
  NEW_KEY,
  OLD_KEY,
  RINGS,
  type Ring,
  workerWith,
} from "./keys.ts";
import { expectProblem } from "./problems.ts";
import { keyOf, keyOfAgent, lateRow, patch, ROTATE, rotate, status } from "./rotations.ts";

eachBeginsWith(RINGS.old);

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
    expect([unknown.status, unknown.json.code]).toEqual([409, "key_not_current"]);
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
