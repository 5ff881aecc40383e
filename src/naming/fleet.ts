/** What a fleet, its droplets and their tags are called. */

/** One deployment's mark on what it makes: whatever carries another fleet's is not ours. */
export interface Fleet {
  prefix: string;
  tag: string;
}

/** Names and tags of the fleet's droplets. With a bot's id and generation a name stays below 63 characters. */
export function fleetOf(fleetId: string): Fleet {
  return { prefix: `sp-${fleetId}`, tag: `spawnpoint-${fleetId}` };
}

/** The droplet's whole name: unique per bot and generation, at most 63 characters. */
export function dropletName(fleet: Fleet, botId: string, generation: number): string {
  return `${fleet.prefix}-${botId.replaceAll("-", "")}-g${generation}`;
}

export function botTag(botId: string): string {
  return `bot-${botId}`;
}

export function dropletTags(fleet: Fleet, botId: string, generation: number): string[] {
  return [fleet.tag, botTag(botId), `gen-${generation}`];
}
