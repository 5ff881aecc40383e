/**
 * The first process of the workload's unit, and as its user: does on its side what the agent asks, starts OpenClaw and says
 * how it has ended. It is told everything over the connection that is its standard input, so that no secret is in a file,
 * on a command line or among the unit's properties. It protects nobody from the workload, which may do with it as it likes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import { describeError } from "../base/log.ts";
import { BadConfigError } from "./config-file.ts";
import { type Command, Order, onLines, type Said } from "./orders.ts";
import { memoryEventsOf, OomWatch } from "./out-of-memory.ts";
import { Premises } from "./premises.ts";
import { membersOf, ownCgroup } from "./process-group.ts";

/** Of these the agent has its own. */
const OF_THIS_USER = ["HOME", "USER", "LOGNAME"];
const LEFT_MAX = 20;
const LOOK_AT_MEMORY_MS = 1000;

/** @param own the environment of this process */
export function runSteward(own: Readonly<Record<string, string | undefined>>): void {
  const talk = new Socket({ fd: 0, readable: true, writable: true });
  const steward = new Steward(talk, own);
  // The agent may be gone. A workload outlives it, until the next one ends it.
  talk.on("error", () => talk.destroy());
  talk.once("close", () => steward.bereave());
  // Whoever stops the unit asks everybody in it: this process ends with the one that it has started.
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => steward.bereave());
  onLines(talk, (line) => void steward.hear(line));
  steward.say({ hello: { uid: process.getuid?.() ?? 0 } });
}

class Steward {
  readonly #talk: Socket;
  readonly #own: Record<string, string>;
  readonly #premises = new Premises((event, fields = {}) => this.say({ log: { event, fields: { ...fields } } }));
  readonly #memory = new OomWatch(memoryEventsOf(process.pid), () => performance.now());
  #child: ChildProcess | null = null;

  constructor(talk: Socket, own: Readonly<Record<string, string | undefined>>) {
    this.#talk = talk;
    const named = OF_THIS_USER.map((name) => [name, own[name] ?? ""] as const);
    this.#own = Object.fromEntries(named.filter(([, value]) => value !== ""));
    setInterval(() => this.#memory.look(), LOOK_AT_MEMORY_MS).unref();
  }

  say(message: Said): void {
    if (this.#talk.writable) this.#talk.write(`${JSON.stringify(message)}\n`);
  }

  /** Without a workload it is of no use to anybody. */
  bereave(): void {
    if (this.#child === null) process.exit(0);
  }

  async hear(line: string): Promise<void> {
    let id = 0;
    try {
      const order = Order.parse(JSON.parse(line));
      id = order.id;
      this.say({ id, ok: await this.#carryOut(order) });
    } catch (error) {
      this.say({ id, error: describeError(error), bad_config: error instanceof BadConfigError });
    }
  }

  async #carryOut(order: Order): Promise<unknown> {
    switch (order.do) {
      case "prepare": {
        const { environment, plain_environment } = order.with;
        const own = { environment: this.#asOwn(environment), plain_environment: this.#asOwn(plain_environment) };
        // What nobody waits for any more ends with the unit.
        return await this.#premises.prepare({ ...order.with, ...own }, new AbortController().signal);
      }
      case "renew":
        return await this.#premises.renew(order.with);
      case "warn":
        await this.#premises.warn({ ...order.with, environment: this.#asOwn(order.with.environment) });
        return null;
      case "start":
        return await this.#start(order.with);
      case "term":
        this.#child?.kill("SIGTERM");
        return null;
    }
  }

  #asOwn(environment: Record<string, string>): Record<string, string> {
    return { ...environment, ...this.#own };
  }

  #start({ file, args, env, cwd }: Command): Promise<number | undefined> {
    if (this.#child !== null) throw new Error("the workload has been started already");
    // What it prints goes where this process would: to the agent, and nothing of it through here.
    const child = spawn(file, args, { cwd, env: this.#asOwn(env), stdio: ["ignore", 2, 2] });
    this.#child = child;
    child.once("exit", (code, signal) => this.#end(code, signal));
    return new Promise((started, fail) => {
      child.once("spawn", () => started(child.pid));
      child.once("error", (error) => {
        if (child.pid !== undefined) return;
        this.#child = null;
        fail(error);
      });
    });
  }

  /** systemd ends whatever is left in the unit when its first process has ended. */
  #end(code: number | null, signal: string | null): void {
    const group = ownCgroup();
    const left = group === null ? [] : membersOf({ mark: "", pid: null }, group).slice(0, LEFT_MAX);
    this.say({ ended: { code, signal, left, lacks_memory: this.#memory.recent() } });
    this.#child = null;
    if (this.#talk.destroyed) this.bereave();
    this.#talk.end(() => process.exit(0));
  }
}
