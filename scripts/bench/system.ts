/** Everything that a benchmark needs, and its end: no process and no file is left behind. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { formatToken } from "../../src/wire/tokens.ts";
import { type BenchCloud, startCloud } from "./cloud.ts";
import { Fleet } from "./fleet.ts";
import { stateParent } from "./machine.ts";
import { bundle, type Runtime, type RuntimeOptions, startRuntime } from "./runtime.ts";

/** Nobody waits for a delay that is ours, no budget is spent, and nobody is silent before the run is over. */
const POLICY = {
  poll_due_ms: 1,
  poll_young_ms: 1,
  poll_old_ms: 5,
  backoff_base_ms: 5,
  silent_after_ms: 6 * 60 * 60_000,
};
const LIMITS = {
  per_minute: 1_000_000_000,
  per_hour: 1_000_000_000,
  background_per_minute: 1_000_000_000,
  creates: 1_000_000,
  usual_create_ms: 1,
};

export class System {
  readonly operator: string;
  readonly fleet: Fleet;
  readonly #options: RuntimeOptions;
  readonly #bundled: string;
  readonly #cloud: BenchCloud;
  #runtime: Runtime;

  private constructor(operator: string, options: RuntimeOptions, bundled: string, cloud: BenchCloud, runtime: Runtime) {
    this.operator = operator;
    this.#options = options;
    this.#bundled = bundled;
    this.#cloud = cloud;
    this.#runtime = runtime;
    this.fleet = new Fleet(runtime.url, cloud, operator);
  }

  static async start(root: string): Promise<System> {
    const dir = await mkdtemp(join(stateParent(), "spawnpoint-bench-"));
    const operator = formatToken("op", randomUUID(), randomBytes(32));
    const cloud = await startCloud();
    const options = {
      root,
      dir,
      settings: settingsOf(operator, cloud),
      log: (line: string) => appendFileSync(join(dir, "worker.log"), `${line}\n`),
    };
    try {
      const bundled = await bundle(root, dir);
      return new System(operator, options, bundled, cloud, await startRuntime(options, bundled));
    } catch (error) {
      await cloud.close();
      await rm(dir, { recursive: true });
      throw error;
    }
  }

  get url(): URL {
    return this.#runtime.url;
  }

  /** Of workerd. */
  get pid(): number {
    return this.#runtime.pid;
  }

  get dir(): string {
    return this.#options.dir;
  }

  /** Another workerd on the same state: no object is in its memory. */
  async restart(): Promise<void> {
    await this.#runtime.stop();
    this.#runtime = await startRuntime(this.#options, this.#bundled);
    this.fleet.url = this.#runtime.url;
  }

  async stop(): Promise<void> {
    await this.#runtime.stop();
    await this.#cloud.close();
    await rm(this.#options.dir, { recursive: true });
  }
}

function settingsOf(operator: string, cloud: BenchCloud): Record<string, string> {
  return {
    ENVIRONMENT: "development",
    PUBLIC_URL: "http://127.0.0.1",
    DIGITALOCEAN_API_URL: cloud.url,
    DIGITALOCEAN_TOKEN: cloud.token,
    ENCRYPTION_KEYS: `bench:${randomBytes(32).toString("base64")}`,
    OPERATOR_TOKEN_SHA256: createHash("sha256").update(operator).digest("hex"),
    SESSION_SECRET: randomBytes(32).toString("base64"),
    // One operator and few keys ask as much as a fleet's customers.
    REQUESTS_PER_MINUTE: "1000000000",
    CREATES_PER_HOUR: "1000000000",
    SWEEP_MODE: "off",
    PROVIDER_LIMITS: JSON.stringify(LIMITS),
    POLICY: JSON.stringify(POLICY),
  };
}
