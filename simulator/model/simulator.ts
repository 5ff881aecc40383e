import { imageByKey, regionBySlug, sizeBySlug } from "./catalogue.ts";
import type { Counters } from "./counters.ts";
import { defaultVpc, newDroplet } from "./create.ts";
import { FaultScript } from "./faults.ts";
import { Gateway, type RequestRecord } from "./gateway.ts";
import { DEFAULT_KNOBS, type Knobs } from "./knobs.ts";
import type { DropletRecord, DropletStatus, SimulatorState } from "./records.ts";
import { takeEffect } from "./router.ts";
import { happen, setPower } from "./transitions.ts";
import { readIncoming } from "./transport.ts";
import { type DropletView, viewDroplet } from "./views.ts";
import { type Account, type Transition, World } from "./world.ts";

export interface SimulatorOptions {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** In [0, 1). */
  random: () => number;
  /** The bearer token that is accepted; default `dop_v1_simulator`. */
  token?: string;
  team_uuid?: string;
  /** The account's quota of droplets; default 25. */
  droplet_limit?: number;
  knobs?: Partial<Knobs>;
  /** For links in answers; default `https://api.digitalocean.com`. */
  base_url?: string;
  /** The keys of the account, as ids or fingerprints; without it every key is taken to exist. */
  ssh_key_ids?: readonly (number | string)[];
  /** With a real clock: a simulated time-out waits until the caller's signal aborts, instead of failing at once. */
  hang_until_abort?: boolean;
}

/** What a test puts into the world by hand. */
export interface ForeignDroplet {
  name: string;
  tags?: readonly string[];
  region?: string;
  size?: string;
  user_data?: string;
}

/** A DigitalOcean in memory: one account, one token, no timers. It does nothing but when called. */
export class Simulator {
  readonly script: FaultScript;
  /** The latest requests, oldest first; as many as the knob `requests_kept` says. */
  readonly requests: RequestRecord[];
  readonly counters: Counters;
  /** May be changed under way. */
  readonly knobs: Knobs;
  /** May be changed under way. */
  readonly account: Account;
  readonly #now: () => number;
  readonly #world: World;
  readonly #gateway: Gateway;

  constructor(options: SimulatorOptions, state?: SimulatorState) {
    this.#now = options.now;
    this.script = new FaultScript(options.random);
    this.knobs = { ...DEFAULT_KNOBS, ...options.knobs };
    this.account = {
      team_uuid: options.team_uuid ?? "5df3e3004a17e242b7c20ca6c9fc25b701a47ece",
      droplet_limit: options.droplet_limit ?? 25,
      status: "active",
    };
    this.#world = new World({
      at: options.now(),
      knobs: this.knobs,
      account: this.account,
      base_url: options.base_url ?? "https://api.digitalocean.com",
      ssh_key_ids: options.ssh_key_ids === undefined ? null : new Set(options.ssh_key_ids),
      random: options.random,
      state,
    });
    this.counters = this.#world.counters;
    this.#gateway = new Gateway(this.#world, this.script, {
      token: options.token ?? "dop_v1_simulator",
      hang_until_abort: options.hang_until_abort ?? false,
      request_times: state?.request_times ?? [],
    });
    this.requests = this.#gateway.requests;
  }

  /** Goes on from a snapshot. What was planned still happens; the fault script starts empty. */
  static restore(state: SimulatorState, options: SimulatorOptions): Simulator {
    return new Simulator(options, structuredClone(state));
  }

  /** Stands in for the global `fetch`. A call with a text body has taken effect by the time this returns its promise. */
  fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const incoming = readIncoming(input, init);
    const ready = incoming instanceof Promise ? await incoming : incoming;
    if (ready.signal?.aborted) throw ready.signal.reason;
    this.advance();
    return this.#gateway.serve(ready);
  };

  /** The one bearer token that is accepted. */
  get token(): string {
    return this.#gateway.token;
  }

  set token(token: string) {
    this.#gateway.token = token;
  }

  /** Lets everything happen that is due, each thing at its own time. Every request does so first. */
  advance(): void {
    const world = this.#world;
    const now = this.#now();
    for (let due = world.timeline.takeDue(now); due !== undefined; due = world.timeline.takeDue(now)) {
      world.at = Math.max(world.at, due.at);
      if (due.kind === "late_call") takeEffect(world, due.call, null);
      else happen(world, due);
    }
    world.at = Math.max(world.at, now);
  }

  /** When the next thing happens by itself (ms since the epoch), or null. */
  nextDue(): number | null {
    return this.#world.timeline.next();
  }

  /** Every droplet that exists, whatever the API shows of it. */
  droplets(): DropletView[] {
    this.advance();
    return [...this.#world.droplets.values()].map((each) => viewDroplet(each, this.#world.at));
  }

  /** One droplet, or undefined once it is gone. */
  droplet(id: number): DropletView | undefined {
    this.advance();
    const droplet = this.#world.droplets.get(id);
    return droplet === undefined ? undefined : viewDroplet(droplet, this.#world.at);
  }

  /** Calls the listener for each change of a machine, at the moment it is simulated. Returns what ends that. */
  onTransition(listener: (transition: Transition) => void): () => void {
    const { listeners } = this.#world;
    listeners.push(listener);
    return () => {
      const index = listeners.indexOf(listener);
      if (index >= 0) listeners.splice(index, 1);
    };
  }

  /** The cloud as plain JSON. Faults in force are not part of it, what they have done is. */
  snapshot(): SimulatorState {
    return this.#world.state(this.#gateway.requestTimes());
  }

  /** A stranger's droplet in the same account: active, listed and tagged at once. */
  addForeignDroplet(wanted: ForeignDroplet): DropletView {
    this.advance();
    const region = regionBySlug(wanted.region ?? "nyc3");
    const size = sizeBySlug(wanted.size ?? "s-1vcpu-2gb");
    const image = imageByKey("ubuntu-22-04-x64");
    if (region === undefined || size === undefined || image === undefined) throw new Error("no such region or size");
    return this.#appear(wanted.name, {
      region: region.slug,
      size: size.slug,
      image: image.id,
      tags: [...(wanted.tags ?? [])],
      user_data: wanted.user_data ?? null,
      features: [],
      volume_ids: [],
      vpc_uuid: defaultVpc(region),
      public_networking: true,
    });
  }

  /** A second droplet with the name, tags and user-data of the first, as somebody makes from a snapshot. */
  cloneDroplet(id: number): DropletView {
    const original = this.#find(id);
    return this.#appear(original.name, structuredClone(original));
  }

  /** The droplet is gone, by nobody's command. */
  vanish(id: number): void {
    this.#world.remove(this.#find(id), "deleted");
  }

  /** The running create ends now, with the droplet active. */
  finishCreate(id: number): void {
    this.#endCreate(id, false);
  }

  /** The running create ends now as `errored`, and the droplet vanishes. */
  failCreate(id: number): void {
    this.#endCreate(id, true);
  }

  /** The machine stops: from the control panel, from inside, or because its host died. */
  powerOffByHand(id: number): void {
    setPower(this.#world, this.#find(id), false);
  }

  /** The machine starts, by somebody else's hand. */
  powerOnByHand(id: number): void {
    setPower(this.#world, this.#find(id), true);
  }

  /** Makes the API say so, whatever is true. */
  setStatus(id: number, status: DropletStatus): void {
    this.#find(id).status = status;
  }

  /** Changes the tags; they can be seen at once. */
  setTags(id: number, tags: readonly string[]): void {
    const droplet = this.#find(id);
    droplet.tags = [...tags];
    droplet.tagged_at = this.#world.at;
  }

  /** Changes the name. */
  rename(id: number, name: string): void {
    this.#find(id).name = name;
  }

  /** Leaves the droplet out of every list for a while. */
  hideFromLists(id: number, duration_ms: number): void {
    this.#find(id).omitted_until = this.#world.at + duration_ms;
  }

  #endCreate(id: number, errored: boolean): void {
    const droplet = this.#find(id);
    const action = droplet.pending_action;
    if (droplet.status !== "new") throw new Error(`droplet ${id} is not being created`);
    happen(this.#world, { kind: "create_ends", at: this.#world.at, droplet: id, action: action ?? 0, errored });
  }

  #find(id: number): DropletRecord {
    this.advance();
    const droplet = this.#world.droplets.get(id);
    if (droplet === undefined) throw new Error(`droplet ${id} does not exist`);
    return droplet;
  }

  #appear(name: string, template: Parameters<typeof newDroplet>[2]): DropletView {
    const { region, size, image, tags, user_data, features, volume_ids, vpc_uuid, public_networking } = template;
    const plain = { region, size, image, tags, user_data, features, volume_ids, vpc_uuid, public_networking };
    const world = this.#world;
    const droplet = newDroplet(world, name, plain, false);
    const { at } = world;
    Object.assign(droplet, { foreign: true, readable_at: at, listed_at: at, tagged_at: at, addressed_at: at });
    world.boot(droplet);
    return viewDroplet(droplet, at);
  }
}
