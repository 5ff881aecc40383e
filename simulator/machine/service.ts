import { killAll, ProcessGroup, untilGone } from "./process-group.ts";
import { signalProcess } from "./process-table.ts";
import type { Sandbox } from "./sandbox.ts";
import { serviceEnvironment } from "./service-environment.ts";
import { type Ending, startProcess } from "./spawn.ts";
import type { UnitCommand, UnitFile } from "./unit-file.ts";
import { conditionsHold, isClean, restarts } from "./unit-rules.ts";
import { expandVariables } from "./unit-syntax.ts";

export type ActiveState = "inactive" | "activating" | "active" | "deactivating" | "failed";

/** What a service needs of the machine it runs on. */
export interface ServiceHost {
  sandbox: Sandbox;
  /** Variables that every process of the machine gets. */
  environment(): Record<string, string>;
  /** A frozen machine starts nothing. */
  frozen(): boolean;
  log(line: string): void;
}

/** One life of the service, from its first command to its last. */
interface Run {
  unit: UnitFile;
  group: ProcessGroup;
  /** The process that is waited for. */
  current: number | null;
  /** Somebody asked for the end, or the power is gone: nothing more is started. */
  stopping: boolean;
  over: Promise<void>;
  end: () => void;
}

const FROZEN_RETRY_MS = 200;

/** One service unit: its processes, its state, and whether it is to be started again. */
export class Service {
  readonly name: string;
  state: ActiveState = "inactive";
  /** How it last ended, in systemd's words. */
  result: "success" | "exit-code" | "signal" | "timeout" = "success";
  /** Restarts by its own policy since somebody last started it. */
  restarts = 0;
  main_pid: number | null = null;
  readonly #host: ServiceHost;
  #run: Run | null = null;
  #starting: Promise<boolean> | null = null;
  #restart: NodeJS.Timeout | null = null;

  constructor(name: string, host: ServiceHost) {
    this.name = name;
    this.#host = host;
  }

  /** The processes of the present run. */
  get group(): ProcessGroup | null {
    return this.#run?.group ?? null;
  }

  /** Starts it by command or at boot. Resolves as `systemctl start` returns: a oneshot is then done. */
  start(unit: UnitFile): Promise<boolean> {
    if (this.#starting !== null) return this.#starting;
    if (this.state === "active") return Promise.resolve(true);
    this.restarts = 0;
    return this.#begin(unit);
  }

  /** Stops it and everything it started. */
  async stop(): Promise<void> {
    this.#cancelRestart();
    const run = this.#run;
    if (run === null) {
      if (this.state !== "failed") this.state = "inactive";
      return;
    }
    if (!run.stopping) {
      run.stopping = true;
      this.state = "deactivating";
      if (run.current === null) this.#finish(run, { code: 0, signal: null });
      else await this.#ask(run);
    }
    await run.over;
  }

  /** The power is gone: nothing is started any more. Killing is the machine's business. */
  cut(): void {
    this.#cancelRestart();
    if (this.#run !== null) this.#run.stopping = true;
    this.#run?.end();
    this.#run = null;
    this.main_pid = null;
    this.state = "inactive";
  }

  /** Forgets a failure. */
  reset(): void {
    if (this.state === "failed") this.state = "inactive";
    this.restarts = 0;
  }

  #begin(unit: UnitFile): Promise<boolean> {
    this.#cancelRestart();
    if (!conditionsHold(unit, this.#host.sandbox)) {
      this.#host.log(`${this.name}: skipped, a condition does not hold`);
      this.state = "inactive";
      return Promise.resolve(true);
    }
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const run: Run = { unit, group: new ProcessGroup(), current: null, stopping: false, over, end };
    this.#run = run;
    this.state = "activating";
    this.result = "success";
    this.#starting = this.#bringUp(run).finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async #bringUp(run: Run): Promise<boolean> {
    const { unit } = run;
    const limit = unit.timeout_start_ms === null ? null : setTimeout(() => this.#giveUp(run), unit.timeout_start_ms);
    try {
      for (const command of [...unit.exec_start_pre, ...(unit.type === "oneshot" ? unit.exec_start : [])]) {
        const ending = await this.#complete(run, command);
        if (run.stopping || !(command.ignore_failure || isClean(unit, ending))) return this.#finish(run, ending);
      }
      if (unit.type === "oneshot") return this.#finish(run, { code: 0, signal: null });
      return await this.#startMain(run);
    } finally {
      if (limit !== null) clearTimeout(limit);
    }
  }

  async #startMain(run: Run): Promise<boolean> {
    const [command] = run.unit.exec_start;
    if (command === undefined) return this.#finish(run, { code: 203, signal: null });
    const main = this.#spawn(run, command);
    if (!("pid" in main)) return this.#finish(run, main);
    this.main_pid = main.pid;
    this.state = "active";
    void main.ended.then((ending) => {
      run.current = null;
      this.main_pid = null;
      this.#finish(run, command.ignore_failure && !run.stopping ? { code: 0, signal: null } : ending);
    });
    for (const after of run.unit.exec_start_post) await this.#aside(run, after);
    return true;
  }

  /** Runs one command to its end. */
  async #complete(run: Run, command: UnitCommand): Promise<Ending> {
    const running = this.#spawn(run, command);
    if (!("pid" in running)) return running;
    const ending = await running.ended;
    run.current = null;
    return ending;
  }

  /** Runs a command beside the main process. */
  async #aside(run: Run, command: UnitCommand): Promise<void> {
    const waiting_for = run.current;
    const running = this.#spawn(run, command);
    run.current = waiting_for;
    if ("pid" in running) await running.ended;
  }

  #spawn(run: Run, command: UnitCommand) {
    const { sandbox } = this.#host;
    const environment = serviceEnvironment(run.unit, run.group.mark, this.#host.environment(), sandbox);
    if (environment === null) return { code: 209, signal: null };
    const [program = "", ...args] = expandVariables(command.words, environment);
    const running = startProcess({
      words: [sandbox.program(program), ...args.map((word) => sandbox.argument(word))],
      environment,
      directory: sandbox.path(run.unit.working_directory ?? "/"),
      log: sandbox.path(run.unit.output ?? `/var/log/journal/${this.name}.log`),
    });
    if ("pid" in running) {
      run.group.add(running.pid);
      run.current = running.pid;
    }
    return running;
  }

  /** Asks the processes to end, and kills what is left when the time is up. */
  async #ask(run: Run): Promise<void> {
    const { unit } = run;
    for (const command of unit.exec_stop) await this.#aside(run, command);
    const signal = unit.kill_signal as NodeJS.Signals;
    if (unit.kill_mode === "control-group") run.group.signal(signal);
    else if (run.current !== null) signalProcess(run.current, signal);
    if (unit.timeout_stop_ms === null) return;
    const limit = setTimeout(() => {
      this.#host.log(`${this.name}: still there after ${unit.timeout_stop_ms} ms, killed`);
      this.result = "timeout";
      this.#kill(run);
    }, unit.timeout_stop_ms);
    void run.over.then(() => clearTimeout(limit));
  }

  #giveUp(run: Run): void {
    this.#host.log(`${this.name}: start timed out`);
    this.#kill(run);
  }

  #kill(run: Run): number[] {
    return killAll(() => run.group.gather().keys());
  }

  /** The end of a run: what is left of it is killed, and the restart policy has its say. Tells whether all went well. */
  #finish(run: Run, ending: Ending): boolean {
    if (this.#run !== run) return false;
    const { unit } = run;
    const clean = isClean(unit, ending);
    if (clean && unit.remain_after_exit && !run.stopping) {
      this.state = "active";
      return true;
    }
    const killed = unit.kill_mode !== "process" && unit.kill_mode !== "none" ? this.#kill(run) : [];
    void this.#cleanUp(run, ending, clean, killed);
    return clean;
  }

  async #cleanUp(run: Run, ending: Ending, clean: boolean, killed: readonly number[]): Promise<void> {
    const { unit } = run;
    await untilGone(killed);
    for (const command of unit.exec_stop_post) await this.#aside(run, command);
    if (this.#run !== run) return;
    this.#run = null;
    if (this.result !== "timeout" || clean) this.result = clean ? "success" : ending.signal ? "signal" : "exit-code";
    this.state = clean ? "inactive" : "failed";
    this.#host.log(`${this.name}: ended (${ending.signal ?? ending.code})`);
    if (!run.stopping && restarts(unit, ending)) this.#restartLater(unit);
    run.end();
  }

  #restartLater(unit: UnitFile): void {
    this.state = "activating";
    const again = () => {
      if (this.#host.frozen()) {
        this.#restart = setTimeout(again, FROZEN_RETRY_MS);
        return;
      }
      this.restarts += 1;
      this.#begin(unit).catch((error: unknown) => this.#host.log(`${this.name}: ${String(error)}`));
    };
    this.#restart = setTimeout(again, unit.restart_ms);
  }

  #cancelRestart(): void {
    if (this.#restart !== null) clearTimeout(this.#restart);
    this.#restart = null;
  }
}
