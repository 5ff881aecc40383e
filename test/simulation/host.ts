/**
 * A platform for one Bot outside of workerd: SQLite in memory, an alarm that fires in virtual time, and a process that
 * can die at any await. What dies leaves only what it had committed.
 */
import { admitAgent, agentConnected, agentDisconnected, agentSaid, tendChannel } from "../../src/bot/agent/channel.ts";
import { runAlarm } from "../../src/bot/alarm/run.ts";
import { claim, type Poked, poke } from "../../src/bot/calls/maintenance.ts";
import { Waiters } from "../../src/bot/calls/wait.ts";
import { openShell } from "../../src/bot/followers.ts";
import type { Policy } from "../../src/bot/model/policy.ts";
import type { Platform } from "../../src/bot/shell/ports.ts";
import type { BotShell } from "../../src/bot/shell/shell.ts";
import type { Connect } from "../../src/bot/shell/sockets.ts";
import type { Provider } from "../../src/provider/digitalocean.ts";
import type { Gate } from "../../src/provider/gate/permit.ts";
import type { VerdictRequest } from "../../src/provider/gate/verdict.ts";
import type { OutboxEntry } from "../../src/records/rows.ts";
import type { Vault } from "../../src/secrets/vault.ts";
import { type FakeSocket, FakeSockets } from "./fake-sockets.ts";
import { Process } from "./process.ts";
import { SqliteStorage } from "./sqlite-storage.ts";

export interface HostOptions {
  /** The object's own clock. */
  now: () => number;
  random: () => number;
  policy: Policy;
  provider: Provider;
  gate: Gate;
  push: (entry: OutboxEntry) => Promise<void>;
  /** Whether it has hibernated before this alarm: only its sockets, with what is attached to them, are still there. */
  hibernates: () => boolean;
  /** Called at every await, before and after it: may let the process die, or other things happen meanwhile. */
  pause: (where: string) => Promise<void>;
  /** Absent: sealing is not what is simulated, and the plain text carries its context. */
  vault?: Vault;
  /** Sees every commit that added to the history. */
  committed: (host: Host) => void;
}

const plainVault: Vault = {
  seal: async (plaintext, context) => `${context} ${plaintext}`,
  open: async (envelope, context) => {
    if (!envelope.startsWith(`${context} `)) throw new Error("sealed elsewhere");
    return envelope.slice(context.length + 1);
  },
};

export class Host {
  readonly storage = new SqliteStorage();
  readonly sockets = new FakeSockets();
  readonly #options: HostOptions;
  readonly #process: Process;
  #shell: BotShell;
  /** What the Bot logged as an error: its own bugs come to light here. */
  readonly errors: Record<string, unknown>[] = [];

  constructor(options: HostOptions) {
    this.#options = options;
    this.#process = new Process(options.pause);
    this.storage.historyGrew = () => options.committed(this);
    this.#shell = this.#boot();
  }

  /** The Bot as it is, without waking it. */
  get shell(): BotShell {
    return this.#shell;
  }

  /** The Bot as a call from outside finds it: it looks after its alarm first. */
  awake(): BotShell {
    tendChannel(this.#shell);
    this.#shell.repairAlarm();
    return this.#shell;
  }

  /** What was in memory goes; its storage and its sockets, with what is attached to them, stay. */
  hibernate(): void {
    this.#shell = this.#boot();
  }

  /** Delivers the alarm: at least once, never two at a time. */
  async fire(): Promise<void> {
    if (this.#options.hibernates() && !this.#process.busy) this.hibernate();
    const due = this.storage.takeAlarm();
    const { life } = this.#process;
    await this.whileAlive(() => runAlarm(this.#shell));
    // Whoever died without having armed anew is called again by the platform.
    if (this.#process.life !== life && this.storage.alarmAt === null) this.storage.alarmAt = due;
  }

  /** Delivers the alarm a second time, as the platform may. */
  async fireAgain(): Promise<void> {
    await this.whileAlive(() => runAlarm(this.#shell));
  }

  /** The object's own clock. */
  now(): number {
    return this.#options.now();
  }

  /** Null where the Bot does not want it. */
  connectAgent(connect: Extract<Connect, { tag: "agent" }>): FakeSocket | null {
    const shell = this.awake();
    const admitted = admitAgent(shell, connect);
    if (!admitted.ok) return null;
    const socket = this.sockets.accept("agent", admitted.value);
    agentConnected(shell, socket);
    return socket;
  }

  /** A frame from the agent. */
  receive(socket: FakeSocket, frame: unknown): void {
    agentSaid(this.awake(), socket, JSON.stringify(frame));
  }

  /** The connection ends, and the platform notices. */
  disconnect(socket: FakeSocket): void {
    this.sockets.drop(socket);
    agentDisconnected(this.#shell, socket);
  }

  /** What the sweep asks. */
  claim(request: VerdictRequest): ReturnType<typeof claim> {
    return claim(this.awake(), request);
  }

  poke(indexedRevision: number): Poked {
    return poke(this.#shell, this.storage.alarmAt, indexedRevision);
  }

  get alarmAt(): number | null {
    return this.storage.alarmAt;
  }

  /** A call into the process; null where it died during it. */
  whileAlive<T>(call: () => Promise<T>): Promise<T | null> {
    return this.#process.whileAlive(call);
  }

  die(): void {
    this.#process.die();
    this.sockets.reset();
    this.#shell = this.#boot();
  }

  #boot(): BotShell {
    return openShell(this.#platform(this.#process.life), new Waiters());
  }

  #platform(life: number): Platform {
    const { now, random, policy, provider, gate, push, vault = plainVault } = this.#options;
    const { storage } = this;
    const alive = () => this.#process.mustLive(life);
    const around = <T>(where: string, call: () => Promise<T>) => this.#process.around(life, where, call);
    return {
      sql: {
        exec: (query, ...binds) => {
          alive();
          return storage.sql.exec(query, ...binds);
        },
      },
      transactionSync: (run) => {
        alive();
        return storage.transactionSync(run);
      },
      setAlarm: (at) => {
        alive();
        storage.setAlarm(at);
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
      gate: {
        permit: (ask) => around("permit", () => gate.permit(ask)),
        report: (report) => around("report", () => gate.report(report)),
      },
      sockets: this.sockets,
      index: { push: (entry) => around("push", () => push(entry)) },
      vault: {
        seal: (text, context) => around("seal", () => vault.seal(text, context)),
        open: (envelope, context) => around("open", () => vault.open(envelope, context)),
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

/** @param prefix what the first digits are, where ids have to look alike */
export function uuid(random: () => number, prefix = ""): string {
  const hex = Array.from({ length: 32 }, (_, index) => prefix[index] ?? Math.floor(random() * 16).toString(16));
  hex[12] = "4";
  hex[16] = "8";
  const text = hex.join("");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}
