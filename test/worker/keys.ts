/** Key rings of the test, who runs with which, and every envelope that is stored anywhere. */
import { abortAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach } from "vitest";
import type { Env } from "../../src/bindings.ts";
import { randomBytes } from "../../src/cloudflare/random.ts";
import { readSettings, type Settings } from "../../src/env.ts";
import { rotationPlatform } from "../../src/fleet/secrets-care.ts";
import type { Bot } from "../../src/index.ts";
import { type SealedRow, sealedFields } from "../../src/secrets/sealed.ts";
import { keyIdOf, openVault, parseKeyring } from "../../src/secrets/vault.ts";
import { endOfTest, eventually } from "./cloud.ts";
import { operatorToken, testSecrets } from "./settings.ts";
import { workerWith as workerWithSettings } from "./with-settings.ts";

const OLD = testSecrets.ENCRYPTION_KEYS;
const NEW = `new:${btoa(String.fromCharCode(...randomBytes(32)))}`;
/** The order is that of ENCRYPTION_KEYS: the first seals. */
export const RINGS = { old: OLD, new_and_old: `${NEW},${OLD}`, old_and_new: `${OLD},${NEW}`, new: NEW } as const;
export type Ring = (typeof RINGS)[keyof typeof RINGS];
export const [OLD_KEY, NEW_KEY] = ["test", "new"];

// The test's own type of the bindings has no room for the settings, which are there all the same.
const bindings = env as unknown as Env;

/** Another deploy: from here on the Worker and all its objects have this ring. */
export function deploy(ring: Ring): Promise<void> {
  return configure((settings) => {
    settings.ENCRYPTION_KEYS = parseKeyring(ring);
  });
}

export async function configure(change: (settings: Settings) => void): Promise<void> {
  change(readSettings(env));
  await runInDurableObject(env.BOT.getByName("whichever"), (bot: Bot) => {
    // All objects of the test are given one and the same environment, which is not the Worker's.
    change(readSettings((bot as unknown as { env: object }).env));
  });
  await abortAllDurableObjects();
}

/** A Worker of another deploy, beside the one that runs. */
export function workerWith(ring: Ring) {
  const settings = { ENCRYPTION_KEYS: ring };
  const ask = workerWithSettings(settings);
  return {
    platform: rotationPlatform({ ...bindings, ...settings } as Env),
    request: (method: string, path: string, body?: unknown) => ask(method, path, { token: operatorToken, body }),
  };
}

/** Each test of the file begins with this ring and no bots, and leaves none that still work. */
export function eachBeginsWith(ring: Ring, end: () => Promise<void> = endOfTest): void {
  beforeEach(async () => {
    await forgetEverything();
    await deploy(ring);
  });
  afterEach(async () => {
    await end();
    await deploy(RINGS.old);
  });
}

/** Bots of earlier tests are none of this one's; their objects are silent. */
export async function forgetEverything(): Promise<void> {
  const tables = ["key_rotation_errors", "key_rotations", "retired_keys", "bot_configs", "droplets", "bots"];
  await env.DB.batch(tables.map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
}

/** Without waking the Bot. */
export function inObject<T>(botId: string, run: (storage: DurableObjectStorage) => T | Promise<T>): Promise<T> {
  return runInDurableObject(env.BOT.getByName(botId), (_bot: Bot, { storage }) => run(storage));
}

/** Waits until the index knows all that the bot has to tell. */
export function delivered(botId: string): Promise<void> {
  return eventually(async () => {
    const waiting = await inObject(botId, ({ sql }) => sql.exec("SELECT key FROM outbox").toArray());
    if (waiting.length > 0) throw new Error("the outbox is not empty yet");
  });
}

/** Every row that holds a secret: in D1, in the object, and in the object's outbox. */
async function sealedRows(botId: string): Promise<{ place: string; row: SealedRow }[]> {
  const { results } = await env.DB.prepare("SELECT * FROM bot_configs WHERE bot_id = ?").bind(botId).all<SealedRow>();
  const texts = await inObject(botId, ({ sql }) => {
    // Nobody may have told it yet that there is a bot.
    if (sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'config'").toArray().length === 0) return [];
    const queries = [
      "SELECT value FROM config WHERE value IS NOT NULL",
      "SELECT json_extract(value, '$.row') AS value FROM outbox WHERE key LIKE 'config:%'",
    ];
    return queries.flatMap((query) => sql.exec<{ value: string }>(query).toArray());
  });
  return [
    ...results.map((row) => ({ place: "D1", row })),
    ...texts.map(({ value }) => ({ place: "object", row: JSON.parse(value) as SealedRow })),
  ];
}

/** What is stored of a bot's secrets, in plain text. @throws where one does not open with this ring */
export async function secretsOf(botId: string, ring: Ring) {
  const vault = openVault(parseKeyring(ring), randomBytes);
  const rows = await sealedRows(botId);
  return Promise.all(
    rows.flatMap(({ place, row }) =>
      sealedFields(row).map(async ({ envelope, context }) => {
        return { place, version: row.version, key: keyIdOf(envelope), plain: await vault.open(envelope, context) };
      }),
    ),
  );
}

/** Ids of the keys that the bot's stored secrets name. */
export async function keysUsedBy(botId: string): Promise<(string | null)[]> {
  const used = (await sealedRows(botId))
    .flatMap(({ row }) => sealedFields(row))
    .map(({ envelope }) => keyIdOf(envelope));
  return [...new Set(used)];
}
