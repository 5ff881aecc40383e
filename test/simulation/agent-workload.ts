/** A simulated workload under its agent's eyes: it gets ready at once, late or never, crashes, hangs, and may outlive its agent. */
import type { HeartbeatRequest } from "../../src/wire/agent.ts";

/** What becomes of a start. */
export interface Fate {
  /** From its start until it is ready, ms; Infinity: never. */
  ready_ms: number;
  /** How often it crashes before it stays up. */
  crashes: number;
}

export const WELL: Fate = { ready_ms: 0, crashes: 0 };
/** An agent needs so long to end what another agent has left. */
const ENDING_MS = 20_000;
const HUNG_AFTER_MS = 45_000;

type Report = HeartbeatRequest["workload"];

export class AgentWorkload {
  /** Since when it runs; null: nothing of it does. */
  began_at: number | null = null;
  /** It has been ready since its start. */
  readied = false;
  /** Some start since the last boot of its machine has come so far, whatever has become of it since. */
  was_ready = false;
  #fate: Fate = WELL;
  #hangs_since: number | null = null;
  #left_since: number | null = null;
  #taken_until = 0;
  /** Being wound down: it ends then, whatever is wanted meanwhile. */
  #drained_at: number | null = null;
  #crashes = 0;
  #last_crash: string | null = null;

  /** Its agent's process is gone, and it is not. The next agent counts anew. */
  leave(now: number): void {
    if (this.began_at !== null) this.#left_since = now;
    this.#crashes = 0;
    this.#last_crash = null;
  }

  /** The machine is off or boots: nothing that ran on it does. */
  cut(): void {
    Object.assign(this, { began_at: null, readied: false, was_ready: false });
    this.#hangs_since = this.#left_since = this.#drained_at = null;
    this.#taken_until = 0;
    this.leave(0);
  }

  hang(now: number): void {
    if (this.began_at !== null) this.#hangs_since ??= now;
  }

  crash(reason: string): void {
    if (this.began_at === null) return;
    this.#end();
    this.#crashes++;
    this.#last_crash = reason;
  }

  /** Another program listens on its port until then. */
  takePort(until: number): void {
    this.#taken_until = until;
  }

  /** Its config has passed the gate, which asks for readiness. */
  prove(now: number): void {
    this.began_at ??= now;
    this.readied = this.was_ready = true;
  }

  /** Brings it to what is wanted, and says how it is. @param fateOf of a start. @param drain how long an end takes, ms */
  look(wanted: boolean, now: number, fateOf: () => Fate, drain: () => number): Report {
    return { state: this.#goOn(wanted, now, fateOf, drain), version: null, ...this.#counts(), ...this.#windDown(now) };
  }

  /** When it will have stopped; null: it is not about to. */
  get drained_at(): number | null {
    return this.#drained_at;
  }

  #windDown(now: number): Pick<Report, "wind_down"> {
    if (this.#drained_at === null) return {};
    const ends_in_s = Math.min(3600, Math.ceil((this.#drained_at - now) / 1000));
    return { wind_down: { rung: "drain", ends_in_s } };
  }

  #counts() {
    const last = this.#last_crash === null ? {} : { last_crash: this.#last_crash };
    return { restarts: this.#crashes, crashes: this.#crashes, ...last };
  }

  #goOn(wanted: boolean, now: number, fateOf: () => Fate, drain: () => number): Report["state"] {
    if (this.#drained_at !== null) {
      if (now < this.#drained_at) return "stopping";
      this.#end();
    }
    if (this.#left_since !== null) {
      if (now < this.#left_since + ENDING_MS) return "stopping";
      this.#end();
    }
    if (!wanted) {
      const takes_ms = this.began_at === null ? 0 : drain();
      if (takes_ms > 0) {
        this.#drained_at = now + takes_ms;
        return "stopping";
      }
      this.#end();
      return "stopped";
    }
    if (this.#hangs_since !== null && now >= this.#hangs_since + HUNG_AFTER_MS) {
      this.crash("hung: no answer");
      return "crashed";
    }
    if (this.began_at === null) {
      this.began_at = now;
      this.#fate = this.#fate.crashes > 0 ? { ...this.#fate, crashes: this.#fate.crashes - 1 } : fateOf();
      if (now < this.#taken_until) this.crash("another program listens on the port");
      else if (this.#fate.crashes > 0) this.crash("exit code 1");
      if (this.began_at === null) return "crashed";
    }
    if (now >= this.began_at + this.#fate.ready_ms) this.readied = this.was_ready = true;
    return this.readied ? "running" : "starting";
  }

  #end(): void {
    this.began_at = this.#hangs_since = this.#left_since = this.#drained_at = null;
    this.readied = false;
  }
}
