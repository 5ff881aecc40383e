/** Where a history begins: most of what can go wrong goes wrong with a bot that has come some way. */
import { comeUp } from "./agent-commands.ts";
import { look } from "./look.ts";
import type { Model } from "./model.ts";
import { act, create } from "./operator-commands.ts";
import { BEAT_MS, passTime } from "./time-commands.ts";
import type { World } from "./world.ts";

export const BEGINNINGS = ["with nothing", "with a bot", "with a paused bot", "with two bots"] as const;

export async function begin(model: Model, world: World, beginning: (typeof BEGINNINGS)[number]): Promise<void> {
  if (beginning === "with nothing") return;
  for (const name of beginning === "with two bots" ? ["One", "Two"] : ["One"]) {
    await look(model, world, await create(model, world, name, null));
  }
  await passTime(model, world, BEAT_MS);
  for (const bot of model.bots) await comeUp(model, world, bot);
  if (beginning !== "with a paused bot") return;
  const wish = { action: "pause", force: false, key: null } as const;
  await look(model, world, await act(model, world, model.bot(0), wish));
  await passTime(model, world, BEAT_MS);
}
