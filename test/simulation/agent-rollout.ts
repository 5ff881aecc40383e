/** A simulated agent's side of a rollout: what it holds, what it has tried, and what it has still to say. */
import type { ConfigAckRequest } from "../../src/wire/agent.ts";

/** What becomes of a config version: it runs, it does not, its agent dies of it, or nothing more is heard of it. */
export type Verdict = "runs" | "fails" | "dies" | "says_nothing";

/** How long things take on a droplet, ms. */
export interface Timing {
  apply: () => number;
  /** After an agent has died, until it speaks again. */
  away: () => number;
}

export class AgentRollout {
  held: string | null = null;
  applied: string | null = null;
  /** What has still to be said, in order. */
  readonly acks: ConfigAckRequest[] = [];
  #verdict: Verdict = "runs";
  #proven: string | null = null;
  /** Not to be tried again. */
  #spent: string | null = null;
  #applying: { until: number; died: boolean } | null = null;

  hold(config_id: string, verdict: Verdict): void {
    this.#closeJournal();
    this.held = config_id;
    this.#verdict = verdict;
    this.#applying = null;
  }

  /** The process is gone; its journal is not. */
  die(): void {
    if (this.#applying !== null) this.#applying.died = true;
  }

  /** @returns how long nothing more is heard, ms */
  goOn(working: boolean, now: number, timing: Timing): number {
    this.#closeJournal();
    if (this.held === null || this.held === this.#spent) return 0;
    if (!working) this.#accept();
    else if (this.held !== this.#proven) return this.#apply(now, timing);
    return 0;
  }

  #accept(): void {
    this.#applying = null;
    if (this.applied === this.held) return;
    this.applied = this.held;
    this.#say({ result: "applied", workload: "stopped" });
  }

  #apply(now: number, timing: Timing): number {
    this.#applying ??= { until: now + timing.apply(), died: false };
    if (now < this.#applying.until) return 0;
    switch (this.#verdict) {
      case "runs":
        this.applied = this.held;
        this.#proven = this.held;
        this.#applying = null;
        this.#say({ result: "applied", workload: "running" });
        return 0;
      case "fails":
        this.#fail("exit 78", this.#proven === null ? "failed" : "starting");
        return 0;
      case "dies":
        this.#applying.died = true;
        return timing.away();
      case "says_nothing":
        this.#spent = this.held;
        this.#applying = null;
        return 0;
    }
  }

  /** An apply that was found unfinished has failed. */
  #closeJournal(): void {
    if (this.#applying?.died) this.#fail("agent_died_during_apply", "stopped");
  }

  #fail(reason: string, workload: "starting" | "failed" | "stopped"): void {
    this.#applying = null;
    this.#spent = this.held;
    this.applied = workload === "starting" ? this.#proven : null;
    this.#say({ result: "failed", workload, reason });
  }

  #say(ack: Omit<ConfigAckRequest, "config_id">): void {
    if (this.held !== null) this.acks.push({ ...ack, config_id: this.held });
  }
}
