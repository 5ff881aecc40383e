import { createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, it } from "vitest";
import type { Env } from "../../src/bindings.ts";
import { openDb } from "../../src/db/client.ts";
import { pushToIndex } from "../../src/db/index-feed.ts";
import { erasurePlatform } from "../../src/fleet/secrets-care.ts";
import worker from "../../src/index.ts";
import { eraseSecrets } from "../../src/secrets/erasure.ts";
import { configRow } from "../fixtures/bot.ts";
import { onlineBot } from "./agent.ts";
import { act, endOfTest, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { configure, delivered, forgetEverything, keysUsedBy, OLD_KEY, RINGS, secretsOf } from "./keys.ts";

const MONTH = 30 * 24 * 3_600_000;
const bindings = env as unknown as Env;

beforeEach(forgetEverything);
afterEach(async () => {
  await endOfTest();
  await keepFor(MONTH);
});

/** How long the secrets of a destroyed bot are kept. */
function keepFor(retention_ms: number): Promise<void> {
  return configure((settings) => {
    settings.POLICY = { ...settings.POLICY, secret_retention_ms: retention_ms };
  });
}

function runCron() {
  return worker.scheduled(createScheduledController(), bindings);
}

/** A bot with two versions that is destroyed, and everybody knows. */
async function destroyedBot(): Promise<string> {
  const { id } = await newBot({ llm_api_key: "sk-first-0123456789abcdef" });
  await request("PATCH", `/bots/${id}/config`, { body: { llm_api_key: "sk-second-0123456789abcdef" } });
  await act(id, "destroy");
  await untilBot(id, { status: "destroyed" });
  await delivered(id);
  return id;
}

async function shownOf(id: string) {
  const { data } = (await request("GET", `/bots/${id}/configs`)).json;
  const desired = (await request("GET", `/bots/${id}/config`)).json;
  type Shown = { version: number; secrets: { llm_api_key: { set: boolean; last4: string | null } } };
  return [desired, ...data].map(({ version, secrets: { llm_api_key } }: Shown) => {
    return [version, llm_api_key.set, llm_api_key.last4];
  });
}

async function erasedEvents(id: string): Promise<number> {
  const { data } = (await request("GET", `/bots/${id}/events?limit=1000`)).json;
  return data.filter(({ kind }: { kind: string }) => kind === "secrets_erased").length;
}

describe("the secrets of a destroyed bot", () => {
  it("are kept for a month, then erased by the cron, which says so", async ({ expect }) => {
    simulateCloud();
    const id = await destroyedBot();
    const living = await newBot();
    await runCron();
    expect(await shownOf(id)).toEqual([
      [2, true, "cdef"],
      [2, true, "cdef"],
      [1, true, "cdef"],
    ]);
    expect([await secretsOf(id, RINGS.old), await erasedEvents(id)]).toMatchObject([{ length: 3 }, 0]);

    await keepFor(1);
    await runCron();
    expect(await keysUsedBy(id)).toEqual([]);
    expect(await shownOf(id)).toEqual([
      [2, false, null],
      [2, false, null],
      [1, false, null],
    ]);
    const diff = await request("GET", `/bots/${id}/configs/1/diff/2`);
    expect(diff.json.changes).toEqual([{ path: "/secrets/llm_api_key", changed: true }]);
    expect((await request("GET", `/bots/${id}`)).json.status).toBe("destroyed");
    const [last] = (await request("GET", `/bots/${id}/events?limit=1000`)).json.data.slice(-1);
    expect(last).toMatchObject({ kind: "secrets_erased", sentence: expect.stringContaining("erased") });
    expect(await keysUsedBy(living.id)).toEqual([OLD_KEY]);

    await runCron();
    expect([await erasedEvents(id), await eraseSecrets(erasurePlatform(bindings))]).toMatchObject([1, { erased: 0 }]);
  });

  it("are not erased on the index's word alone", async ({ expect }) => {
    const { id } = (await onlineBot(simulateCloud())).bot;
    await delivered(id);
    await env.DB.prepare("UPDATE bots SET status = 'destroyed', since = 0 WHERE id = ?").bind(id).run();
    await keepFor(1);
    expect(await eraseSecrets(erasurePlatform(bindings))).toMatchObject({ kept: 1, erased: 0 });
    expect(await keysUsedBy(id)).toEqual([OLD_KEY]);
    expect(await secretsOf(id, RINGS.old)).toMatchObject([{ place: "D1" }, { place: "object" }]);
  });

  it("are erased in the index too where the round died between the two", async ({ expect }) => {
    simulateCloud();
    const id = await destroyedBot();
    await keepFor(1);
    const platform = erasurePlatform(bindings);
    const dying = { ...platform, eraseInIndex: () => Promise.reject(new Error("died")) };
    expect(await eraseSecrets(dying)).toMatchObject({ failed: 1 });
    expect((await secretsOf(id, RINGS.old)).map(({ place }) => place)).toEqual(["D1", "D1"]);
    expect(await eraseSecrets(platform)).toMatchObject({ erased: 1 });
    expect([await keysUsedBy(id), await erasedEvents(id)]).toEqual([[], 1]);
  });

  it("do not come back to the index by a delivery that was late", async ({ expect }) => {
    simulateCloud();
    const id = await destroyedBot();
    await keepFor(1);
    await eraseSecrets(erasurePlatform(bindings));
    const row = configRow({ id: crypto.randomUUID(), bot_id: id, version: 3, llm_api_key: "v1.test.AAAA.AAAA" });
    const push = (pushed: typeof row) => pushToIndex(openDb(env.DB), { kind: "config", row: pushed }, Date.now());
    await expect(push(row)).rejects.toThrow("erased");
    await push({ ...row, llm_api_key: "" });
    expect(await keysUsedBy(id)).toEqual([]);
  });
});
