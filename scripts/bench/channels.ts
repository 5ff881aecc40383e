/** What channels take that are only held, how many pings they carry, and how soon a change is with the agent. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Pushed } from "./channel-load.ts";
import { cpuSeconds, descriptorLimit, openDescriptors, residentBytes } from "./process.ts";
import type { System } from "./system.ts";
import { Channels } from "./threads.ts";

interface Held {
  channels: number;
  opened_a_second: number;
  /** Of workerd, for each channel: with its object in memory, and once that has hibernated. */
  awake_kb: number;
  asleep_kb: number;
  pings_a_second: number;
  cpu_us: number;
  load_busy: number;
  /** How often a ping reached an object. */
  woken: number;
}

export interface Channelled {
  held: Held[];
  push: Pushed & { changes: number };
}

/** Objects whose last work was so long ago have hibernated. */
const HIBERNATION_MS = 13_000;
/** Objects in memory have files open: beyond this share of what workerd may have, opening channels waits for some to go. */
const DESCRIPTORS_IN_USE = 0.6;
const OPENED_IN_A_STEP = 200;
/** A channel's socket, and its object's database, which stays open. */
const DESCRIPTORS_A_CHANNEL = 2;

/** Channels in growing numbers, and pushes over the largest. A channel is another bot's each. */
export async function measureChannels(
  system: System,
  { steps, ping_ms, changes }: { steps: number[]; ping_ms: number; changes: number },
  told: (what: string) => void,
): Promise<Channelled> {
  await system.restart();
  const { pid, url, operator, fleet } = system;
  const channels = new Channels({ url: String(url), operator, bots: fleet.bots });
  try {
    const awakened = await messagesHeard(url);
    const empty = residentBytes(pid);
    const held: Held[] = [];
    for (const wanted of steps) {
      const opened_a_second = await openChannels(channels, wanted, pid, told);
      const awake = residentBytes(pid);
      told(`${wanted} channels: waiting until their objects hibernate`);
      await sleep(HIBERNATION_MS);
      const asleep = residentBytes(pid);
      told(`${wanted} channels: pings`);
      const heard = await messagesHeard(url);
      const before = cpuSeconds(pid);
      const { pongs, seconds, busy } = await channels.ping(ping_ms);
      held.push({
        channels: wanted,
        opened_a_second,
        awake_kb: (awake - empty) / 1024 / wanted,
        asleep_kb: (asleep - empty) / 1024 / wanted,
        pings_a_second: pongs / seconds,
        cpu_us: ((cpuSeconds(pid) - before) / pongs) * 1e6,
        load_busy: busy,
        woken: (await messagesHeard(url)) - heard,
      });
    }
    if ((await messagesHeard(url)) === awakened) throw new Error("no status reached its object");
    told(`${changes} config changes`);
    return { held, push: { changes, ...(await channels.push(changes)) } };
  } finally {
    await channels.close();
  }
}

/** As many as workerd may hold. */
export function channelsPossible(pid: number): number {
  return Math.floor((descriptorLimit(pid) * 0.9) / DESCRIPTORS_A_CHANNEL);
}

/** @returns how many a second, the pauses not counted in which objects were left to hibernate */
async function openChannels(
  channels: Channels,
  wanted: number,
  pid: number,
  told: (what: string) => void,
): Promise<number> {
  const limit = descriptorLimit(pid) * DESCRIPTORS_IN_USE;
  const { open: already } = await channels.open(0);
  let open = already;
  let seconds = 0;
  while (open < wanted) {
    if (openDescriptors(pid) > limit) await sleep(HIBERNATION_MS);
    const step = await channels.open(Math.min(wanted, open + OPENED_IN_A_STEP));
    if (step.failed_with !== null) throw new Error(`a channel could not be opened: ${step.failed_with}`);
    open = step.open;
    seconds += step.seconds;
    told(`${open} of ${wanted} channels`);
  }
  return (open - already) / seconds;
}

async function messagesHeard(url: URL): Promise<number> {
  const response = await fetch(new URL("/bench/messages", url));
  return ((await response.json()) as { heard: number }).heard;
}
