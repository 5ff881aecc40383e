/** The rotation of the encryption keys as D1 has it: where it stands, whom it has asked, and its own rows under the new key. */
import { and, asc, desc, eq, gt, type SQL, sql } from "drizzle-orm";
import type { IndexedSecrets, RotationPlatform } from "../secrets/key-rotation.ts";
import type { Census, Place, Present, Remains, Rotation, RotationError } from "../secrets/key-rotation-plan.ts";
import { SEALED_FIELDS } from "../secrets/sealed.ts";
import { type Db, withRetry } from "./client.ts";
import { insertWhere } from "./insert-where.ts";
import { bot_configs, bots, key_rotation_errors, key_rotations, retired_keys } from "./schema.ts";

const MAX_REASON_CHARS = 300;

/** Of one moment: a rotation and what another has retired would not go together. */
export async function findPresentRotation(db: Db): Promise<Present> {
  const [[row], retired] = await withRetry(() =>
    db.batch([
      db.select().from(key_rotations).orderBy(desc(key_rotations.number)).limit(1),
      db.select().from(retired_keys),
    ]),
  );
  const latest = row ? asRotation(row) : null;
  return { latest, retired: retired.map(({ id }) => id) };
}

function asRotation({ lease_holder: _holder, lease_until: _until, ...rotation }: typeof key_rotations.$inferSelect) {
  return rotation satisfies Rotation;
}

/** Of two that begin at once only one does: whoever has not seen the other's is too late. */
export async function beginRotation(
  db: Db,
  rotation: Rotation,
  retired: readonly string[],
  after: number,
): Promise<void> {
  const { number, target } = rotation;
  const begun = sql`${number} = (SELECT max(number) FROM key_rotations)`;
  await withRetry(() =>
    db.batch([
      insertWhere(
        db,
        key_rotations,
        { ...rotation, lease_until: 0 },
        sql`WHERE NOT EXISTS (SELECT 1 FROM key_rotations WHERE number > ${after})`,
      ),
      db
        .delete(retired_keys)
        .where(sql`${begun} AND (${retired_keys.id} = ${target} OR ${retired_keys.rotation} < ${number})`),
      db
        .insert(retired_keys)
        .select(sql`SELECT value, ${number} FROM json_each(${JSON.stringify(retired)}) WHERE ${begun}`)
        .onConflictDoNothing(),
      db.delete(key_rotation_errors).where(sql`${begun} AND ${key_rotation_errors.rotation} < ${number}`),
    ]),
  );
}

export async function leaseRotation(
  db: Db,
  number: number,
  holder: string,
  now: number,
  until: number,
): Promise<Rotation | null> {
  const free = sql`(${key_rotations.lease_until} <= ${now} OR ${key_rotations.lease_holder} = ${holder})`;
  const [row] = await withRetry(() =>
    db
      .update(key_rotations)
      .set({ lease_holder: holder, lease_until: until })
      .where(sql`${key_rotations.number} = ${number} AND ${key_rotations.state} = 'running' AND ${free}`)
      .returning(),
  );
  return row ? asRotation(row) : null;
}

export async function moveRotation(db: Db, number: number, holder: string, place: Place): Promise<void> {
  const { state, phase, cursor, round, finished_at } = place;
  await withRetry(() =>
    db
      .update(key_rotations)
      .set({ state, phase, cursor, round, finished_at, lease_holder: null, lease_until: 0 })
      .where(and(eq(key_rotations.number, number), eq(key_rotations.lease_holder, holder))),
  );
}

export async function findUnaskedBots(
  db: Db,
  rotation: number,
  after: string | null,
  limit: number,
): Promise<string[]> {
  const rows = await withRetry(() =>
    db
      .select({ id: bots.id })
      .from(bots)
      .where(and(unasked(rotation), after === null ? undefined : gt(bots.id, after)))
      .orderBy(asc(bots.id))
      .limit(limit),
  );
  return rows.map(({ id }) => id);
}

function unasked(rotation: number): SQL {
  return sql`coalesce(${bots.rekeyed_in}, 0) < ${rotation}`;
}

export async function noteAskedBots(db: Db, rotation: number, botIds: readonly string[]): Promise<void> {
  const ids = sql`(SELECT value FROM json_each(${JSON.stringify(botIds)}))`;
  await withRetry(() =>
    db.batch([
      db
        .update(bots)
        .set({ rekeyed_in: rotation })
        .where(sql`${bots.id} IN ${ids} AND ${unasked(rotation)}`),
      db
        .delete(key_rotation_errors)
        .where(sql`${key_rotation_errors.bot_id} IN ${ids} AND ${key_rotation_errors.store} = 'bot'`),
    ]),
  );
}

export async function noteRotationErrors(
  db: Db,
  rotation: number,
  errors: readonly RotationError[],
  now: number,
): Promise<void> {
  const [first, ...others] = errors.map(({ bot_id, store, reason, final }) => {
    const row = { reason: reason.slice(0, MAX_REASON_CHARS), final, rotation, at: now };
    return db
      .insert(key_rotation_errors)
      .values({ bot_id, store, ...row })
      .onConflictDoUpdate({ target: [key_rotation_errors.bot_id, key_rotation_errors.store], set: row });
  });
  if (first) await withRetry(() => db.batch([first, ...others]));
}

export async function forgetIndexErrors(db: Db): Promise<void> {
  await withRetry(() => db.delete(key_rotation_errors).where(eq(key_rotation_errors.store, "index")));
}

/** Rows with an envelope that does not name the target. */
export async function findStaleRows(
  db: Db,
  target: string,
  after: string | null,
  limit: number,
): Promise<IndexedSecrets[]> {
  return await withRetry(() =>
    db
      .select()
      .from(bot_configs)
      .where(and(staleFor(target), after === null ? undefined : gt(bot_configs.id, after)))
      .orderBy(asc(bot_configs.id))
      .limit(limit),
  );
}

function staleFor(target: string): SQL {
  const prefix = `v1.${target}.`;
  const stale = SEALED_FIELDS.map((field) => {
    const column = bot_configs[field];
    // Null where there never was a secret, which is not stale either.
    return sql`(${column} <> '' AND substr(${column}, 1, ${prefix.length}) <> ${prefix})`;
  });
  return sql`(${sql.join(stale, sql` OR `)})`;
}

export async function replaceSecrets(
  db: Db,
  target: string,
  rows: Parameters<RotationPlatform["replaceSecrets"]>[1],
): Promise<void> {
  const [first, ...others] = rows.flatMap(({ row, fields }) =>
    SEALED_FIELDS.flatMap((field) => {
      const [before, after] = [row[field], fields[field]];
      if (after === undefined) return [];
      const same = sql`${bot_configs.id} = ${row.id} AND ${bot_configs[field]} = ${before}`;
      const allowed = sql`NOT EXISTS (SELECT 1 FROM retired_keys WHERE id = ${target})`;
      return [
        db
          .update(bot_configs)
          .set({ [field]: after })
          .where(sql`${same} AND ${allowed}`),
      ];
    }),
  );
  if (first) await withRetry(() => db.batch([first, ...others]));
}

export async function findRemains(db: Db, { number, target }: Rotation): Promise<Remains> {
  const final = (botId: SQL, store: string) => sql`EXISTS (SELECT 1 FROM key_rotation_errors e
    WHERE e.bot_id = ${botId} AND e.store = ${store} AND e.rotation = ${number} AND e.final)`;
  const [[left], [stale], [errors]] = await withRetry(() =>
    db.batch([
      db
        .select({ count: sql<number>`count(*)` })
        .from(bots)
        .where(sql`${unasked(number)} AND NOT ${final(sql`${bots.id}`, "bot")}`),
      db
        .select({ count: sql<number>`count(*)` })
        .from(bot_configs)
        .where(sql`${staleFor(target)} AND NOT ${final(sql`${bot_configs.bot_id}`, "index")}`),
      db
        .select({ count: sql<number>`count(*)` })
        .from(key_rotation_errors)
        .where(and(eq(key_rotation_errors.rotation, number), eq(key_rotation_errors.final, true))),
    ]),
  );
  return { bots: left?.count ?? 0, rows: stale?.count ?? 0, final: errors?.count ?? 0 };
}

/** @param rotation the present one's number; 0: none was ever begun */
export async function takeCensus(db: Db, rotation: number): Promise<Census> {
  const [[fleet], envelopes] = await withRetry(() =>
    db.batch([
      db
        .select({ bots: sql<number>`count(*)`, asked: sql<number>`count(*) FILTER (WHERE NOT ${unasked(rotation)})` })
        .from(bots),
      db
        .select({ key: sql<string>`named`, count: sql<number>`count(*)` })
        .from(sql`(${sql.join(SEALED_FIELDS.map(keysNamedBy), sql` UNION ALL `)})`)
        .groupBy(sql`named`),
    ]),
  );
  // Where no rotation was ever begun nobody was asked.
  const asked = rotation === 0 ? 0 : (fleet?.asked ?? 0);
  return {
    bots: fleet?.bots ?? 0,
    asked,
    envelopes: Object.fromEntries(envelopes.map(({ key, count }) => [key, count])),
  };
}

function keysNamedBy(field: (typeof SEALED_FIELDS)[number]): SQL {
  const column = bot_configs[field];
  return sql`SELECT CASE WHEN substr(${column}, 1, 3) = 'v1.'
    THEN substr(${column}, 4, max(instr(substr(${column}, 4), '.') - 1, 0)) ELSE '' END AS named
    FROM ${bot_configs} WHERE ${column} <> ''`;
}

/** The last ones, and how many there are. */
export async function listRotationErrors(db: Db, limit: number) {
  const [rows, [all]] = await withRetry(() =>
    db.batch([
      db.select().from(key_rotation_errors).orderBy(desc(key_rotation_errors.at)).limit(limit),
      db.select({ count: sql<number>`count(*)` }).from(key_rotation_errors),
    ]),
  );
  return { errors: rows, count: all?.count ?? 0 };
}
