/**
 * A platform for one Bot outside of workerd: SQLite in memory, an alarm that fires in virtual time, and a process that
 * can die at any await. What dies leaves only what it had committed.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { OutboxEntry } from "../../src/bot/index-rows.ts";
import type { Platform, SqlValue } from "../../src/bot/platform.ts";
import type { Policy } from "../../src/bot/policy.ts";
import { runAlarm } from "../../src/bot/run.ts";
import { BotShell } from "../../src/bot/shell.ts";
import type { Provider } from "../../src/provider/digitalocean.ts";
import type { Vault } from "../../src/secrets/vault.ts";

export interface HostOptions {
  now: () => number;
  random: () => number;
  policy: Policy;
  provider: Provider;
  push: (entry: OutboxEntry) => Promise<void>;
  /** Called at every await, before and after it: may let the process die, or other things happen meanwhile. */
  pause: (where: string) => Promise<void>;
  /** Sees every commit. */
  committed: (host: Host) => void;
}

/** Sealing is not what is simulated: the plain text carries its context. */
const plainVault: Vault = {
  seal: async (plaintext, context) => `${context} ${plaintext}`,
  open: async (envelope, context) => {
    if (!envelope.startsWith(`${context} `)) throw new Error("sealed elsewhere");
    return envelope.slice(context.length + 1);
  },
};

export class Host {
  readonly #statements = new Map<string, StatementSync>();
  readonly db = new DatabaseSync(":memory:");
  readonly #options: HostOptions;
  /** When the platform will call `alarm()`; null: never. */
  alarmAt: number | null = null;
  #staged: number | null | undefined;
  #life = 0;
  #death = Promise.withResolvers<null>();
  shell: BotShell;
  running: Promise<void> | null = null;
  /** What the Bot logged as an error: its own bugs come to light here. */
  readonly errors: Record<string, unknown>[] = [];

  constructor(options: HostOptions) {
    this.#options = options;
    this.shell = this.#boot();
  }

  /** Delivers the alarm: at least once, never two at a time. */
  async fire(): Promise<void> {
    const due = this.alarmAt;
    this.alarmAt = null;
    const life = this.#life;
    this.running = this.whileAlive(() => runAlarm(this.shell)).then(() => undefined);
    await this.running;
    this.running = null;
    // Whoever died without having armed anew is called again by the platform.
    if (this.#life !== life && this.alarmAt === null) this.alarmAt = due;
  }

  /** A call into the process; null where it died during it. */
  whileAlive<T>(call: () => Promise<T>): Promise<T | null> {
    // Taken before the call: it may die within its first synchronous steps.
    const death = this.#death.promise;
    return Promise.race([call(), death]);
  }

  /** The process dies: what was in memory is gone, and what it was waiting for never comes. */
  die(): void {
    this.#life++;
    this.#death.resolve(null);
    this.#death = Promise.withResolvers<null>();
    this.shell = this.#boot();
  }

  #boot(): BotShell {
    return new BotShell(this.#platform(this.#life));
  }

  #platform(life: number): Platform {
    const { now, random, policy, provider, push, pause, committed } = this.#options;
    const alive = () => {
      if (life !== this.#life) throw new Error("a dead process reached for its platform");
    };
    const pausing = async (where: string) => {
      await pause(where);
      if (life !== this.#life) await new Promise<never>(() => undefined);
    };
    const around = async <T>(where: string, call: () => Promise<T>): Promise<T> => {
      await pausing(`before ${where}`);
      const result = await call();
      await pausing(`after ${where}`);
      return result;
    };
    return {
      sql: {
        exec: <Row extends Record<string, SqlValue>>(query: string, ...binds: SqlValue[]) => {
          alive();
          let statement = this.#statements.get(query);
          if (!statement) {
            statement = this.db.prepare(query);
            this.#statements.set(query, statement);
          }
          return statement.all(...binds) as Row[];
        },
      },
      transactionSync: (run) => {
        alive();
        this.db.exec("BEGIN");
        this.#staged = undefined;
        let result: ReturnType<typeof run>;
        try {
          result = run();
        } catch (error) {
          this.db.exec("ROLLBACK");
          this.#staged = undefined;
          throw error;
        }
        this.db.exec("COMMIT");
        if (this.#staged !== undefined) this.alarmAt = this.#staged;
        this.#staged = undefined;
        committed(this);
        return result;
      },
      setAlarm: (at) => {
        alive();
        if (this.db.isTransaction) this.#staged = at;
        else this.alarmAt = at;
      },
      now,
      random,
      randomBytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(random() * 256)),
      uuid: () => uuid(random),
      provider: {
        createDroplet: (droplet) => around("createDroplet", () => provider.createDroplet(droplet)),
        getDroplet: (id) => around("getDroplet", () => provider.getDroplet(id)),
        listDroplets: (filter) => around("listDroplets", () => provider.listDroplets(filter)),
        deleteDroplet: (id) => around("deleteDroplet", () => provider.deleteDroplet(id)),
        dropletAction: (id, type) => around("dropletAction", () => provider.dropletAction(id, type)),
        getAction: (id, action) => around("getAction", () => provider.getAction(id, action)),
        getAccount: () => around("getAccount", () => provider.getAccount()),
      },
      gate: { permit: () => around("permit", async () => ({ granted: true as const })) },
      index: { push: (entry) => around("push", () => push(entry)) },
      vault: {
        seal: (text, context) => around("seal", () => plainVault.seal(text, context)),
        open: (envelope, context) => around("open", () => plainVault.open(envelope, context)),
      },
      plan: {
        region: "nyc3",
        size: "s-1vcpu-2gb",
        image: "ubuntu-22-04-x64",
        ssh_keys: [],
        userData: (bot, token) => JSON.stringify({ bot_id: bot.id, token }),
      },
      policy,
      log: (entry) => {
        if (entry.level === "error") this.errors.push(entry);
      },
    };
  }
}

export function uuid(random: () => number): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16));
  hex[12] = "4";
  hex[16] = "8";
  const text = hex.join("");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}
