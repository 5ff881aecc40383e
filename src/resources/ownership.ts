/** Whether a resource is this bot's: the whole name is equal and no tag of ours contradicts it. Never a prefix. Pure. */
import type { Fleet } from "../naming/fleet.ts";
import type { ResourceKind } from "./kind.ts";

/** A resource as far as it shows whose it is. */
export interface Marked {
  name: string;
  tags: readonly string[];
}

/** `contradicted`: our name, but another bot's, generation's or fleet's tag. Not ours, and a person should look. */
export type Ownership = { verdict: "ours"; generation: number } | { verdict: "contradicted" } | { verdict: "foreign" };

/** Tags that begin so say whose a resource is; all others are people's. */
const OUR_TAGS = ["bot-", "gen-", "spawnpoint-"];

export function judgeOwnership(
  kind: ResourceKind,
  bot: { id: string; fleet: Fleet },
  { name, tags }: Marked,
): Ownership {
  const generation = kind.readName(name)?.generation;
  if (generation === undefined || name !== kind.name(bot.fleet, bot.id, generation)) return { verdict: "foreign" };
  // Tags are set after the create and may be late or missing: what is absent says nothing, what disagrees says no.
  const expected = kind.tags(bot.fleet, bot.id, generation);
  const agrees = tags.every((tag) => expected.includes(tag) || !OUR_TAGS.some((ours) => tag.startsWith(ours)));
  return agrees ? { verdict: "ours", generation } : { verdict: "contradicted" };
}

/** Which bot a whole name says that the resource is of; null: the name is not one that this fleet gives. */
export function namedOwner(kind: ResourceKind, fleet: Fleet, name: string): string | null {
  const read = kind.readName(name);
  return read !== null && name === kind.name(fleet, read.bot_id, read.generation) ? read.bot_id : null;
}
