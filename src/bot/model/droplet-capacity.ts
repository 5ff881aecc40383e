/** How many droplets a bot keeps in mind. */
import type { BotState } from "./state.ts";

/**
 * So many droplets a bot keeps in mind at once: more than ever go wrong together. Of more that a list claims to be its
 * own, the rest is found again once these are gone.
 */
export const MAX_DROPLETS = 16;

export function roomForDroplets(bot: Pick<BotState, "droplets">): number {
  return Math.max(0, MAX_DROPLETS - bot.droplets.length);
}
