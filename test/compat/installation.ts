/** One installation, with its database, objects, cloud and droplets, to which release after release is deployed. */
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { claimPort } from "../../scripts/dev/dev-state.ts";
import { localSecrets } from "../../scripts/dev/secrets.ts";
import { type RunningWorker, startWorker } from "../../scripts/dev/worker.ts";
import { type RunningSimulator, startSimulator } from "../../simulator/server.ts";
import { type Dev, System } from "../e2e/system.ts";
import type { Release } from "./release.ts";

/** As of `npm start`: droplets are up in seconds. */
const KNOBS = {
  create_ms: 2_000,
  tag_ms: 3_000,
  list_lag_ms: 500,
  ip_lag_ms: 300,
  event_tail_ms: 500,
  delete_ms: 2_000,
  power_ms: 1_000,
  shutdown_ms: 8_000,
  status_lag_ms: 300,
};
/** Seconds on an idle machine; what is waited for is a condition, never a time. */
const PATIENCE_MS = 300_000;
/** Each by itself is what a release must never say of what the other one wrote. */
const ALARMING = /bot_state_unreadable|bot_unreadable|bot_object_lost|_row_unreadable|secret_unreadable|Uncaught/;

export class Installation extends System {
  #simulator: RunningSimulator | null = null;
  /** Also one that has not come up yet: whoever gives up waiting for it must still stop it. */
  #worker: Promise<RunningWorker> | null = null;
  #port = 0;

  static async create(settings: Readonly<Record<string, string>> = {}): Promise<Installation> {
    // On one machine all droplets share one loopback address, so each takes a free port.
    const dir = await mkdtemp(join(tmpdir(), "spawnpoint-compat-"));
    const installation = new Installation(dir, { WORKLOAD_PORT: "0", ...settings });
    const { digitalocean_token } = await localSecrets(dir);
    installation.#simulator = await startSimulator({
      port: 0,
      state_dir: join(dir, "simulator"),
      token: digitalocean_token,
      knobs: KNOBS,
      droplet_limit: 100,
      machines: true,
      log: () => undefined,
    });
    // Droplets remember where their control plane is: it never moves.
    installation.#port = await claimPort("0", 0);
    return installation;
  }

  get simulator() {
    if (this.#simulator === null) throw new Error("the cloud is gone");
    return this.#simulator.simulator;
  }

  /** Stops the Worker that runs; applies this release's migrations, and starts its Worker on what is there. */
  async deploy({ root }: Release): Promise<void> {
    await this.halt();
    const secrets = await localSecrets(this.state_dir);
    const simulator_url = this.#simulator?.url ?? "";
    const { state_dir, settings } = this;
    const where = { root, state_dir, port: this.#port, patience_ms: PATIENCE_MS };
    this.#worker = startWorker({ ...where, simulator_url, secrets, settings });
    const { base_url, child } = await this.#worker;
    this.dev = {
      base_url,
      admin_token: secrets.admin_token,
      simulator_url,
      digitalocean_token: secrets.digitalocean_token,
      pid: process.pid,
      worker_pid: child.pid,
    };
  }

  /** Nobody serves: droplets and cloud go on. */
  async halt(): Promise<void> {
    const worker = await this.#worker?.catch(() => null);
    this.#worker = null;
    await worker?.child.stop();
  }

  override until(what: string, holds: () => Promise<boolean>): Promise<void> {
    return super.until(what, holds, PATIENCE_MS);
  }

  override async readDev(): Promise<Dev> {
    if (this.dev === null) throw new Error("nothing is deployed");
    return this.dev;
  }

  override async stop(): Promise<number | null> {
    await this.halt();
    await this.#simulator?.close();
    this.#simulator = null;
    return 0;
  }

  /** What the Workers have said that none should ever have to say. */
  async alarms(): Promise<string[]> {
    const log = await readFile(join(this.state_dir, "worker.log"), "utf8");
    return log.split("\n").filter((line) => ALARMING.test(line));
  }
}
