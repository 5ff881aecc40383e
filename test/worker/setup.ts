import { applyD1Migrations, reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, vi } from "vitest";
import { readSettings } from "../../src/env.ts";
import { privatesOf } from "./simulation/privates.ts";

await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);

/** The settings as they were given: tests change them in place. */
function giveBack(settings: object): void {
  Object.assign(readSettings(settings), readSettings({ ...settings }));
}

// The next file may begin in the same `workerd`: it finds what it would find in a new one.
afterAll(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  giveBack(env);
  await runInDurableObject(env.BOT.getByName("whichever"), (bot) => giveBack(privatesOf(bot).env));
  await reset();
});
