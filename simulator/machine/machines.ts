import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { DropletView } from "../model/views.ts";
import type { Transition } from "../model/world.ts";
import { Machine } from "./machine.ts";
import { readProcessTable } from "./process-table.ts";
import type { MachineRecord } from "./state-file.ts";

export interface MachinesSetup {
  state_dir: string;
  /** Where this simulator answers, without a slash at the end. */
  url: string;
  records: readonly MachineRecord[];
  /** Empty for the stand-in, `real` for the host's own, or an absolute path. */
  openclaw: string;
  /** Tells the cloud that a guest has switched itself off. */
  onHalted: (id: number) => void;
  onChange: () => void;
  log: (line: string) => void;
}

/** How often the process table is looked at for children that have left their parent's process group. */
const OBSERVE_MS = 250;

/** All droplets as machines: they follow what happens in the cloud. */
export class Machines {
  /** In the address of every init: what runs on one machine cannot command another by guessing. */
  readonly #keys = new Map<number, string>();
  readonly #machines = new Map<number, Machine>();
  readonly #setup: MachinesSetup;
  readonly #boots: Map<number, number>;
  readonly #leaving = new Set<Promise<void>>();

  readonly #observer: NodeJS.Timeout;
  #closed = false;

  constructor(setup: MachinesSetup) {
    // What runs is found by what the Linux kernel tells of it.
    if (process.platform !== "linux") throw new Error("droplets can be processes on Linux only");
    this.#setup = setup;
    this.#boots = new Map(setup.records.map((each) => [each.id, each.boots]));
    this.#observer = setInterval(() => this.#observe(), OBSERVE_MS);
  }

  /** Brings the machines back after the simulator was away: those that are powered boot. */
  restore(droplets: readonly DropletView[]): void {
    const directory = machinesDirectory(this.#setup.state_dir);
    const known = new Set(droplets.map((each) => String(each.id)));
    for (const name of existsSync(directory) ? readdirSync(directory) : []) {
      if (/^\d+$/.test(name) && !known.has(name)) rmSync(join(directory, name), { recursive: true, force: true });
    }
    for (const droplet of droplets) {
      if (droplet.status === "new") continue;
      const machine = this.#machineOf(droplet);
      if (droplet.powered) void machine.powerOn();
    }
  }

  /** Does to the machine what happened to the droplet. */
  follow({ kind, droplet }: Transition): void {
    if (this.#closed) return;
    switch (kind) {
      case "created":
      case "deleting":
        return;
      case "active":
      case "on":
        void this.#machineOf(droplet).powerOn();
        return;
      case "shutting_down":
        void this.#machineOf(droplet).shutdown();
        return;
      case "rebooted":
        void this.#machineOf(droplet).reboot();
        return;
      case "power_cycled":
        void this.#machineOf(droplet).powerCycle();
        return;
      case "off":
        void this.#machines.get(droplet.id)?.cut();
        return;
      case "create_failed":
      case "deleted":
        this.#remove(droplet.id);
    }
  }

  /** The machine of a droplet, or undefined before its first boot. */
  get(id: number): Machine | undefined {
    return this.#machines.get(id);
  }

  /** Whether a request to a machine's init carries its key. */
  isKey(id: number, key: string): boolean {
    return this.#keys.get(id) === key;
  }

  /** What has to be remembered of the machines. */
  records(): MachineRecord[] {
    return [...this.#machines].map(([id, machine]) => ({ id, boots: machine.boots }));
  }

  /** Process id → start time of everything that runs on any machine. */
  processes(): [number, number][] {
    return [...this.#machines.values()].flatMap((each) => each.processes());
  }

  /** Cuts every machine's power and waits until nothing is left of any. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#observer);
    await Promise.all([...[...this.#machines.values()].map((each) => each.cut()), ...this.#leaving]);
  }

  #observe(): void {
    const on = [...this.#machines.values()].filter((each) => each.state !== "off");
    if (on.length === 0) return;
    const table = readProcessTable();
    for (const each of on) each.observe(table);
  }

  #machineOf(droplet: DropletView): Machine {
    const { id } = droplet;
    const existing = this.#machines.get(id);
    if (existing !== undefined) return existing;
    const key = randomBytes(16).toString("hex");
    const machine = new Machine({
      id,
      base: join(machinesDirectory(this.#setup.state_dir), String(id)),
      boots: this.#boots.get(id) ?? 0,
      user_data: droplet.user_data,
      metadata_url: `${this.#setup.url}/_machine/${id}`,
      init_url: `${this.#setup.url}/_machine/${id}/init/${key}`,
      openclaw: this.#setup.openclaw,
      onHalted: () => this.#setup.onHalted(id),
      onChange: this.#setup.onChange,
      log: (line) => this.#setup.log(`${droplet.name} (${id}): ${line}`),
    });
    this.#keys.set(id, key);
    this.#machines.set(id, machine);
    return machine;
  }

  #remove(id: number): void {
    const machine = this.#machines.get(id);
    if (machine === undefined) return;
    this.#machines.delete(id);
    this.#keys.delete(id);
    const tombstone = join(this.#setup.state_dir, "tombstones", String(id));
    const leaving = machine.remove(tombstone).finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }
}

/** Where the machines' disks are. */
export function machinesDirectory(state_dir: string): string {
  return join(state_dir, "machines");
}
