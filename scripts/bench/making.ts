/** How long a bot takes to be online where neither the cloud nor its agent takes any time: our own share. */
import { type Latency, latencyOf } from "./stats.ts";
import type { System } from "./system.ts";

export interface Making {
  /** One bot at a time: `POST /bots` until its answer, and until the bot is online. */
  alone: { bots: number; accepted_ms: Latency; online_ms: Latency };
  /** One bot at a time, somebody following its history: from the commit of each change of its status until it was there. */
  shown: { changes: number; shown_ms: Latency };
  /** So many at a time, each until it is online. */
  together: { bots: number; at_once: number; a_second: number; accepted_ms: Latency };
}

export async function measureMaking(
  { fleet }: System,
  alone: number,
  fleetSize: number,
  at_once: number,
  told: (made: number) => void,
): Promise<Making> {
  // The first one also finds out whose the token is.
  await fleet.make(1, { at_once: 1 });
  const one: { accepted: number[]; online: number[] } = { accepted: [], online: [] };
  await fleet.make(alone, { at_once: 1 }, ({ accepted_ms, online_ms }) => {
    one.accepted.push(accepted_ms);
    one.online.push(online_ms);
    told(fleet.bots.length);
  });
  const shown: number[] = [];
  await fleet.make(alone, { at_once: 1, followed: true }, ({ shown_ms }) => {
    shown.push(...shown_ms);
    told(fleet.bots.length);
  });
  const bots = Math.max(at_once, fleetSize - fleet.bots.length);
  const accepted: number[] = [];
  const began = performance.now();
  await fleet.make(bots, { at_once }, ({ accepted_ms }) => {
    accepted.push(accepted_ms);
    told(fleet.bots.length);
  });
  const a_second = bots / ((performance.now() - began) / 1000);
  return {
    alone: { bots: alone, accepted_ms: latencyOf(one.accepted), online_ms: latencyOf(one.online) },
    shown: { changes: shown.length, shown_ms: latencyOf(shown) },
    together: { bots, at_once, a_second, accepted_ms: latencyOf(accepted) },
  };
}
