/**
 * Keeps one child process as it is meant to be. It alone starts and ends the child; others only say what is meant
 * (`run`, `stop`, `fail`) and read the snapshot. A new meaning supersedes the former at once.
 */
import type { ChildProcess } from "node:child_process";
import type { WorkloadState } from "../../../src/wire/enums.ts";
import { describeError } from "../base/log.ts";
import { aborted, type BackoffLimits, sleep } from "../base/timing.ts";
import { afterEnd } from "./supervision.ts";
import { type Vitals, Watch, type WatchLimits } from "./watch.ts";

export interface Plan {
  config_id: string;
  /** Writes what the child needs and starts it. */
  launch: () => Promise<Launched>;
}

export interface Launched {
  child: ChildProcess;
  /** One look; never rejects. */
  probe: (signal: AbortSignal) => Promise<Vitals>;
  /** The last line of its complaints, without secrets; null: there was none. */
  lastWords: () => string | null;
}

/** What it said last may still be on its way when it has ended; a child of its own may hold the pipe open. */
const LAST_WORDS_MS = 200;
const LAST_WORDS_CHARS = 200;

export interface Snapshot {
  state: WorkloadState;
  reason: string | null;
  /** The config that is meant to be up. */
  up: string | null;
  restarts: number;
  /** Ends of its own since the present plan was set. */
  exits: number;
  ready_for_ms: number;
  /** What a workload that has been ready is not ready for any more. */
  degraded: readonly string[];
}

export interface SupervisorDeps extends WatchLimits {
  /** Monotonic, ms. */
  now_ms: () => number;
  random: () => number;
  backoff: BackoffLimits;
  stop_timeout_ms: number;
  probe_every_ms: number;
  killTree: (pid: number) => void;
  onChange: (snapshot: Snapshot) => void;
}

interface Meaning {
  plan: Plan | null;
  /** What an absent workload is called. */
  rest: { state: "stopped" | "failed"; reason: string | null };
  superseded: AbortController;
}

interface End {
  code: number | null;
  detail: string;
}

export class Supervisor {
  readonly #deps: SupervisorDeps;
  #meaning: Meaning = meaning(null, { state: "stopped", reason: null });
  #state: WorkloadState = "stopped";
  #reason: string | null = null;
  #restarts = 0;
  #exits = 0;
  #ready_since_ms: number | null = null;
  #degraded: readonly string[] = [];
  #closed = false;
  readonly #done: Promise<void>;

  constructor(deps: SupervisorDeps) {
    this.#deps = deps;
    this.#done = this.#work();
  }

  snapshot(): Snapshot {
    return {
      state: this.#state,
      reason: this.#reason,
      up: this.#meaning.plan?.config_id ?? null,
      restarts: this.#restarts,
      exits: this.#exits,
      ready_for_ms: this.#ready_since_ms === null ? 0 : this.#deps.now_ms() - this.#ready_since_ms,
      degraded: this.#state === "running" ? this.#degraded : [],
    };
  }

  run(plan: Plan): void {
    this.#exits = 0;
    this.#mean(meaning(plan, { state: "stopped", reason: null }));
  }

  stop(reason: string): void {
    this.#mean(meaning(null, { state: "stopped", reason }));
  }

  /** Ends the child and keeps saying why. */
  fail(reason: string): void {
    this.#mean(meaning(null, { state: "failed", reason }));
  }

  /** Explains why a stopped workload is stopped. */
  explain(reason: string): void {
    if (this.#state === "stopped" && this.#meaning.plan === null) this.#set("stopped", reason);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.stop("the agent is stopping");
    await this.#done;
  }

  #mean(next: Meaning): void {
    const before = this.#meaning;
    this.#meaning = next;
    // From here on the old workload's readiness says nothing about what is meant now.
    this.#ready_since_ms = null;
    if (next.plan !== null && (this.#state === "failed" || this.#state === "running")) this.#set("starting", null);
    before.superseded.abort();
  }

  #set(state: WorkloadState, reason: string | null): void {
    if (state === this.#state && reason === this.#reason) return;
    this.#state = state;
    this.#reason = reason;
    this.#deps.onChange(this.snapshot());
  }

  async #work(): Promise<void> {
    for (;;) {
      const now = this.#meaning;
      if (now.plan !== null) {
        await this.#keepUp(now.plan, now.superseded.signal);
        continue;
      }
      this.#set(now.rest.state, now.rest.reason);
      if (this.#closed) return;
      await aborted(now.superseded.signal);
    }
  }

  async #keepUp(plan: Plan, superseded: AbortSignal): Promise<void> {
    let failures = 0;
    while (!superseded.aborted) {
      this.#set("starting", null);
      const { end, healthy_ms } = await this.#runOnce(plan, superseded);
      if (superseded.aborted) return;
      this.#exits += 1;
      const next = afterEnd({ ...end, healthy_ms, failures }, this.#deps.backoff, this.#deps.random());
      if (next.do === "give_up") {
        this.#set("failed", next.reason);
        await aborted(superseded);
        return;
      }
      failures = next.failures;
      this.#set("crashed", next.reason);
      await sleep(next.after_ms, superseded);
      if (!superseded.aborted) this.#restarts += 1;
    }
  }

  async #runOnce(plan: Plan, superseded: AbortSignal): Promise<{ end: End; healthy_ms: number }> {
    let launched: Launched;
    try {
      launched = await plan.launch();
    } catch (error) {
      return { end: { code: null, detail: `cannot start: ${describeError(error)}` }, healthy_ms: 0 };
    }
    const ended = new AbortController();
    const end = endOf(launched.child).then((how) => {
      ended.abort();
      return how;
    });
    const over = AbortSignal.any([superseded, ended.signal]);
    const { healthy_ms, hung } = await this.#watch(launched, over);
    if (!ended.signal.aborted) await this.#terminate(launched.child, ended.signal, hung);
    if (!superseded.aborted) this.#ready_since_ms = null;
    this.#degraded = [];
    const how = await end;
    if (superseded.aborted) return { end: how, healthy_ms };
    return { end: hung === null ? await explained(how, launched) : { code: null, detail: hung }, healthy_ms };
  }

  /** @returns how long the child was ready without a break, the last time, in ms; and why it is taken for hung */
  async #watch(launched: Launched, over: AbortSignal): Promise<{ healthy_ms: number; hung: string | null }> {
    const { now_ms, probe_every_ms } = this.#deps;
    const watch = new Watch(this.#deps, now_ms());
    let hung: string | null = null;
    while (!over.aborted && hung === null) {
      const vitals = await launched.probe(over);
      if (over.aborted) break;
      watch.look(vitals, now_ms());
      this.#ready_since_ms = watch.ready_since_ms;
      if (vitals.ready) this.#set("running", null);
      this.#setDegraded(watch.degraded(now_ms()));
      hung = watch.hung(now_ms());
      if (hung === null) await sleep(probe_every_ms, over);
    }
    return { healthy_ms: watch.ready_for_ms(now_ms()), hung };
  }

  #setDegraded(degraded: readonly string[]): void {
    if (degraded.join() === this.#degraded.join()) return;
    this.#degraded = degraded;
    this.#deps.onChange(this.snapshot());
  }

  async #terminate(child: ChildProcess, ended: AbortSignal, reason: string | null): Promise<void> {
    this.#set("stopping", reason);
    child.kill("SIGTERM");
    await sleep(this.#deps.stop_timeout_ms, ended);
    if (!ended.aborted && child.pid !== undefined) this.#deps.killTree(child.pid);
    await aborted(ended);
  }
}

/** With what it said last, which mostly is why. */
async function explained(how: End, { child, lastWords }: Launched): Promise<End> {
  const said = new AbortController();
  child.stderr?.once("close", () => said.abort());
  if (child.stderr?.closed !== false) said.abort();
  await sleep(LAST_WORDS_MS, said.signal);
  const words = lastWords()?.trim().slice(0, LAST_WORDS_CHARS);
  return words ? { ...how, detail: `${how.detail}: ${words}` } : how;
}

function meaning(plan: Plan | null, rest: Meaning["rest"]): Meaning {
  return { plan, rest, superseded: new AbortController() };
}

/** A child that cannot be spawned emits `error` and no `exit`. */
function endOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => {
      resolve({ code, detail: signal === null ? `exit code ${code}` : `ended by ${signal}` });
    });
    child.on("error", (error) => {
      if (child.pid === undefined) resolve({ code: null, detail: `cannot start: ${error.message}` });
    });
  });
}
