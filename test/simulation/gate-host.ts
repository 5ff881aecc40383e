/** The gate outside of workerd: the real one, over its own storage, on the virtual clock; its process can die too. */
import type { DigitalOcean } from "../../src/provider/digitalocean.ts";
import { defaultLimits } from "../../src/provider/gate/budget.ts";
import type { Gate } from "../../src/provider/gate/permit.ts";
import { type GatePlatform, GateShell, type NamedBots } from "../../src/provider/gate/shell.ts";
import { Process } from "./process.ts";
import { SqliteStorage } from "./sqlite-storage.ts";

type Reached = Pick<GatePlatform, "claim" | "indexed" | "fleetId" | "countLiveBots">;

interface GateHostOptions extends Reached {
  /** The object's own clock. */
  now: () => number;
  provider: DigitalOcean;
  /** Which token is in force. */
  fingerprint: () => string;
  /** Called at every await of the gate's alarm, before and after it. */
  pause: (where: string) => Promise<void>;
}

export class GateHost {
  readonly storage = new SqliteStorage();
  readonly #options: GateHostOptions;
  readonly #process: Process;
  #shell: GateShell;
  readonly gate: Gate = {
    permit: async (ask) => this.#shell.permit(ask),
    report: async (report) => this.#shell.report(report),
  };

  constructor(options: GateHostOptions) {
    this.#options = options;
    this.#process = new Process(options.pause);
    this.#shell = this.#boot();
  }

  /** Eviction, a deploy: what was in memory is gone. */
  die(): void {
    this.#process.die();
    this.#shell = this.#boot();
  }

  /** The cron's wish, or a person's. */
  sweep(asked: { dry_run: boolean } | null = null): void {
    this.#shell.sweep(asked);
  }

  /** @throws where the gate dies during it */
  async namedBots(page: number): Promise<NamedBots> {
    const named = await this.#process.whileAlive(() => this.#shell.namedBots(page));
    if (named === null) throw new Error("the gate was reset");
    return named;
  }

  /** Whether it knows whose token it has been given: the first team that it meets is ours. */
  hasTeam(): boolean {
    return this.#shell.status().team_uuid !== null;
  }

  orphans(): ReturnType<GateShell["orphans"]> {
    return this.#shell.orphans();
  }

  async fire(): Promise<void> {
    const due = this.storage.takeAlarm();
    const { life } = this.#process;
    await this.#process.whileAlive(() => this.#shell.alarm());
    if (this.#process.life !== life && this.storage.alarmAt === null) this.storage.alarmAt = due;
  }

  /** Delivers the alarm a second time, as the platform may. */
  async fireAgain(): Promise<void> {
    await this.#process.whileAlive(() => this.#shell.alarm());
  }

  #boot(): GateShell {
    const { now, provider, fingerprint, claim, indexed, fleetId, countLiveBots } = this.#options;
    const { life } = this.#process;
    const alive = () => this.#process.mustLive(life);
    const around = <T>(where: string, call: () => Promise<T>) => this.#process.around(life, where, call);
    return new GateShell({
      sql: {
        exec: (query, ...binds) => {
          alive();
          return this.storage.sql.exec(query, ...binds);
        },
      },
      transactionSync: (run) => {
        alive();
        return this.storage.transactionSync(run);
      },
      setAlarm: (at) => {
        alive();
        this.storage.setAlarm(at);
      },
      now,
      log: () => undefined,
      getAccount: () => around("getAccount", () => provider.getAccount()),
      limits: defaultLimits,
      token_fingerprint: fingerprint(),
      countLiveBots: () => around("countLiveBots", countLiveBots),
      listPage: (page) => around("listPage", () => provider.listPage(page)),
      deleteDroplet: (id) => around("deleteDroplet", () => provider.deleteDroplet(id)),
      claim: (id, request) => around("claim", () => claim(id, request)),
      indexed: (ids) => around("indexed", () => indexed(ids)),
      fleetId: () => around("fleetId", fleetId),
      sweep_mode: "delete",
    });
  }
}
