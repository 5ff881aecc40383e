/** The Worker's face: requests, the cron's pokes, the Durable Object. */
import { app } from "./api/app.ts";
import type { Env } from "./bindings.ts";
import { runScheduled } from "./fleet/scheduled.ts";

export { Bot } from "./bot/object.ts";
export { ProviderGate } from "./provider/gate/object.ts";

export default {
  fetch: app.fetch,
  async scheduled(_controller, env) {
    await runScheduled(env, Date.now());
  },
} satisfies ExportedHandler<Env>;
