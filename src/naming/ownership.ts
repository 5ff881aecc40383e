/** Whether a droplet is this bot's: the whole name is equal and no tag of ours contradicts it. Never a prefix. */
import { botTag, dropletName, type Fleet } from "./fleet.ts";

/** A droplet as far as it shows whose it is. */
interface MarkedDroplet {
  name: string;
  tags: readonly string[];
}

/** `contradicted`: our name, but another bot's, generation's or fleet's tag. Not ours, and a person should look. */
type Ownership = { verdict: "ours"; generation: number } | { verdict: "contradicted" } | { verdict: "foreign" };

const NAME_END = /-g([1-9][0-9]{0,8})$/;

export function judgeOwnership(bot: { id: string; fleet: Fleet }, droplet: MarkedDroplet): Ownership {
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

/** Which bot a droplet's whole name says that it is of; null: the name is not one that this fleet gives. */
export function namedOwner(fleet: Fleet, name: string): string | null {
  const [hex] = /(?<=-)[0-9a-f]{32}(?=-g[1-9][0-9]{0,8}$)/.exec(name) ?? [];
  if (hex === undefined) return null;
  const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  const generation = Number(NAME_END.exec(name)?.[1]);
  return name === dropletName(fleet, id, generation) ? id : null;
}
