/** What the care for stored secrets reaches in production: the key ring, D1, the Bots. And the cron's part of it. */
import type { Env } from "../bindings.ts";
import { log } from "../cloudflare/log.ts";
import { randomBytes } from "../cloudflare/random.ts";
import { openDb } from "../db/client.ts";
import * as rotations from "../db/encryption-keys.ts";
import { eraseSecretsOf, findBotsToErase } from "../db/erasure.ts";
import { readSettings } from "../env.ts";
import { type ErasurePlatform, eraseSecrets } from "../secrets/erasure.ts";
import { type RotationPlatform, stepRotation } from "../secrets/key-rotation.ts";
import { openVault } from "../secrets/vault.ts";
import { tellNewBot, withBot } from "./bots.ts";

/** So many pages of a rotation in one round of the cron. */
const MAX_STEPS = 10;

export function rotationPlatform(env: Env): RotationPlatform {
  const db = openDb(env.DB);
  const { ENCRYPTION_KEYS: keys, POLICY } = readSettings(env);
  const [first, ...others] = keys;
  return {
    ring: [first.id, ...others.map(({ id }) => id)],
    vault: openVault(keys, randomBytes),
    lease_ms: POLICY.rotation_lease_ms,
    now: () => Date.now(),
    uuid: () => crypto.randomUUID(),
    present: () => rotations.findPresentRotation(db),
    begin: (rotation, retired, after) => rotations.beginRotation(db, rotation, retired, after),
    lease: (number, holder, now, until) => rotations.leaseRotation(db, number, holder, now, until),
    move: (number, holder, place) => rotations.moveRotation(db, number, holder, place),
    findUnasked: (number, after, limit) => rotations.findUnaskedBots(db, number, after, limit),
    rekey: (id, request) => withBot(env, id, (stub) => stub.rekey(request)),
    tell: (id) => tellNewBot(env, db, id),
    noteAsked: (number, ids) => rotations.noteAskedBots(db, number, ids),
    noteErrors: (number, errors) => rotations.noteRotationErrors(db, number, errors, Date.now()),
    findStaleRows: (target, after, limit) => rotations.findStaleRows(db, target, after, limit),
    replaceSecrets: (target, rows) => rotations.replaceSecrets(db, target, rows),
    forgetIndexErrors: () => rotations.forgetIndexErrors(db),
    remains: (rotation) => rotations.findRemains(db, rotation),
    log,
  };
}

export function erasurePlatform(env: Env): ErasurePlatform {
  const db = openDb(env.DB);
  return {
    now: () => Date.now(),
    retention_ms: readSettings(env).POLICY.secret_retention_ms,
    findToErase: (before, limit) => findBotsToErase(db, before, limit),
    eraseInBot: (id) => withBot(env, id, (stub) => stub.eraseSecrets()),
    eraseInIndex: (id, now) => eraseSecretsOf(db, id, now),
    log,
  };
}

/** The cron's part: goes on with a rotation that is under way, and erases what is due. One failure stops nothing else. */
export async function careForSecrets(env: Env): Promise<void> {
  await isolated("rotation", async () => {
    const platform = rotationPlatform(env);
    for (let step = 0; step < MAX_STEPS; step++) if ((await stepRotation(platform)) !== "went_on") return;
  });
  await isolated("erasure", () => eraseSecrets(erasurePlatform(env)));
}

async function isolated(part: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    log({ level: "error", event: "secrets_failed", part, detail: String(error) });
  }
}
