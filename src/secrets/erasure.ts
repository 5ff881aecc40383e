/** Erases the secrets of bots that have been destroyed for long enough: first in the Bot, which decides, then in the index. */

/** Bounds one round of the cron. */
const MAX_A_RUN = 200;

/** `kept`: the bot is not destroyed, or not for long enough. */
export type Erasure = "absent" | "unreadable" | "kept" | "erased";

/** What the erasure reaches. Everything may throw. */
export interface ErasurePlatform {
  now(): number;
  retention_ms: number;
  /** Bots that the index has known as destroyed since before this time and whose secrets it may still have. */
  findToErase(before: number, limit: number): Promise<string[]>;
  eraseInBot(botId: string): Promise<Erasure>;
  eraseInIndex(botId: string, now: number): Promise<void>;
  log(entry: Record<string, unknown>): void;
}

export type ErasureCounts = Record<Erasure | "failed", number>;

/** One failure does not stop the others. */
export async function eraseSecrets(platform: ErasurePlatform): Promise<ErasureCounts> {
  const counts: ErasureCounts = { absent: 0, unreadable: 0, kept: 0, erased: 0, failed: 0 };
  const now = platform.now();
  const ids = await platform.findToErase(now - platform.retention_ms, MAX_A_RUN);
  for (const bot_id of ids) {
    try {
      const erasure = await platform.eraseInBot(bot_id);
      if (erasure === "erased") await platform.eraseInIndex(bot_id, now);
      counts[erasure]++;
    } catch (error) {
      counts.failed++;
      platform.log({ level: "error", event: "erasure_failed", bot_id, detail: String(error) });
    }
  }
  if (ids.length > 0) platform.log({ event: "secrets_erased", ...counts });
  return counts;
}
