/**
 * Counts what Cloudflare would bill for the objects of a world. Every call finds its Bot hibernated, as it does where
 * nobody speaks to it more often than twice a minute.
 */
import type { Host } from "./host.ts";
import type { World } from "./world.ts";

/** Nothing has happened. */
export const NOTHING = {
  /** Signs of life of agents, over either transport. */
  beats: 0,
  /** Alarms that were delivered to Bots. */
  alarms: 0,
  /** WebSocket messages that reached a Bot. A ping is answered by the runtime and reaches none. */
  frames: 0,
  /** What was asked of Bots through the Worker, by agents and by people. */
  requests: 0,
  /** What was asked of Bots by the watchdog and by the sweep. */
  pokes: 0,
  claims: 0,
  /** Rows that Bots wrote, and their alarms that were set. */
  rows_written: 0,
  rows_read: 0,
  /** Statements that Bots had D1 run. */
  d1_statements: 0,
  gate_requests: 0,
  gate_alarms: 0,
  gate_rows_written: 0,
  gate_rows_read: 0,
};
export type Counts = typeof NOTHING;

export class Meter {
  readonly #world: World;
  readonly #counted = { ...NOTHING };
  #read = { ...NOTHING };

  /** Attends the bots that are made from now on. */
  constructor(world: World) {
    this.#world = world;
    const { createBot } = world;
    world.createBot = () => {
      const id = createBot.call(world);
      this.#counted.requests++;
      this.#attend(world.host(id));
      return id;
    };
    this.#attendGate();
    this.#attendIndex();
  }

  /** What has been counted since the last time. */
  read(): Counts {
    const total = this.#total();
    const since = subtract(total, this.#read);
    this.#read = total;
    return since;
  }

  #attend(host: Host): void {
    const counted = this.#counted;
    const { awake, fire, receive, poke, claim } = host;
    host.awake = () => {
      counted.requests++;
      host.hibernate();
      return awake.call(host);
    };
    host.fire = () => {
      counted.alarms++;
      host.hibernate();
      return fire.call(host);
    };
    host.poke = (indexedRevision) => {
      counted.pokes++;
      host.hibernate();
      return poke.call(host, indexedRevision);
    };
    // These wake it by `awake`, and come from elsewhere than the Worker's routes.
    host.receive = (...frame) => {
      counted.frames++;
      counted.requests--;
      receive.apply(host, frame);
    };
    host.claim = (request) => {
      counted.claims++;
      counted.requests--;
      return claim.call(host, request);
    };
  }

  #attendGate(): void {
    const counted = this.#counted;
    const host = this.#world.gate;
    const { fire, sweep } = host;
    const { permit, report } = host.gate;
    host.fire = () => {
      counted.gate_alarms++;
      return fire.call(host);
    };
    host.sweep = (asked) => {
      counted.gate_requests++;
      sweep.call(host, asked);
    };
    host.gate.permit = (ask) => {
      counted.gate_requests++;
      return permit(ask);
    };
    host.gate.report = (said) => {
      counted.gate_requests++;
      return report(said);
    };
  }

  #attendIndex(): void {
    const { index } = this.#world;
    const { receive } = index;
    index.receive = (entry) => {
      this.#counted.d1_statements++;
      receive.call(index, entry);
    };
  }

  #total(): Counts {
    const { agents, gate, hosts } = this.#world;
    const bots = [...hosts.values()].map(({ storage }) => storage);
    return {
      ...this.#counted,
      beats: agents.beats,
      rows_written: sum(bots.map(({ rowsWritten, alarmsSet }) => rowsWritten + alarmsSet)),
      rows_read: sum(bots.map(({ rowsRead }) => rowsRead)),
      gate_rows_written: gate.storage.rowsWritten + gate.storage.alarmsSet,
      gate_rows_read: gate.storage.rowsRead,
    };
  }
}

export function subtract(counts: Counts, others: Counts): Counts {
  return mapCounts(counts, (name, count) => count - others[name]);
}

export function mapCounts(counts: Counts, change: (name: keyof Counts, count: number) => number): Counts {
  const result = { ...NOTHING };
  for (const name of Object.keys(counts) as (keyof Counts)[]) result[name] = change(name, counts[name]);
  return result;
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
