/** What the cron runs, every five minutes. */
import type { Env } from "../bindings.ts";
import { watchdogPlatform } from "./platform.ts";
import { careForSecrets } from "./secrets-care.ts";
import { runWatchdog } from "./watchdog.ts";

/** @param now ms since the epoch */
export async function runScheduled(env: Env, now: number): Promise<void> {
  await runWatchdog(watchdogPlatform(env), now);
  await careForSecrets(env);
}
