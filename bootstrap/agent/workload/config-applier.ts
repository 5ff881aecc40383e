/**
 * Brings the workload to what the control plane desires and permits, one step at a time (`apply-rules.ts` decides). Holds
 * the configs with their secrets, in memory only, and is the only one that moves `applied`, `proven` and `failed`.
 */
import type { AgentConfig } from "../../../src/wire/config.ts";
import type { Log } from "../base/log.ts";
import type { Store } from "../base/store.ts";
import { Signal } from "../base/timing.ts";
import {
  barredConfig,
  DIED_DURING_APPLY,
  judgeApply,
  mayRun,
  nextStep,
  type Situation,
  whyNoRestart,
} from "./apply-rules.ts";
import { digestOf } from "./model-check-rules.ts";
import { isCutOff, type Permission } from "./permission.ts";
import type { Plan, Supervisor } from "./supervisor.ts";

export interface ConfigApplierDeps {
  store: Store;
  supervisor: Supervisor;
  plan: (config: AgentConfig) => Plan;
  installed: () => boolean;
  permission: () => Permission;
  /** Why nothing can be written to the disk; null: it can. */
  unwritable: () => string | null;
  log: Log;
  /** Unix time, ms. */
  now_ms: () => number;
  monotonic_ms: () => number;
  ready_window_ms: number;
  apply_deadline_ms: number;
  onAck: () => void;
}

/** A running workload that only reads other rules from now on has nothing to start: two looks at it are enough. */
const RENEWED_WINDOW_MS = 2000;

/** How often to look again without being told of a change (is it installed? is the window over?). */
const LOOK_EVERY_MS = 1000;

export class ConfigApplier {
  readonly wake = new Signal();
  readonly #deps: ConfigApplierDeps;
  #held: AgentConfig | null = null;
  #last_good: AgentConfig | null = null;
  #leaving = false;

  constructor(deps: ConfigApplierDeps) {
    this.#deps = deps;
    this.#closeJournal();
  }

  get held(): AgentConfig | null {
    return this.#held;
  }

  /** A config fresh from the control plane; an older one than that in hand is a late answer. */
  hold(config: AgentConfig): void {
    if (this.#held !== null && config.version < this.#held.version) return;
    this.#deps.store.keepConfig(config, this.#deps.now_ms());
    this.#held = config;
    this.wake.raise();
  }

  /** Secrets in use: to be kept out of every log. */
  secrets(): string[] {
    return [this.#held, this.#last_good].flatMap((config) =>
      config === null ? [] : [config.secrets.llm_api_key, ...Object.values(config.secrets.environment)],
    );
  }

  /** Ends the workload and starts it again as it was. @returns why it does not, as a sentence; null where it does. */
  restart(): string | null {
    const { store, supervisor, plan, log } = this.#deps;
    const situation = this.#situation();
    const refusal = whyNoRestart(situation, store.get("applying") !== null);
    if (refusal !== null) return refusal;
    const config = this.#known(situation.up);
    if (!config) return "The current config is not available.";
    log("workload_restart", { config_id: config.id, version: config.version });
    supervisor.run(plan(config));
    return null;
  }

  async loop(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => {
      this.#leaving = true;
      this.wake.raise();
    });
    while (!signal.aborted) {
      while (!signal.aborted && (await this.#step(signal)));
      await this.wake.wait(LOOK_EVERY_MS, signal);
    }
  }

  /** One of those in memory; null: it is none of them. */
  #known(id: string | null): AgentConfig | null {
    return [this.#held, this.#last_good].find((config) => config?.id === id) ?? null;
  }

  #situation(): Situation {
    const { store, supervisor, installed, permission, unwritable, now_ms, monotonic_ms } = this.#deps;
    const permitted = permission();
    const { up } = supervisor.snapshot();
    const policy = (this.#known(up) ?? this.#held)?.risk_config.offline_policy;
    return {
      order: permitted.order,
      ban: permitted.ban,
      cut_off: isCutOff(permitted, policy, monotonic_ms()),
      stopped_here: store.get("stopped_here") ?? false,
      installed: installed(),
      unwritable: unwritable(),
      up,
      held: this.#held?.id ?? null,
      applied: store.get("applied"),
      proven: store.get("proven"),
      last_good: this.#last_good?.id ?? null,
      failed: barredConfig(store.get("failed"), now_ms()),
    };
  }

  /** @returns whether something was done, so that there may be more to do. */
  async #step(signal: AbortSignal): Promise<boolean> {
    const { supervisor, plan, log } = this.#deps;
    const situation = this.#situation();
    const step = nextStep(situation);
    switch (step.do) {
      case "rest":
        if (situation.up === null) supervisor.explain(step.reason);
        return false;
      case "stop":
        log("workload_stop", { reason: step.reason });
        supervisor.stop(step.reason);
        return true;
      case "halt":
        if (supervisor.snapshot().state !== "failed") supervisor.fail(step.reason);
        return false;
      case "accept":
        return this.#accept();
      case "start": {
        const config = step.config === "held" ? this.#held : this.#last_good;
        if (config === null) return false;
        log("workload_start", { config_id: config.id, version: config.version });
        this.#last_good = config;
        supervisor.run(plan(config));
        return true;
      }
      case "apply":
        if (this.#held === null) return false;
        await this.#apply(this.#held, signal);
        return true;
    }
  }

  #accept(): boolean {
    const { store, supervisor, log, onAck } = this.#deps;
    const config = this.#held;
    // A workload on its way down is not yet what the ack would say; its end raises the signal.
    if (config === null || supervisor.snapshot().state === "stopping") return false;
    store.transaction(() => {
      store.set("applied", config.id);
      store.queueAck({ config_id: config.id, result: "applied", workload: "stopped" });
    });
    log("config_accepted", { config_id: config.id, version: config.version, workload: "stopped" });
    onAck();
    return true;
  }

  async #apply(config: AgentConfig, signal: AbortSignal): Promise<void> {
    const { store, supervisor, plan, log, monotonic_ms } = this.#deps;
    store.set("applying", { config_id: config.id, at_ms: this.#deps.now_ms() });
    let began_ms = monotonic_ms();
    const renewed = await supervisor.renew(plan(config));
    log("apply_started", { config_id: config.id, version: config.version, restart: !renewed });
    if (!renewed) supervisor.run(plan(config));
    // What ended a try is still the reason while the next one begins.
    let reason: string | null = null;
    for (;;) {
      const { state, reason: present, ready_for_ms, exits, suspect_exits } = supervisor.snapshot();
      reason = present ?? reason;
      const full_ms = this.#deps.ready_window_ms;
      const ready_window_ms = renewed && exits === 0 ? Math.min(full_ms, RENEWED_WINDOW_MS) : full_ms;
      // What the former one still has in flight is no fault of this config.
      if (state === "stopping") began_ms = monotonic_ms();
      const elapsed_ms = monotonic_ms() - began_ms;
      const may_run = !this.#leaving && mayRun(this.#situation());
      const unwritable = this.#deps.unwritable();
      const view = { elapsed_ms, may_run, unwritable, state, reason, ready_for_ms, exits: suspect_exits };
      const verdict = judgeApply(view, { ...this.#deps, ready_window_ms });
      switch (verdict.is) {
        case "applied":
          return this.#proved(config);
        case "failed":
          return this.#failed(config, verdict.reason);
        case "interrupted":
          log("apply_interrupted", { config_id: config.id });
          return store.set("applying", null);
        case "waiting": {
          const left_ms = Math.min(
            ready_for_ms > 0 ? ready_window_ms - ready_for_ms : LOOK_EVERY_MS,
            this.#deps.apply_deadline_ms - elapsed_ms,
          );
          await this.wake.wait(Math.max(1, Math.min(left_ms, LOOK_EVERY_MS)), signal);
        }
      }
    }
  }

  #proved(config: AgentConfig): void {
    const { store, log, onAck } = this.#deps;
    store.transaction(() => {
      store.set("applied", config.id);
      store.set("proven", config.id);
      store.set("model_good", digestOf(config));
      store.set("failed", null);
      store.set("applying", null);
      store.queueAck({ config_id: config.id, result: "applied", workload: "running" });
    });
    this.#last_good = config;
    log("config_applied", { config_id: config.id, version: config.version });
    onAck();
  }

  #failed(config: AgentConfig, reason: string): void {
    const { store, supervisor, plan, log, onAck, now_ms } = this.#deps;
    const back = this.#last_good;
    store.transaction(() => {
      store.set("applied", back?.id ?? null);
      store.set("failed", { config_id: config.id, reason, at_ms: now_ms() });
      store.set("applying", null);
      const workload = back === null ? "failed" : "starting";
      store.queueAck({ config_id: config.id, result: "failed", workload, reason: reason.slice(0, 500) });
    });
    log("config_failed", { config_id: config.id, version: config.version, reason, back_to: back?.id ?? null });
    if (back === null) supervisor.fail(reason);
    else supervisor.run(plan(back));
    onAck();
  }

  /** An apply that is still open when the agent starts has failed: what it ended in nobody saw. */
  #closeJournal(): void {
    const { store, log, now_ms } = this.#deps;
    const open = store.get("applying");
    if (open === null) return;
    const reason = DIED_DURING_APPLY;
    store.transaction(() => {
      // The earlier config cannot be put back without its secret: until it is fetched again, nothing is in effect.
      store.set("applied", null);
      store.set("failed", { config_id: open.config_id, reason, at_ms: now_ms() });
      store.set("applying", null);
      store.queueAck({ config_id: open.config_id, result: "failed", workload: "stopped", reason });
    });
    log("apply_found_unfinished", { config_id: open.config_id });
  }
}
