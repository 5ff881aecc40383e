/** What keeps secrets out of D1 that were sealed with a key which was rotated away from: conditions of the inserting statements. */
import { type SQL, sql } from "drizzle-orm";
import type { RetiredKeys } from "../secrets/key-rotation-plan.ts";
import { keysOf, type SealedRow } from "../secrets/sealed.ts";

/** True in SQL where some secret of the row was. */
export function sealedWithRetiredKey(row: SealedRow): SQL {
  return sql`EXISTS (SELECT 1 FROM retired_keys WHERE id IN (SELECT value FROM json_each(${JSON.stringify(keysOf(row))})))`;
}

/** True in SQL where the row still has a secret and its bot's were erased. */
export function sealedAfterErasure(row: SealedRow): SQL {
  if (keysOf(row).length === 0) return sql`(1 = 0)`;
  return sql`EXISTS (SELECT 1 FROM bots WHERE id = ${row.bot_id} AND secrets_erased_at IS NOT NULL)`;
}

/** In SQL the number of the present rotation where the row is sealed with its target, else null. */
export function presentRotationTo(row: SealedRow): SQL {
  const [key, ...others] = keysOf(row);
  if (key === undefined || key === null || others.length > 0) return sql`NULL`;
  return sql`(SELECT number FROM key_rotations WHERE number = (SELECT max(number) FROM key_rotations) AND target = ${key})`;
}

/** Every row of `retired_keys` names the rotation that wrote them all. */
export function asRetiredKeys(rows: readonly { id: string; rotation: number }[]): RetiredKeys {
  return { rotation: rows[0]?.rotation ?? 0, ids: rows.map(({ id }) => id) };
}
