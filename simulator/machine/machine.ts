import { Init, type UnitView } from "./init.ts";
import { killAll, ProcessGroup, untilGone } from "./process-group.ts";
import { type ProcessEntry, readProcessTable, signalProcess, startVariable } from "./process-table.ts";
import { Sandbox } from "./sandbox.ts";
import { startProcess } from "./spawn.ts";
import { type Answer, type Halt, systemctl } from "./systemctl.ts";
import { claimUserData, hasRun } from "./user-data.ts";

/** `booting` until user-data and the first starts of the enabled units have come to an end. */
export type MachineState = "off" | "booting" | "running" | "stopping" | "frozen";

export interface MachineView {
  state: MachineState;
  boots: number;
  units: UnitView[];
  user_data_ran: boolean;
  log_path: string;
}

export interface MachineSetup {
  id: number;
  /** The machine's directory. */
  base: string;
  boots: number;
  user_data: string | null;
  /** Where the metadata service and the init of this machine answer. */
  metadata_url: string;
  init_url: string;
  /** Empty for the stand-in, `real` for the host's own, or an absolute path. */
  openclaw: string;
  /** The guest has switched itself off. */
  onHalted: () => void;
  /** Something happened that has to survive the simulator. */
  onChange: () => void;
  log: (line: string) => void;
}

/** One droplet as processes on this host. A cut of the power is immediate; everything else waits for its turn. */
export class Machine {
  readonly sandbox: Sandbox;
  boots: number;
  readonly #setup: MachineSetup;
  #state: MachineState = "off";
  #thawed: MachineState = "off";
  #init: Init | null = null;
  #script = new ProcessGroup();
  /** Counts power cuts: what was begun before one has no say after it. */
  #era = 0;
  #turn: Promise<void> = Promise.resolve();

  constructor(setup: MachineSetup) {
    this.#setup = setup;
    this.boots = setup.boots;
    this.sandbox = new Sandbox(setup.base);
  }

  get state(): MachineState {
    return this.#state;
  }

  /** Boots, unless it runs. */
  powerOn(): Promise<void> {
    return this.#next(async () => {
      if (this.#state === "off") await this.#boot();
    });
  }

  /** The ACPI button: init stops everything, then the machine is off. */
  shutdown(): Promise<void> {
    return this.#next(async (era) => {
      if (await this.#goDown(era)) this.#setup.onHalted();
    });
  }

  /** A clean restart. */
  reboot(): Promise<void> {
    return this.#next(async (era) => {
      if (await this.#goDown(era)) await this.#boot();
    });
  }

  /** The power is gone, at once: every process dies without a word. Resolves when the last one is gone. */
  async cut(): Promise<void> {
    this.#era += 1;
    this.#state = "off";
    await this.#killEverything();
    this.#setup.onChange();
  }

  /** The power is gone for a moment. */
  async powerCycle(): Promise<void> {
    await this.cut();
    await this.powerOn();
  }

  /** Every process stands still, as on a host that hangs. False when the machine is off. */
  freeze(): boolean {
    if (this.#state === "off") return false;
    if (this.#state !== "frozen") this.#thawed = this.#state;
    this.#state = "frozen";
    const stopped = new Set<number>();
    for (let found = this.#processes(); found.some((pid) => !stopped.has(pid)); found = this.#processes()) {
      for (const pid of found) {
        signalProcess(pid, "SIGSTOP");
        stopped.add(pid);
      }
    }
    return true;
  }

  /** Goes on after `freeze`. False when there was none. */
  thaw(): boolean {
    if (this.#state !== "frozen") return false;
    this.#state = this.#thawed;
    for (const pid of this.#processes()) signalProcess(pid, "SIGCONT");
    return true;
  }

  /** Cuts the power and removes the disk; the logs go to `tombstone`. */
  async remove(tombstone: string): Promise<void> {
    await this.cut();
    await this.#next(async () => this.sandbox.remove(tombstone));
  }

  /** Answers the machine's `systemctl`. */
  systemctl(words: readonly string[]): Promise<Answer> {
    if (this.#init === null || this.#state === "off")
      return Promise.resolve({ code: 1, text: "The machine is off.\n" });
    return systemctl(this.#init, words, (how) => this.#halt(how));
  }

  /** What can be seen from outside. */
  view(): MachineView {
    return {
      state: this.#state,
      boots: this.boots,
      units: this.#init?.view() ?? [],
      user_data_ran: hasRun(this.sandbox, this.#setup.id),
      log_path: this.sandbox.console,
    };
  }

  /** Learns which processes belong to this machine. */
  observe(table: readonly ProcessEntry[]): void {
    this.#script.observe(table);
    this.#init?.observe(table);
  }

  /** Process id → start time of everything that runs here, as last seen. */
  processes(): [number, number][] {
    return [...this.#script.members(), ...(this.#init?.processes() ?? [])];
  }

  async #boot(): Promise<void> {
    const era = this.#era;
    await this.#killEverything();
    if (era !== this.#era) return;
    const { sandbox } = this;
    const { boot_id } = sandbox.prepare();
    sandbox.announce(this.#setup.init_url, this.#setup.openclaw);
    this.boots += 1;
    this.#state = "booting";
    this.#setup.onChange();
    this.#setup.log(`boot ${this.boots} (${boot_id})`);
    const init = new Init({
      sandbox,
      environment: () => this.#environment(),
      frozen: () => this.#state === "frozen",
      log: (line) => this.#setup.log(line),
    });
    this.#init = init;
    // Not waited for: a machine can be told to stop while it boots.
    void Promise.all([init.boot(), this.#runUserData()])
      .catch((error: unknown) => this.#setup.log(`the boot failed: ${String(error)}`))
      .then(() => {
        if (era !== this.#era || this.#init !== init) return;
        if (this.#state === "booting") this.#state = "running";
        else if (this.#state === "frozen") this.#thawed = "running";
      });
  }

  async #runUserData(): Promise<void> {
    const script = claimUserData(this.sandbox, this.#setup.id, this.#setup.user_data);
    this.#script = new ProcessGroup();
    if (script === null) return;
    const running = startProcess({
      words: ["/bin/bash", script],
      environment: this.#environment(),
      directory: this.sandbox.root,
      log: this.sandbox.console,
    });
    if (!("pid" in running)) return;
    this.#script.add(running.pid);
    const { code, signal } = await running.ended;
    this.#setup.log(`user-data ended (${signal ?? code})`);
  }

  /** True when the machine has come down by this, and by no power cut meanwhile. */
  async #goDown(era: number): Promise<boolean> {
    // A machine that hangs does not hear the button.
    if (this.#state === "off" || this.#state === "frozen") return false;
    this.#state = "stopping";
    await this.#init?.shutdown();
    if (era !== this.#era) return false;
    this.#state = "off";
    await this.#killEverything();
    this.#setup.onChange();
    this.#setup.log("off");
    return true;
  }

  #halt(how: Halt): void {
    void (how === "poweroff" ? this.shutdown() : this.reboot());
  }

  #environment(): Record<string, string> {
    return {
      PATH: this.sandbox.searchPath(),
      HOME: this.sandbox.path("/root"),
      LANG: "C",
      SPAWNPOINT_ROOT: this.sandbox.root,
      SPAWNPOINT_METADATA_URL: this.#setup.metadata_url,
    };
  }

  async #killEverything(): Promise<void> {
    const killed = killAll(() => this.#processes());
    this.#init?.cut();
    this.#init = null;
    await untilGone(killed);
  }

  /** Everything that was started here or carries this machine's root in its environment. */
  #processes(): number[] {
    const table = readProcessTable();
    this.observe(table);
    const { root } = this.sandbox;
    const marked = table.filter(({ pid }) => startVariable(pid, "SPAWNPOINT_ROOT") === root).map(({ pid }) => pid);
    return [...new Set([...this.processes().map(([pid]) => pid), ...marked])].filter((pid) => pid !== process.pid);
  }

  /** Failures are logged and not passed on: nobody but the log could do anything about them. */
  #next(work: (era: number) => Promise<void>): Promise<void> {
    const era = this.#era;
    const turn = this.#turn.then(() => (era === this.#era ? work(era) : undefined));
    this.#turn = turn.catch((error: unknown) => this.#setup.log(`failed: ${String(error)}`));
    return this.#turn;
  }
}
