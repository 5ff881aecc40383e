import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, vi } from "vitest";
import { giveBackSettings } from "./given.ts";

await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);

// The next file may begin in the same `workerd`: it finds what it would find in a new one.
afterAll(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await giveBackSettings();
  await reset();
});
