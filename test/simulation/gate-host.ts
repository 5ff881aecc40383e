/** The gate outside of workerd: the real one, over its own storage, on the virtual clock. */
import type { DigitalOcean } from "../../src/provider/digitalocean.ts";
import { defaultLimits } from "../../src/provider/gate/budget.ts";
import type { Gate } from "../../src/provider/gate/permit.ts";
import { type GatePlatform, GateShell } from "../../src/provider/gate/shell.ts";
import { SqliteStorage } from "./sqlite-storage.ts";

interface GateHostOptions {
  now: () => number;
  provider: DigitalOcean;
  countLiveBots: () => number;
  /** @throws where the Bot cannot be asked */
  claim: GatePlatform["claim"];
  indexed: (botId: string) => boolean;
  fleetId: () => string | null;
}

export class GateHost {
  readonly storage = new SqliteStorage();
  readonly #options: GateHostOptions;
  #shell: GateShell;
  readonly gate: Gate = {
    permit: async (ask) => this.#shell.permit(ask),
    report: async (report) => this.#shell.report(report),
  };

  constructor(options: GateHostOptions) {
    this.#options = options;
    this.#shell = this.#boot();
  }

  /** Eviction, a deploy: what was in memory is gone. */
  reset(): void {
    this.#shell = this.#boot();
  }

  /** The cron's wish, or a person's. */
  sweep(asked: { dry_run: boolean } | null = null): void {
    this.#shell.sweep(asked);
  }

  orphans(): ReturnType<GateShell["orphans"]> {
    return this.#shell.orphans();
  }

  async fire(): Promise<void> {
    this.storage.takeAlarm();
    await this.#shell.alarm();
  }

  #boot(): GateShell {
    const { now, provider, countLiveBots, claim, indexed, fleetId } = this.#options;
    return new GateShell({
      sql: this.storage.sql,
      transactionSync: (run) => this.storage.transactionSync(run),
      setAlarm: (at) => this.storage.setAlarm(at),
      now,
      log: () => undefined,
      getAccount: () => provider.getAccount(),
      limits: defaultLimits,
      token_fingerprint: "simulated",
      countLiveBots: async () => countLiveBots(),
      listPage: (page) => provider.listPage(page),
      deleteDroplet: (id) => provider.deleteDroplet(id),
      claim,
      indexed: async (ids) => new Set(ids.filter(indexed)),
      fleetId: async () => fleetId(),
      sweep_mode: "delete",
    });
  }
}
