/** How many requests of each kind are answered in a second, over connections that are kept open. */
import { type FleetBot, statusOf } from "./fleet.ts";
import type { Ask } from "./http-load.ts";
import { cpuSeconds } from "./process.ts";
import { type Latency, latencyOf } from "./stats.ts";
import type { System } from "./system.ts";
import { loadHttp } from "./threads.ts";

export interface HttpRate {
  what: string;
  a_second: number;
  latency_ms: Latency;
  /** Of workerd, for each answer. */
  cpu_us: number;
  /** The share of the time in which the load itself was busy. */
  load_busy: number;
}

const CONNECTIONS = 32;
const WARMUP_MS = 300;
/** Bots that are asked in turn. */
const ASKED = 1_000;

/** The floor and the heartbeat take turns, so that whatever else the machine does falls on both. */
export async function measureHttp(
  system: System,
  { rounds, round_ms, other_ms }: { rounds: number; round_ms: number; other_ms: number },
  told: (what: string) => void,
): Promise<HttpRate[]> {
  const bots = system.fleet.bots.slice(0, ASKED);
  const floor = new HttpMeasure("no-op call of an object (the floor)", bots.map(noop));
  const beat = new HttpMeasure("POST /bot/:id/heartbeat", bots.map(heartbeat));
  for (let round = 1; round <= rounds; round++) {
    told(`the floor and heartbeats, round ${round} of ${rounds}`);
    for (const measure of [floor, beat]) await measure.run(system, round_ms);
  }
  const { operator, fleet } = system;
  const listed = Math.min(ASKED, fleet.bots.length);
  const others = [
    new HttpMeasure("GET /bot/:id/config, 200", bots.map(config)),
    new HttpMeasure("GET /bot/:id/config, 304", bots.map(unchanged)),
    new HttpMeasure(
      "GET /bots/:id",
      bots.map(({ id }) => asOperator(operator, `/bots/${id}`)),
    ),
    new HttpMeasure(`GET /bots, ${listed} on a page`, [asOperator(operator, `/bots?limit=${listed}`)]),
  ];
  for (const measure of others) {
    told(measure.what);
    await measure.run(system, other_ms);
  }
  return [floor, beat, ...others].map((measure) => measure.result());
}

class HttpMeasure {
  readonly what: string;
  readonly #asks: Ask[];
  readonly #latencies: number[] = [];
  #seconds = 0;
  #cpu_s = 0;
  #busy_s = 0;

  constructor(what: string, asks: Ask[]) {
    this.what = what;
    this.#asks = asks;
  }

  async run({ url, pid }: System, for_ms: number): Promise<void> {
    const load = { url: String(url), asks: this.#asks, connections: CONNECTIONS };
    await loadHttp({ ...load, for_ms: WARMUP_MS });
    const before = cpuSeconds(pid);
    const { latencies_ms, seconds, busy, failures, failed_with } = await loadHttp({ ...load, for_ms });
    if (failures > 0) throw new Error(`${failures} requests failed; ${failed_with}`);
    this.#cpu_s += cpuSeconds(pid) - before;
    this.#seconds += seconds;
    this.#busy_s += busy * seconds;
    for (const latency of latencies_ms) this.#latencies.push(latency);
  }

  result(): HttpRate {
    const answers = this.#latencies.length;
    return {
      what: this.what,
      a_second: answers / this.#seconds,
      latency_ms: latencyOf(this.#latencies),
      cpu_us: (this.#cpu_s / answers) * 1e6,
      load_busy: this.#busy_s / this.#seconds,
    };
  }
}

function heartbeat(bot: FleetBot): Ask {
  return {
    method: "POST",
    path: `/bot/${bot.id}/heartbeat`,
    headers: { ...asAgent(bot), "content-type": "application/json" },
    body: JSON.stringify(statusOf(bot)),
    status: 200,
  };
}

/** The same request, to where nothing is done. */
function noop(bot: FleetBot): Ask {
  return { ...heartbeat(bot), path: `/bench/${bot.id}/noop` };
}

function config(bot: FleetBot): Ask {
  return { method: "GET", path: `/bot/${bot.id}/config`, headers: asAgent(bot), body: null, status: 200 };
}

function unchanged(bot: FleetBot): Ask {
  return { ...config(bot), headers: { ...asAgent(bot), "if-none-match": `"${bot.config_id}"` }, status: 304 };
}

function asAgent({ credential }: FleetBot): Record<string, string> {
  return { authorization: `Bearer ${credential}` };
}

function asOperator(operator: string, path: string): Ask {
  return { method: "GET", path, headers: { authorization: `Bearer ${operator}` }, body: null, status: 200 };
}
