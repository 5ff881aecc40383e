import type { ProcessEntry } from "./process-table.ts";
import { type ActiveState, Service, type ServiceHost } from "./service.ts";
import { UnitStore } from "./unit-store.ts";

/** One line about a unit, for people and tests. */
export interface UnitView {
  name: string;
  active: ActiveState;
  enabled: boolean;
  restarts: number;
  pid: number | null;
}

/**
 * The first process of a machine, for one boot: a small part of systemd. Which units are enabled is kept on the disk;
 * everything else is forgotten with the power.
 */
export class Init {
  readonly units: UnitStore;
  readonly #host: ServiceHost;
  readonly #services = new Map<string, Service>();
  readonly #pending = new Map<string, Promise<boolean>>();
  #down = false;

  constructor(host: ServiceHost) {
    this.#host = host;
    this.units = new UnitStore(host.sandbox);
  }

  /** Starts what is enabled, as far as possible at the same time. Resolves when every start has come to its end. */
  async boot(): Promise<void> {
    await this.start(this.units.enabled());
  }

  /**
   * Starts units together with what they require or want. A unit waits for those in its `After=` that are being started
   * as well. Returns the names of the units that failed.
   */
  async start(names: readonly string[]): Promise<string[]> {
    const together = this.#withDependencies(names);
    for (const name of together) {
      if (this.#pending.has(name)) continue;
      // Registered before any of them runs, so that each sees whom it has to wait for.
      const job = Promise.resolve().then(() => this.#startOne(name));
      this.#pending.set(name, job);
      void job.finally(() => this.#pending.delete(name));
    }
    const jobs = names.map(async (name) => ({ name, ok: await (this.#pending.get(name) ?? true) }));
    return (await Promise.all(jobs)).filter(({ ok }) => !ok).map(({ name }) => name);
  }

  /** Stops a unit; one that never ran is stopped already. */
  async stop(name: string): Promise<void> {
    await this.#services.get(name)?.stop();
  }

  /** Stops everything cleanly, as at a shutdown. */
  async shutdown(): Promise<void> {
    this.#down = true;
    await Promise.all([...this.#services.values()].map((each) => each.stop()));
  }

  /** The power is gone. */
  cut(): void {
    this.#down = true;
    for (const each of this.#services.values()) each.cut();
  }

  /** The service of that name, if it was ever started in this boot. */
  service(name: string): Service | undefined {
    return this.#services.get(name);
  }

  /** Every service on the disk or in memory. */
  view(): UnitView[] {
    const names = new Set([
      ...this.units.names().filter((name) => name.endsWith(".service")),
      ...this.#services.keys(),
    ]);
    return [...names].map((name) => {
      const service = this.#services.get(name);
      return {
        name,
        active: service?.state ?? "inactive",
        enabled: this.units.isEnabled(name),
        restarts: service?.restarts ?? 0,
        pid: service?.main_pid ?? null,
      };
    });
  }

  /** The processes of all services, as last seen: process id → start time. */
  processes(): [number, number][] {
    return [...this.#services.values()].flatMap((each) => [...(each.group?.members() ?? [])]);
  }

  /** Learns which processes belong to which service. */
  observe(table: readonly ProcessEntry[]): void {
    for (const each of this.#services.values()) each.group?.observe(table);
  }

  async #startOne(name: string): Promise<boolean> {
    const unit = this.units.read(name);
    if (unit === null) return false;
    const before = unit.after.flatMap((each) => (each === name ? [] : (this.#pending.get(each) ?? [])));
    await Promise.all(before);
    const required = unit.requires.map((each) => this.#pending.get(each) ?? this.#isUp(each));
    if ((await Promise.all(required)).includes(false)) return false;
    if (this.#down) return false;
    return this.#serviceOf(name).start(unit);
  }

  #isUp(name: string): boolean {
    // Targets and units that only a whole system has (network-online.target) count as reached.
    return !name.endsWith(".service") || this.units.read(name) === null || this.#services.get(name)?.state === "active";
  }

  #withDependencies(names: readonly string[]): Set<string> {
    const together = new Set(names);
    for (const name of together) {
      const unit = this.units.read(name);
      if (unit === null) continue;
      for (const each of [...unit.requires, ...unit.wants]) {
        if (each.endsWith(".service") && this.units.read(each) !== null) together.add(each);
      }
    }
    return together;
  }

  #serviceOf(name: string): Service {
    const service = this.#services.get(name) ?? new Service(name, this.#host);
    this.#services.set(name, service);
    return service;
  }
}
