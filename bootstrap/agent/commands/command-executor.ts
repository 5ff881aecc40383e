/**
 * Carries out what a person had commanded, each once: an id is written down before its effect, and its result is kept
 * and sent until the control plane has it. Beats of either transport carry the results.
 */
import { type AgentCommand, type CommandResult, MAX_COMMAND_RESULTS } from "../../../src/wire/agent.ts";
import type { CommandKind } from "../../../src/wire/enums.ts";
import { describeError, type Log } from "../base/log.ts";
import type { Store } from "../base/store.ts";
import { Signal } from "../base/timing.ts";
import type { ConfigApplier } from "../workload/config-applier.ts";
import { readTail } from "../workload/log-tail.ts";
import type { Permission } from "../workload/permission.ts";
import type { Supervisor } from "../workload/supervisor.ts";
import {
  expiry,
  judgeCommand,
  judgeRestart,
  judgeStop,
  lastLines,
  type Result,
  resultsThatFit,
} from "./command-rules.ts";

export interface CommandExecutorDeps {
  store: Store;
  applier: ConfigApplier;
  supervisor: Supervisor;
  permission: () => Permission;
  /** Why nothing can be written to the disk; null: it can. */
  unwritable: () => string | null;
  /** Durable where the disk takes it, and obeyed at once. */
  setStopped: (stopped: boolean) => void;
  log: Log;
  log_path: string;
  redact: (line: string) => string;
  /** Unix time, ms. */
  now_ms: () => number;
  monotonic_ms: () => number;
  /** The longest that bringing the workload to its end may take. */
  wind_down_ms: number;
  apply_deadline_ms: number;
  /** There is a result to send. */
  onResult: () => void;
  /** @param done told once how it ended */
  rotate: (done: (result: Result) => void) => void;
}

const LOOK_EVERY_MS = 1000;
/** Holds an output's worth of characters of any kind, and the longest line that a log file may hold besides. */
const TAIL_BYTES = 256 * 1024;

export class CommandExecutor {
  /** Raised when the workload has changed. */
  readonly wake = new Signal();
  readonly #deps: CommandExecutorDeps;
  #restart: { id: string; began_ms: number } | null = null;
  #stops: { id: string; began_ms: number; ends: number }[] = [];

  constructor(deps: CommandExecutorDeps) {
    this.#deps = deps;
    for (const id of deps.store.openCommands()) {
      deps.store.finishCommand({ id, ok: false, detail: "The agent stopped while the command was running." });
    }
  }

  /** Results for the next status. */
  owed(): CommandResult[] {
    return resultsThatFit(this.#deps.store.owedResults(MAX_COMMAND_RESULTS));
  }

  /**
   * What an answer of the control plane says of commands. It knows the results that it was sent; where it lists their
   * command still, it does not, and they are owed again.
   * @param carried ids of the results in the status that was answered.
   */
  take(listed: readonly AgentCommand[], carried: readonly string[]): void {
    const { store, now_ms, onResult } = this.#deps;
    for (const id of carried) store.markTold(id, true);
    if (carried.length > 0 && store.countOwedResults() > 0) onResult();
    for (const command of listed) this.#takeOne(command);
    if (carried.length + listed.length > 0) store.pruneCommands(now_ms());
  }

  /** Sees stops and restarts through. */
  async loop(signal: AbortSignal): Promise<void> {
    const { supervisor, monotonic_ms } = this.#deps;
    while (!signal.aborted) {
      this.#judgeStops();
      if (this.#restart !== null) {
        const { id, began_ms } = this.#restart;
        const view = { ...supervisor.snapshot(), elapsed_ms: monotonic_ms() - began_ms };
        const result = judgeRestart(view, this.#deps);
        if (result !== null) {
          this.#restart = null;
          this.#finish({ id, ...result });
        }
      }
      await this.wake.wait(LOOK_EVERY_MS, signal);
    }
  }

  #takeOne(command: AgentCommand): void {
    const { store, log, now_ms } = this.#deps;
    const { id, kind } = command;
    const verdict = judgeCommand(command, {
      known: store.command(id),
      owed: store.countOwedResults(),
      now_ms: now_ms(),
    });
    if (verdict.do === "repeat") store.markTold(id, false);
    if (verdict.do === "answer") {
      log("command_refused", { id, kind, detail: verdict.result.detail });
      this.#answer(command, verdict.result);
    }
    if (verdict.do === "carry_out") {
      log("command", { id, kind });
      this.#carryOut(command, verdict.kind);
    }
  }

  #carryOut(command: AgentCommand, kind: CommandKind): void {
    switch (kind) {
      case "start":
        if (this.#begin(command)) this.#start(command);
        break;
      // Never waits for a disk: done twice, it is what it was done once.
      case "stop":
        this.#deps.store.transaction(() => {
          this.#deps.store.beginCommand(command.id, expiry(command, this.#deps.now_ms()));
          this.#deps.setStopped(true);
        });
        if (command.args.force === true) this.#deps.supervisor.hurry();
        this.#stops.push({
          id: command.id,
          began_ms: this.#deps.monotonic_ms(),
          ends: this.#deps.supervisor.snapshot().ends,
        });
        this.#judgeStops();
        break;
      case "restart":
        if (this.#begin(command)) this.#beginRestart(command);
        break;
      case "collect_logs":
        this.#answer(command, this.#collect(command.args.lines));
        break;
      case "rotate_credential":
        if (this.#begin(command)) this.#deps.rotate((result) => this.#finish({ id: command.id, ...result }));
    }
  }

  /** What is not on the disk before its effect might be carried out twice. @returns whether to carry it out */
  #begin(command: AgentCommand): boolean {
    const { store, unwritable, now_ms } = this.#deps;
    store.beginCommand(command.id, expiry(command, now_ms()));
    if (store.durable) return true;
    const why = unwritable() ?? "disk error";
    this.#finish({ id: command.id, ok: false, detail: `The agent cannot record the command: ${why}.` });
    return false;
  }

  #start({ id }: AgentCommand): void {
    const { store, permission, unwritable, setStopped } = this.#deps;
    const { order, ban } = permission();
    const why = unwritable();
    const permitted = order === "run" && ban === null;
    const awaited = permitted ? why && `the disk can be written to (${why})` : "the control plane allows it";
    const detail = awaited ? `The workload will start once ${awaited}.` : "The workload is starting.";
    store.transaction(() => {
      setStopped(false);
      this.#finish({ id, ok: true, detail });
    });
  }

  /** A stop is done when nothing runs any more. */
  #judgeStops(): void {
    const { supervisor, store, monotonic_ms } = this.#deps;
    this.#stops = this.#stops.filter(({ id, began_ms, ends }) => {
      const stopped_here = store.get("stopped_here") ?? false;
      const now = supervisor.snapshot();
      const view = { ...now, stopped_here, ended: now.ends > ends, elapsed_ms: monotonic_ms() - began_ms };
      const result = judgeStop(view, this.#deps);
      if (result !== null) this.#finish({ id, ...result });
      return result === null;
    });
  }

  #beginRestart({ id }: AgentCommand): void {
    const { applier, monotonic_ms } = this.#deps;
    if (this.#restart !== null) {
      this.#finish({ id, ok: false, detail: "The workload is already being restarted." });
      return;
    }
    const refusal = applier.restart();
    if (refusal === null) this.#restart = { id, began_ms: monotonic_ms() };
    else this.#finish({ id, ok: false, detail: refusal });
    this.wake.raise();
  }

  #collect(lines: number | undefined): Result {
    const { log_path, redact } = this.#deps;
    try {
      const output = lastLines(readTail(log_path, TAIL_BYTES), lines, redact);
      return output === "" ? { ok: true, detail: "The log is empty.", output } : { ok: true, output };
    } catch (error) {
      return { ok: false, detail: `The log cannot be read: ${describeError(error)}` };
    }
  }

  /** The id and the result: all or nothing. */
  #answer(command: AgentCommand, result: Result): void {
    const { store, now_ms } = this.#deps;
    store.transaction(() => {
      store.beginCommand(command.id, expiry(command, now_ms()));
      this.#finish({ id: command.id, ...result });
    });
  }

  #finish(result: CommandResult): void {
    this.#deps.store.finishCommand(result);
    this.#deps.onResult();
  }
}
