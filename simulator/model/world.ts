import { type Counters, newCounters } from "./counters.ts";
import { type Delay, draw, type Knobs } from "./knobs.ts";
import type { ActionRecord, DropletRecord, SimulatorState } from "./records.ts";
import { Timeline } from "./timeline.ts";
import { type DropletView, viewDroplet } from "./views.ts";

/** What happened to a machine. The process layer boots and kills real processes from this. */
export type TransitionKind =
  | "created"
  | "create_failed"
  | "active"
  | "shutting_down"
  | "off"
  | "on"
  | "rebooted"
  | "power_cycled"
  | "deleting"
  | "deleted";

export interface Transition {
  kind: TransitionKind;
  /** Milliseconds since the epoch. */
  at: number;
  droplet: DropletView;
}

/** The account that the token belongs to; a test may change it under way. */
export interface Account {
  team_uuid: string;
  droplet_limit: number;
  status: "active" | "warning" | "locked";
}

/** The state of the cloud and the few primitives that change it. It holds no opinion on HTTP. */
export class World {
  /** The moment being simulated: never later than the clock, and earlier while overdue things are caught up with. */
  at: number;
  readonly droplets: Map<number, DropletRecord>;
  readonly actions: Map<number, ActionRecord>;
  readonly timeline: Timeline;
  readonly counters: Counters;
  readonly knobs: Knobs;
  readonly account: Account;
  readonly base_url: string;
  readonly ssh_key_ids: ReadonlySet<number | string> | null;
  readonly random: () => number;
  readonly listeners: ((transition: Transition) => void)[] = [];
  #next_droplet = 412_000_001;
  #next_action = 2_036_000_001;
  #next_address = 2;
  #free_addresses: number[] = [];

  constructor(setup: {
    at: number;
    knobs: Knobs;
    account: Account;
    base_url: string;
    ssh_key_ids: ReadonlySet<number | string> | null;
    random: () => number;
    state?: SimulatorState | undefined;
  }) {
    this.at = setup.at;
    this.knobs = setup.knobs;
    this.account = setup.account;
    this.base_url = setup.base_url;
    this.ssh_key_ids = setup.ssh_key_ids;
    this.random = setup.random;
    const state = setup.state;
    this.droplets = new Map(state?.droplets.map((each) => [each.id, each]));
    this.actions = new Map(state?.actions.map((each) => [each.id, each]));
    this.timeline = new Timeline(state?.due);
    this.counters = newCounters();
    if (state === undefined) return;
    this.#next_droplet = state.next_droplet;
    this.#next_action = state.next_action;
    this.#next_address = state.next_address;
    this.#free_addresses = state.free_addresses;
    Object.assign(this.counters, state.counters, { deletes_by_droplet: new Map(state.counters.deletes_by_droplet) });
  }

  /** Draws a delay, in milliseconds. */
  draw(delay: Delay): number {
    return draw(delay, this.random);
  }

  /** Puts a droplet into the world under a new id. */
  addDroplet(record: Omit<DropletRecord, "id">): DropletRecord {
    const droplet = { id: this.#next_droplet, ...record };
    this.#next_droplet += 1;
    this.droplets.set(droplet.id, droplet);
    return droplet;
  }

  /** Starts an action. `occupies` tells whether it holds the droplet's event queue. */
  startAction(droplet: DropletRecord, type: string, occupies: boolean): ActionRecord {
    const action: ActionRecord = {
      id: this.#next_action,
      type,
      status: "in-progress",
      started_at: this.at,
      completed_at: null,
      droplet_id: droplet.id,
      region: droplet.region,
    };
    this.#next_action += 1;
    this.actions.set(action.id, action);
    if (occupies) droplet.pending_action = action.id;
    if (this.actions.size > this.knobs.actions_kept) this.#forgetOldestAction();
    return action;
  }

  /** Ends an action, if it still runs, and frees the droplet's event queue. */
  endAction(id: number, status: "completed" | "errored"): void {
    const action = this.actions.get(id);
    if (action === undefined) return;
    if (action.status === "in-progress") {
      action.status = status;
      action.completed_at = this.at;
    }
    const droplet = this.droplets.get(action.droplet_id);
    if (droplet?.pending_action === id) droplet.pending_action = null;
  }

  /** Whether the droplet's event queue refuses a further event. */
  isBusy(droplet: DropletRecord): boolean {
    return droplet.pending_action !== null || this.at < droplet.busy_until;
  }

  /** Gives the droplet its addresses and runs the machine. */
  boot(droplet: DropletRecord): void {
    droplet.powered = true;
    droplet.status = "active";
    droplet.address ??= this.#takeAddress();
    droplet.addressed_at ??= this.at + this.draw(this.knobs.ip_lag_ms);
    this.tell("active", droplet);
  }

  /** Ends the droplet. Its address goes back to the pool at once, and the next droplet gets it. */
  remove(droplet: DropletRecord, kind: "deleted" | "create_failed"): void {
    this.droplets.delete(droplet.id);
    if (droplet.pending_action !== null) this.endAction(droplet.pending_action, "errored");
    if (droplet.address !== null) this.#free_addresses.push(droplet.address);
    droplet.powered = false;
    this.tell(kind, droplet);
  }

  /** Tells the listeners. */
  tell(kind: TransitionKind, droplet: DropletRecord): void {
    if (this.listeners.length === 0) return;
    const transition = { kind, at: this.at, droplet: viewDroplet(droplet, this.at) };
    for (const listener of this.listeners) listener(transition);
  }

  /** Everything as plain JSON, shared with nothing; the request times are the limiter's to add. */
  state(request_times: number[]): SimulatorState {
    return structuredClone({
      version: 1 as const,
      droplets: [...this.droplets.values()],
      actions: [...this.actions.values()],
      due: [...this.timeline.all()],
      next_droplet: this.#next_droplet,
      next_action: this.#next_action,
      next_address: this.#next_address,
      free_addresses: this.#free_addresses,
      request_times,
      counters: { ...this.counters, deletes_by_droplet: [...this.counters.deletes_by_droplet] },
    });
  }

  #takeAddress(): number {
    const freed = this.#free_addresses.pop();
    if (freed !== undefined) return freed;
    this.#next_address += 1;
    return this.#next_address - 1;
  }

  #forgetOldestAction(): void {
    for (const action of this.actions.values()) {
      if (action.status === "in-progress") continue;
      this.actions.delete(action.id);
      return;
    }
  }
}
