/**
 * The workload as a unit of its own, of another user: the launcher, which is root's, starts and stops it and takes no other
 * order. What is done on its side is done by the steward (`steward.ts`), over a connection that systemd has made: the
 * agent's directory is closed to everybody but root, so nobody else comes in there, and what is said there stays nowhere.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describeError, type Log } from "../base/log.ts";
import { Door } from "./door.ts";
import { giveOrder } from "./launcher-client.ts";
import type { Site, Sites } from "./site.ts";
import { StewardLine } from "./steward-line.ts";

/** As systemd names it; gone with the unit. */
export const WORKLOAD_GROUP = "/sys/fs/cgroup/system.slice/spawnpoint-workload.service";

/** From the order to start until the steward speaks, on a machine that has much else to do. */
const ENTER_MS = 60_000;
const LOOK_AGAIN_MS = 500;

export interface UnitSiteDeps {
  /** Where the launcher listens. */
  launcher: string;
  /** Where the steward's connections come in. */
  directory: string;
  /** The unit's control group. */
  group: string;
  log: Log;
}

export class UnitSites implements Sites {
  readonly #deps: UnitSiteDeps;
  #doors: Promise<{ control: Door; output: Door }> | null = null;

  constructor(deps: UnitSiteDeps) {
    this.#deps = deps;
  }

  async open(superseded: AbortSignal): Promise<Site> {
    this.#doors ??= this.#openDoors();
    const { control, output } = await this.#doors;
    const given_up = new AbortController();
    const patience = AbortSignal.any([superseded, given_up.signal, AbortSignal.timeout(ENTER_MS)]);
    const coming = [control.next(patience), output.next(patience)] as const;
    try {
      await giveOrder(this.#deps.launcher, "start");
      const [talk, words] = await Promise.all(coming);
      const line = new StewardLine({ talk, words, clear: () => this.#clear(), log: this.#deps.log });
      await line.hello(patience);
      return line;
    } catch (error) {
      given_up.abort();
      for (const each of coming) each.then((socket) => socket.destroy()).catch(() => {});
      await this.#clear();
      throw error;
    }
  }

  /** Until nothing of the unit is left, which is the kernel's word. */
  async #clear(): Promise<void> {
    const { launcher, group, log } = this.#deps;
    for (;;) {
      try {
        await giveOrder(launcher, "stop");
      } catch (error) {
        log("launcher_failed", { order: "stop", error: describeError(error) });
      }
      if (!isPopulated(group)) return;
      await pause(LOOK_AGAIN_MS);
    }
  }

  async endLeftover(): Promise<void> {
    const { group, log } = this.#deps;
    if (!isPopulated(group)) return;
    log("workload_leftover_ended");
    await this.#clear();
  }

  async #openDoors(): Promise<{ control: Door; output: Door }> {
    const { directory } = this.#deps;
    try {
      const control = await Door.open(join(directory, "control.sock"));
      return { control, output: await Door.open(join(directory, "output.sock")) };
    } catch (error) {
      this.#doors = null;
      throw error;
    }
  }
}

/** @param group the directory of a control group, which is there only as long as its unit */
export function isPopulated(group: string): boolean {
  try {
    return /^populated 1$/m.test(readFileSync(join(group, "cgroup.events"), "utf8"));
  } catch {
    return false;
  }
}
