/** Destroyed bots whose secrets D1 still has, and their rows without them. */
import { and, asc, eq, isNotNull, isNull, lte } from "drizzle-orm";
import { ERASED, SEALED_FIELDS } from "../secrets/sealed.ts";
import { type Db, withRetry } from "./client.ts";
import { bot_configs, bots } from "./schema.ts";

export async function findBotsToErase(db: Db, before: number, limit: number): Promise<string[]> {
  const rows = await withRetry(() =>
    db
      .select({ id: bots.id })
      .from(bots)
      .where(and(eq(bots.status, "destroyed"), isNull(bots.secrets_erased_at), lte(bots.since, before)))
      .orderBy(asc(bots.since))
      .limit(limit),
  );
  return rows.map(({ id }) => id);
}

/** In one batch with the mark that keeps late envelopes out. A field that never held a secret does not pretend that it did. */
export async function eraseSecretsOf(db: Db, botId: string, now: number): Promise<void> {
  await withRetry(() =>
    db.batch([
      db.update(bots).set({ secrets_erased_at: now }).where(eq(bots.id, botId)),
      db.update(bot_configs).set({ llm_api_key_last4: null }).where(eq(bot_configs.bot_id, botId)),
      ...SEALED_FIELDS.map((field) =>
        db
          .update(bot_configs)
          .set({ [field]: ERASED })
          .where(and(eq(bot_configs.bot_id, botId), isNotNull(bot_configs[field]))),
      ),
    ]),
  );
}
