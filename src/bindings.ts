/** What wrangler.toml binds to the Worker and its objects. */
import type { Bot } from "./bot/object.ts";
import type { ProviderGate } from "./provider/gate/object.ts";

export interface Bindings {
  BOT: DurableObjectNamespace<Bot>;
  GATE: DurableObjectNamespace<ProviderGate>;
  DB: D1Database;
  API_LIMITER: RateLimit;
  OPERATOR_LIMITER: RateLimit;
  SIGN_IN_LIMITER: RateLimit;
}

/** Everything that wrangler hands us; settings are text until `readSettings` (env.ts) has judged them. */
export type Env = Bindings & Record<string, unknown>;
