/** Whether a droplet is this bot's: the whole name is equal and no tag of ours contradicts it. Never a prefix. */
import type { ProviderDroplet } from "../provider/schema.ts";
import { type BotState, botTag, dropletName } from "./state.ts";

/** `contradicted`: our name, but another bot's, generation's or fleet's tag. Not ours, and a person should look. */
type Ownership = { verdict: "ours"; generation: number } | { verdict: "contradicted" } | { verdict: "foreign" };

const NAME_END = /-g([1-9][0-9]{0,8})$/;

export function judgeOwnership(bot: Pick<BotState, "id" | "fleet">, droplet: ProviderDroplet): Ownership {
  const generation = Number(NAME_END.exec(droplet.name)?.[1]);
  if (!Number.isInteger(generation) || droplet.name !== dropletName(bot.fleet, bot.id, generation)) {
    return { verdict: "foreign" };
  }
  // Tags are set after the create and may be late or missing: what is absent says nothing, what disagrees says no.
  const agrees = droplet.tags.every((tag) => {
    if (tag.startsWith("bot-")) return tag === botTag(bot.id);
    if (tag.startsWith("gen-")) return tag === `gen-${generation}`;
    return !tag.startsWith("spawnpoint-") || tag === bot.fleet.tag;
  });
  return agrees ? { verdict: "ours", generation } : { verdict: "contradicted" };
}
