/**
 * Keeps one child process as it is meant to be. It alone starts and ends the child; others only say what is meant
 * (`run`, `stop`, `fail`) and read the snapshot. A new meaning supersedes the former at once.
 */
import { MAX_DEGRADED } from "../../../src/wire/agent.ts";
import type { WorkloadState } from "../../../src/wire/enums.ts";
import { describeError, type Log } from "../base/log.ts";
import { aborted, type BackoffLimits, sleep } from "../base/timing.ts";
import { type Admission, Admitting } from "./admission.ts";
import { BadConfigError } from "./config-file.ts";
import type { Gateway } from "./gateway-client.ts";
import type { WorkloadProcess } from "./site.ts";
import { afterEnd, suspectsConfig } from "./supervision.ts";
import { type Vitals, Watch, type WatchLimits } from "./watch.ts";
import { windDown } from "./wind-down.ts";
import { type LadderLimits, ladderLeft, type Rung } from "./wind-down-rules.ts";

export interface Plan {
  config_id: string;
  /** Writes what the child needs and starts it. @throws {BadConfigError} where it cannot work with this config */
  launch: (superseded: AbortSignal) => Promise<Launched>;
  /** Writes what a running child reads anew by itself. @returns false where it has to be started anew instead */
  renew: () => Promise<boolean>;
}

export interface Launched {
  child: WorkloadProcess;
  /** One look; never rejects. */
  probe: (signal: AbortSignal) => Promise<Vitals>;
  /** What explains its end: the last line of its complaints, without secrets, or that memory ran out; null: nothing. */
  lastWords: () => string | null;
  /** What had to be repaired for it, as a sentence. */
  repaired: string | null;
  /** Whether OpenClaw has called its config valid. */
  checked: boolean;
  /** To be called once it has been ready for a while; never throws. */
  healthy: () => void;
  /** To be called once it answers, and to be waited for before it counts as running; never rejects. */
  admit: (over: AbortSignal) => Promise<Admission>;
  /** To be called where it has ended with nothing in flight; never throws. */
  settled: () => void;
  /** Null: it speaks no RPC. */
  gateway: (() => Promise<Gateway>) | null;
  /** Tells what trades in it that it is about to be stopped. */
  warn: (end: { reason: string | null; within_ms: number }) => Promise<void>;
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
  /** Ends of its own since the agent has started, and why the last one was; null: there was none. */
  crashes: number;
  last_crash: string | null;
  /** Ends of its own since the present plan was set. */
  exits: number;
  /** Those of them that the config may have caused. */
  suspect_exits: number;
  /** Children that have ended, for whatever reason, since the agent has started. */
  ends: number;
  /** Interrupted runs that were aborted since the agent has started. */
  aborted_runs: number;
  ready_for_ms: number;
  /** What a workload that has been ready is not ready for any more. */
  degraded: readonly string[];
  /** The rung of its way down, and how long the rest of it takes at most, ms; null: it is not being stopped. */
  wind_down: { rung: Rung; left_ms: number } | null;
}

export interface SupervisorDeps extends WatchLimits {
  /** Monotonic, ms. */
  now_ms: () => number;
  random: () => number;
  backoff: BackoffLimits;
  ladder: LadderLimits;
  /** For a workload that comes back at once, and for an agent that is itself being stopped. */
  short_drain_ms: { restart: number; close: number };
  uuid: () => string;
  log: Log;
  probe_every_ms: number;
  /** Ready for this long, a start counts as healthy. */
  healthy_after_ms: number;
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
  bad_config: boolean;
  suspect: boolean;
}

const NEVER_BEGAN = { code: null, bad_config: false, suspect: false };

interface Life {
  /** How long it was ready without a break, the last time, ms. */
  healthy_ms: number;
  /** Why it is taken for hung; null: it is not. */
  hung: string | null;
  /** Why it must not run with its config; null: it may. */
  refusal: string | null;
}

const UNBORN: Life = { healthy_ms: 0, hung: null, refusal: null };

export class Supervisor {
  readonly #deps: SupervisorDeps;
  #meaning: Meaning = meaning(null, { state: "stopped", reason: null });
  #state: WorkloadState = "stopped";
  #reason: string | null = null;
  #restarts = 0;
  #crashes = 0;
  #last_crash: string | null = null;
  #exits = 0;
  #suspect_exits = 0;
  #ends = 0;
  #aborted_runs = 0;
  /** Readiness before says nothing of what is meant now. */
  #judged_from_ms = 0;
  #ready_since_ms: number | null = null;
  #degraded: readonly string[] = [];
  #closed = false;
  #force = new AbortController();
  #down: { rung: Rung; since_ms: number } | null = null;
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
      crashes: this.#crashes,
      last_crash: this.#last_crash,
      exits: this.#exits,
      suspect_exits: this.#suspect_exits,
      ends: this.#ends,
      aborted_runs: this.#aborted_runs,
      ready_for_ms:
        this.#ready_since_ms === null ? 0 : this.#deps.now_ms() - Math.max(this.#ready_since_ms, this.#judged_from_ms),
      degraded: this.#state === "running" ? this.#degraded : [],
      wind_down: this.#windDown(),
    };
  }

  run(plan: Plan): void {
    this.#forgetExits();
    this.#mean(meaning(plan, { state: "stopped", reason: null }));
  }

  /** Goes on with the running child under another plan. @returns false where that takes a start, which is the caller's */
  async renew(plan: Plan): Promise<boolean> {
    const meant = this.#meaning;
    if (this.#state !== "running" || meant.plan === null || this.#ready_since_ms === null) return false;
    if (!(await plan.renew())) return false;
    // It may have ended meanwhile, or be meant to.
    if (this.#meaning !== meant || this.#state !== "running") return false;
    meant.plan = plan;
    this.#forgetExits();
    this.#ready_since_ms = null;
    this.#judged_from_ms = this.#deps.now_ms();
    this.#deps.onChange(this.snapshot());
    return true;
  }

  stop(reason: string): void {
    this.#mean(meaning(null, { state: "stopped", reason }));
  }

  /** Whatever ends the present child does not wait for what it has in flight. */
  hurry(): void {
    this.#force.abort();
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

  #forgetExits(): void {
    this.#exits = 0;
    this.#suspect_exits = 0;
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
        await this.#keepUp(now, now.superseded.signal);
        continue;
      }
      this.#set(now.rest.state, now.rest.reason);
      if (this.#closed) return;
      await aborted(now.superseded.signal);
    }
  }

  async #keepUp(meant: Meaning, superseded: AbortSignal): Promise<void> {
    let failures = 0;
    while (!superseded.aborted && meant.plan !== null) {
      this.#set("starting", null);
      const { end, healthy_ms, refusal } = await this.#runOnce(meant.plan, superseded);
      if (superseded.aborted) return;
      if (refusal !== null) {
        this.#set("failed", refusal);
        await aborted(superseded);
        return;
      }
      this.#exits += 1;
      if (end.suspect) this.#suspect_exits += 1;
      this.#crashes += 1;
      this.#last_crash = end.detail;
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

  async #runOnce(plan: Plan, superseded: AbortSignal): Promise<Life & { end: End }> {
    let launched: Launched;
    this.#force = new AbortController();
    try {
      launched = await plan.launch(superseded);
    } catch (error) {
      const bad_config = error instanceof BadConfigError;
      const detail = bad_config ? error.message : `cannot start: ${describeError(error)}`;
      return { ...UNBORN, end: { ...NEVER_BEGAN, detail, bad_config } };
    }
    if (!superseded.aborted) this.#set("starting", launched.repaired);
    const ended = new AbortController();
    const end = endOf(launched).then((how) => {
      ended.abort();
      return how;
    });
    const over = AbortSignal.any([superseded, ended.signal]);
    const life = await this.#watch(launched, over);
    const { hung } = life;
    if (!ended.signal.aborted) await this.#terminate(launched, ended.signal, hung);
    if (!superseded.aborted) this.#ready_since_ms = null;
    this.#degraded = [];
    const how = await end;
    this.#ends += 1;
    if (superseded.aborted || life.refusal !== null) return { ...life, end: how };
    if (hung !== null) return { ...life, end: { code: null, detail: hung, bad_config: false, suspect: true } };
    return { ...life, end: await explained(how, launched) };
  }

  async #watch(launched: Launched, over: AbortSignal): Promise<Life> {
    const { now_ms, probe_every_ms, healthy_after_ms } = this.#deps;
    const watch = new Watch(this.#deps, now_ms());
    const admission = new Admitting(() => launched.admit(over));
    let hung: string | null = null;
    let healthy = false;
    while (!over.aborted && hung === null) {
      const vitals = await launched.probe(over);
      if (over.aborted) break;
      watch.look(vitals, now_ms());
      this.#ready_since_ms = watch.ready_since_ms;
      if (vitals.answers) admission.begin(({ aborted_runs }) => (this.#aborted_runs += aborted_runs));
      const { said } = admission;
      if (said !== null && said.refusal !== null) return { ...UNBORN, refusal: said.refusal };
      if (vitals.ready && said !== null) this.#set("running", launched.repaired);
      if (!healthy && vitals.ready && said !== null && watch.ready_for_ms(now_ms()) >= healthy_after_ms) {
        healthy = true;
        launched.healthy();
      }
      this.#setDegraded([...(said?.degraded ?? []), ...watch.degraded(now_ms())].slice(0, MAX_DEGRADED));
      hung = watch.hung(now_ms());
      if (hung === null) await admission.wake.wait(probe_every_ms, over);
    }
    return { healthy_ms: watch.ready_for_ms(now_ms()), hung, refusal: null };
  }

  #setDegraded(degraded: readonly string[]): void {
    if (degraded.join() === this.#degraded.join()) return;
    this.#degraded = degraded;
    this.#deps.onChange(this.snapshot());
  }

  /** @param hung why it is taken for hung: nothing can be asked of it */
  async #terminate(
    { child, gateway, warn, settled }: Launched,
    ended: AbortSignal,
    hung: string | null,
  ): Promise<void> {
    const { now_ms, uuid, log } = this.#deps;
    const reason = hung ?? this.#meaning.rest.reason;
    this.#down = { rung: "drain", since_ms: now_ms() };
    this.#set("stopping", hung);
    if (hung !== null) this.hurry();
    const nothing_left = await windDown({
      now_ms,
      // The agent may have to hurry meanwhile.
      limits: () => this.#limits(),
      child,
      ended,
      force: this.#force.signal,
      gateway,
      warn: () => warn({ reason, within_ms: this.#limits().drain_ms }),
      request_id: uuid(),
      onRung: (rung) => {
        if (rung === this.#down?.rung) return;
        this.#down = { rung, since_ms: now_ms() };
        this.#deps.onChange(this.snapshot());
      },
      log,
    });
    await aborted(ended);
    if (nothing_left) settled();
    this.#down = null;
  }

  #limits(): LadderLimits {
    const { ladder, short_drain_ms } = this.#deps;
    const most_ms = this.#closed
      ? short_drain_ms.close
      : this.#meaning.plan === null
        ? ladder.drain_ms
        : short_drain_ms.restart;
    return { ...ladder, drain_ms: Math.min(ladder.drain_ms, most_ms) };
  }

  #windDown(): Snapshot["wind_down"] {
    if (this.#down === null) return null;
    const { rung, since_ms } = this.#down;
    return { rung, left_ms: ladderLeft(rung, this.#deps.now_ms() - since_ms, this.#limits()) };
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
function endOf({ child, checked }: Launched): Promise<End> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => {
      const suspect = suspectsConfig({ code, checked });
      const detail = signal === null ? `exit code ${code}` : `ended by ${signal}`;
      resolve({ code, detail, bad_config: false, suspect });
    });
    child.on("error", (error) => {
      if (child.pid === undefined) resolve({ ...NEVER_BEGAN, detail: `cannot start: ${error.message}` });
    });
  });
}
