/** The Worker's face: requests, the cron's pokes, the Durable Object. */
import { app } from "./api/app.ts";
import type { Env } from "./bindings.ts";
import { watchdogPlatform } from "./fleet/platform.ts";
import { careForSecrets } from "./fleet/secrets-care.ts";
import { runWatchdog } from "./fleet/watchdog.ts";

export { Bot } from "./bot/object.ts";
export { ProviderGate } from "./provider/gate/object.ts";

export default {
  fetch: app.fetch,
  async scheduled(_controller, env) {
    await runWatchdog(watchdogPlatform(env), Date.now());
    await careForSecrets(env);
  },
} satisfies ExportedHandler<Env>;
