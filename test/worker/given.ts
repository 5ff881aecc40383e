/** The settings that the Worker and its objects run with: as they were given, or others while a test file runs. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { readSettings } from "../../src/env.ts";
import { privatesOf } from "./simulation/privates.ts";

/** Taken before any test could change them: the files that share a `workerd` share this module. */
const GIVEN = Object.fromEntries(Object.entries(env).filter(([, value]) => typeof value === "string"));

/** Others, for whatever begins from now on. They are parsed once and held on to, so what was parsed changes in place. */
export async function changeSettings(changes: Readonly<Record<string, string>>): Promise<void> {
  const change = (settings: object) => {
    Object.assign(settings, changes);
    Object.assign(readSettings(settings), readSettings({ ...settings }));
  };
  change(env);
  // The platform hands all objects one environment, which is not the Worker's.
  await runInDurableObject(env.BOT.getByName("whichever"), (bot) => change(privatesOf(bot).env));
}

export function giveBackSettings(): Promise<void> {
  return changeSettings(GIVEN);
}
