/** A fleet's life in virtual time: the real Bots and the real gate, with simulated agents, counted. */
import { parseSettings } from "../../bootstrap/agent/settings.ts";
import { type Counts, Meter, mapCounts, subtract } from "../../test/simulation/meter.ts";
import { MINUTE, World } from "../../test/simulation/world.ts";

export const TRANSPORTS = ["channel", "http"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Of one bot, except what is the gate's. */
export interface Counted {
  /** While nothing is asked of it. */
  day: Counts;
  /** What comes on top of that, each time. */
  create: Counts;
  config_change: Counts;
  deploy: Counts;
  /** The gate's: one sweep of a fleet that fits on one page. */
  sweep: Counts;
  stored_bytes: number;
}

const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const BOTS = 10;
/** By then everything that an event brings with it is over. */
const AFTERMATH = 30 * MINUTE;
const SETTLING = 2 * HOUR;
const SWEEPS_A_DAY = 288;

export async function count(transport: Transport): Promise<Counted> {
  const world = new World(1);
  Object.assign(world.agents, agentHabits(transport));
  const meter = new Meter(world);
  const ids = Array.from({ length: BOTS }, () => world.createBot());
  const allOnline = () => ids.every((id) => world.rests(id, "online"));
  if (!(await world.run(HOUR, allOnline))) throw new Error("a simulated bot does not come online");
  await world.run(AFTERMATH);
  const create = meter.read();
  await world.run(SETTLING);
  meter.read();
  await world.run(DAY);
  const day = meter.read();
  const extra = async (happens: () => unknown) => {
    await happens();
    await world.run(AFTERMATH);
    const quiet = mapCounts(day, (_, a_day) => (a_day * AFTERMATH) / DAY);
    return perBot(subtract(meter.read(), quiet));
  };
  const config_change = await extra(() => Promise.all(ids.map((id) => world.publish(id, { max_trades_per_day: 3 }))));
  const deploy = await extra(() => world.deploy());
  world.checkAnytime();
  if (!allOnline()) throw new Error("a simulated bot is not online any more");
  const stored_bytes = Math.max(...ids.map((id) => storedBytes(world, id)));
  world.close();
  const sweep = mapCounts(day, (name, a_day) => (name.startsWith("gate_") ? a_day / SWEEPS_A_DAY : 0));
  return { day: withoutGate(perBot(day)), create: perBot(create), config_change, deploy, sweep, stored_bytes };
}

/** How often an agent speaks without news, as its own defaults say. */
function agentHabits(transport: Transport) {
  const { config_poll_ms, channel } = parseSettings({
    CONTROL_PLANE_URL: "https://spawnpoint.example",
    BOT_ID: "00000000-0000-4000-8000-000000000000",
    DROPLET_ID: "1",
    BOOT_ID: "boot",
    STATE_DIR: "/nowhere",
  });
  return transport === "channel"
    ? { channels: 1, quiet_ms: channel.quiet_ms, poll_ms: channel.quiet_ms }
    : { channels: 0, poll_ms: config_poll_ms };
}

function perBot(counts: Counts): Counts {
  return mapCounts(counts, (_, of_all) => of_all / BOTS);
}

function withoutGate(counts: Counts): Counts {
  return mapCounts(counts, (name, counted) => (name.startsWith("gate_") ? 0 : counted));
}

function storedBytes(world: World, id: string): number {
  const [row] = world
    .host(id)
    .storage.sql.exec<{ bytes: number }>(
      "SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()",
    );
  return row?.bytes ?? 0;
}
