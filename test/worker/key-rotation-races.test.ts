/** Creates, changes, deploys and a rotation that dies, all at once and in random order, on real objects and a real D1. */
import { env } from "cloudflare:workers";
import { describe, it } from "vitest";
import { askForRotation, type RotationPlatform, stepRotation } from "../../src/secrets/key-rotation.ts";
import { MAX_BOTS } from "../../src/wire/enums.ts";
import { prng } from "../simulation/prng.ts";
import { botRequest, endOfTest, eventually, newAccount, simulateCloud } from "./cloud.ts";
import {
  deploy,
  eachBeginsWith,
  inObject,
  keysUsedBy,
  NEW_KEY,
  OLD_KEY,
  RINGS,
  secretsOf,
  workerWith,
} from "./keys.ts";
import { keyOf, patch, rotate, status } from "./rotations.ts";

/** `SEED` replays a schedule, or draws others. */
const SEED = Number(process.env.SEED || 1);
const SCHEDULES = 4;
const ROUNDS = 12;
const AT_ONCE = 3;
const ACCOUNTS = 4;
const MAX_BOTS_A_SCHEDULE = 4;
const HOUR = 3_600_000;

// There are many bots to be silenced, and each looks again at the droplets that it asked for.
eachBeginsWith(RINGS.old_and_new, () => eventually(endOfTest));

/** The secret that a bot was made with, and those that were published since or may have been. */
type Promises = Map<string, { told: string; asked: string[] }>;

class Fleet {
  readonly promises: Promises = new Map();
  readonly #random: () => number;
  /** An account's id for each place that it has. */
  readonly #places: string[];
  #later = 0;

  constructor(random: () => number, accounts: readonly string[]) {
    this.#random = random;
    this.#places = accounts.flatMap((account) => Array<string>(MAX_BOTS.pro).fill(account));
  }

  /** One of the things that may happen at any time. */
  happen(): Promise<unknown> {
    const dice = this.#random();
    if (dice < 0.15 && this.promises.size < MAX_BOTS_A_SCHEDULE) return this.create();
    if (dice < 0.5) return this.change();
    if (dice < 0.6) return deploy(this.#random() < 0.5 ? RINGS.old_and_new : RINGS.new_and_old);
    if (dice < 0.7) return this.stall();
    return this.rotateABit();
  }

  /** By a Worker of this deploy or that. */
  async create(): Promise<void> {
    const { request } = workerWith(this.#random() < 0.5 ? RINGS.old_and_new : RINGS.new_and_old);
    const told = crypto.randomUUID();
    const made = await request("POST", "/bots", botRequest(this.#places.pop() ?? "", { llm_api_key: told }));
    if (made.status === 201) this.promises.set(made.json.id, { told, asked: [] });
    else if (made.status < 500) throw new Error(made.text);
  }

  async change(): Promise<void> {
    const [id, promise] = this.#pick([...this.promises]) ?? [];
    if (id === undefined || promise === undefined) return;
    const secret = crypto.randomUUID();
    promise.asked.push(secret);
    const answer = await patch(id, { llm_api_key: secret });
    if (answer.json.code === "key_retired") promise.asked.splice(promise.asked.indexOf(secret), 1);
    else if (answer.status !== 200 && answer.status < 500) throw new Error(answer.text);
  }

  /** The database cannot be reached for a while: what is to be delivered waits. */
  async stall(): Promise<void> {
    const [id] = this.#pick([...this.promises.keys()].map((key) => [key])) ?? [];
    if (id === undefined) return;
    await inObject(id, ({ sql }) => sql.exec("UPDATE outbox SET next_at = ?", Date.now() + HOUR));
  }

  /** Goes on with it for some calls, and dies. */
  async rotateABit(): Promise<void> {
    const { platform } = workerWith(RINGS.new_and_old);
    let left = Math.floor(this.#random() * 25);
    this.#later += 2 * platform.lease_ms;
    const later = this.#later;
    const doomed = new Proxy(platform, {
      get: (target, name: keyof RotationPlatform) => {
        if (name === "now") return () => Date.now() + later;
        const part = target[name];
        if (typeof part !== "function" || name === "uuid" || name === "log") return part;
        return async (...args: never[]) => {
          if (left-- <= 0) throw new Error("died");
          return (part as (...given: never[]) => unknown)(...args);
        };
      },
    });
    await askForRotation(doomed, null)
      .then(() => stepRotation(doomed))
      .catch(() => undefined);
  }

  #pick<T>(things: readonly T[]): T | undefined {
    return things[Math.floor(this.#random() * things.length)];
  }
}

describe(`whatever else happens during a rotation (SEED=${SEED})`, () => {
  it.for(Array.from({ length: SCHEDULES }, (_, schedule) => SEED + schedule))(
    "every secret opens, and what is called removable is used by nobody: %i",
    async (seed, { expect }) => {
      simulateCloud();
      const random = prng(seed);
      const fleet = new Fleet(random, await Promise.all(Array.from({ length: ACCOUNTS }, () => newAccount())));
      let removable = false;
      const check = async () => {
        removable ||= keyOf(await status(), OLD_KEY)?.removable === true;
        for (const [id, promise] of fleet.promises) {
          const secrets = await secretsOf(id, RINGS.new_and_old);
          const last = secrets
            .filter(({ place }) => place === "object")
            .reduce((newest, secret) => (secret.version > newest.version ? secret : newest));
          expect([promise.told, ...promise.asked]).toContain(last.plain);
        }
        if (!removable) return;
        // Those too whose create was not answered.
        const { results } = await env.DB.prepare("SELECT id FROM bots").all<{ id: string }>();
        for (const { id } of results) expect(await keysUsedBy(id)).toEqual([NEW_KEY]);
      };
      await fleet.create();
      for (let round = 0; round < ROUNDS; round++) {
        await Promise.all(Array.from({ length: AT_ONCE }, () => fleet.happen()));
        await check();
      }
      await deploy(RINGS.new_and_old);
      await env.DB.prepare("UPDATE key_rotations SET lease_until = 0").run();
      expect(await rotate()).toMatchObject({ error_count: 0 });
      await check();
      expect(removable).toBe(true);
      // And whoever is still there from before does not change that.
      await deploy(RINGS.old_and_new);
      for (let round = 0; round < 3; round++) await Promise.all([fleet.create(), fleet.change(), fleet.change()]);
      await check();
    },
  );
});
