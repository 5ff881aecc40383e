/** The workload as the agent's child, of its own user: where nobody else could start it. */
import { randomUUID } from "node:crypto";
import type { Log } from "../base/log.ts";
import type { Store } from "../base/store.ts";
import { endLeft, launch } from "./launcher.ts";
import type { Command } from "./orders.ts";
import { Premises } from "./premises.ts";
import { kernelBoot, mayBeThisBoot, startTicks } from "./process-tree.ts";
import type { Site, Sites, StartedWorkload } from "./site.ts";

export interface OwnSiteDeps {
  store: Store;
  log: Log;
  /** How long a leftover may take to end by itself, ms. */
  stop_ms: number;
  /** Where the control group of a process counts whom it has lost for want of memory; null: nowhere. */
  memoryEvents: (pid: number) => string | null;
}

export class OwnSites implements Sites {
  readonly #deps: OwnSiteDeps;

  constructor(deps: OwnSiteDeps) {
    this.#deps = deps;
  }

  open(): Promise<Site> {
    return Promise.resolve(new OwnSite(this.#deps));
  }

  /** What outlived its agent (killed without a word) is ended, all of it, before another workload may start. */
  async endLeftover(signal: AbortSignal): Promise<void> {
    const { store, log, stop_ms } = this.#deps;
    const child = store.get("child");
    if (child !== null && mayBeThisBoot(child.boot)) {
      const alive = child.pid !== null && startTicks(child.pid) === child.start_ticks;
      if (alive) log("workload_leftover_ended", { pid: child.pid });
      const root = { mark: child.mark ?? "", pid: alive ? child.pid : null };
      await endLeft(root, stop_ms, () => signal.aborted);
    }
    store.set("child", null);
  }
}

class OwnSite extends Premises implements Site {
  readonly #deps: OwnSiteDeps;

  constructor(deps: OwnSiteDeps) {
    super(deps.log);
    this.#deps = deps;
  }

  start(command: Command): Promise<StartedWorkload> {
    const { store, log, memoryEvents } = this.#deps;
    const onLeftBehind = (pids: readonly number[]) => log("workload_left_behind", { pids: pids.slice(0, 20) });
    const mark = randomUUID();
    const boot = kernelBoot() ?? undefined;
    // An agent that is killed between the start and its record must find what it has started.
    store.set("child", { pid: null, start_ticks: null, mark, boot });
    const child = launch(command, mark, onLeftBehind, memoryEvents);
    const ticks = child.pid === undefined ? null : startTicks(child.pid);
    if (child.pid !== undefined && ticks !== null) {
      store.set("child", { pid: child.pid, start_ticks: ticks, mark, boot });
    }
    return Promise.resolve(child);
  }

  leave(): Promise<void> {
    return Promise.resolve();
  }
}
