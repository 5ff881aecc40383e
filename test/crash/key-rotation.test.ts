import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, it } from "vitest";
import { stateParent } from "../../scripts/bench/machine.ts";
import { bundle, type Runtime, startRuntime } from "../../scripts/bench/runtime.ts";
import { demoBot } from "../../scripts/dev/demo.ts";
import type { RotationStatus } from "../../src/wire/encryption-keys.ts";
import { MAX_BOTS } from "../../src/wire/enums.ts";
import { formatToken } from "../../src/wire/tokens.ts";
import { prng } from "../simulation/prng.ts";
import { openEverySecret, type StoredSecret } from "./stored-secrets.ts";

const BOTS = Number(process.env.CRASH_BOTS ?? 2_000);
const KILLS = 5;
const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
/** Kills are spread over this share of the work: after the last one there is still something left. */
const SPREAD = 0.75;
/** Once so much is done a kill comes within this time, in the middle of something else. */
const KILL_WITHIN_MS = 150;
const AT_ONCE = 16;
const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const key = (id: string) => `${id}:${randomBytes(32).toString("base64")}`;
const OLD = key("old");
const NEW = key("new");
const operator = formatToken("op", randomUUID(), randomBytes(32));

let dir: string;
let bundled: string;
let provider: Server;
let runtime: Runtime;
/** The last secret of each bot that somebody was told is published, and the one that may be. */
const promised = new Map<string, { told: string; asked: string }>();

beforeAll(async () => {
  // SIGKILL takes nothing of what was written to a file, be it in memory: only the fsyncs are quicker there.
  dir = await mkdtemp(join(stateParent(), "spawnpoint-keys-"));
  // Nobody gets a droplet: the bots stay pending, and their objects work as little as they can.
  provider = createServer((_request, response) => response.writeHead(401).end("{}"));
  await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
  bundled = await bundle(ROOT, dir);
});
afterAll(async () => {
  await runtime?.stop();
  await new Promise((resolve) => provider.close(resolve));
  await rm(dir, { recursive: true, force: true });
});

async function start(ring: string): Promise<void> {
  const settings = {
    ENVIRONMENT: "development",
    PUBLIC_URL: "http://127.0.0.1",
    DIGITALOCEAN_API_URL: `http://127.0.0.1:${(provider.address() as AddressInfo).port}`,
    DIGITALOCEAN_TOKEN: "dop_v1_simulator",
    ENCRYPTION_KEYS: ring,
    OPERATOR_TOKEN_SHA256: createHash("sha256").update(operator).digest("hex"),
    SESSION_SECRET: "signs nothing here, for nobody signs in",
    REQUESTS_PER_MINUTE: "1000000",
    SWEEP_MODE: "off",
    POLICY: JSON.stringify({ rotation_lease_ms: 2_000 }),
  };
  runtime = await startRuntime({ root: ROOT, dir, settings, log: () => undefined }, bundled);
}

/** SIGKILL to workerd, and nothing of it is left. */
async function kill(): Promise<void> {
  process.kill(runtime.pid, "SIGKILL");
  await runtime.stop();
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(new URL(path, runtime.url), {
    method,
    headers: { authorization: `Bearer ${operator}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(20_000),
  });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

/** Several at a time. */
async function forEach<T>(things: readonly T[], run: (thing: T) => Promise<void>): Promise<void> {
  const left = [...things];
  const worker = async () => {
    for (let thing = left.pop(); thing !== undefined; thing = left.pop()) await run(thing);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function makeBots(): Promise<void> {
  const accounts = Array.from({ length: Math.ceil(BOTS / MAX_BOTS.pro) }, () => randomUUID());
  await forEach(accounts, async (external_id) => {
    const account = await call<{ id: string }>("POST", "/accounts", { external_id, tier: "pro" });
    for (let bot = 0; bot < MAX_BOTS.pro; bot++) {
      const secret = `sk-${randomUUID()}`;
      const body = { ...demoBot(account.id, "Keys"), llm_api_key: secret };
      const { id } = await call<{ id: string }>("POST", "/bots", body);
      promised.set(id, { told: secret, asked: secret });
    }
  });
}

async function change(id: string): Promise<void> {
  const secret = `sk-${randomUUID()}`;
  const known = promised.get(id) ?? { told: "", asked: "" };
  promised.set(id, { ...known, asked: secret });
  await call("PATCH", `/bots/${id}/config`, { llm_api_key: secret });
  promised.set(id, { told: secret, asked: secret });
}

/** Each bot's last version, in its object, is what was promised; what D1 and the outboxes have opens too. */
function check(secrets: readonly StoredSecret[]): string[] {
  const last = new Map<string, StoredSecret>();
  for (const secret of secrets) {
    if (secret.store === "object" && secret.version >= (last.get(secret.bot_id)?.version ?? 0))
      last.set(secret.bot_id, secret);
  }
  const inIndex = new Set(secrets.filter(({ store }) => store === "D1").map(({ bot_id }) => bot_id));
  return [...promised].flatMap(([id, { told, asked }]) => {
    const found = last.get(id)?.plain;
    if (found !== told && found !== asked) return [`the last secret of ${id} is not the one that was promised`];
    return inIndex.has(id) ? [] : [`D1 has no secret of ${id}`];
  });
}

describe(`rotation of ${BOTS} bots' secrets, SIGKILL ${KILLS} times at random moments (CRASH_SEED=${SEED})`, () => {
  it("comes to its end, and every secret can be read throughout", async ({ expect }) => {
    const random = prng(SEED);
    const begun = Date.now();
    const say = (text: string) => console.log(`${((Date.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${text}`);
    const both = `${NEW},${OLD}`;
    const counted = (secrets: readonly StoredSecret[]) =>
      ["old", "new"].map((id) => `${secrets.filter(({ key: named }) => named === id).length} ${id}`).join(", ");
    let known = 0;
    const everything = async (ring: string) => {
      const secrets = await openEverySecret(join(dir, "state"), ring);
      expect(check(secrets)).toEqual([]);
      const inIndex = secrets.filter(({ store }) => store === "D1").length;
      expect(inIndex, "no version in D1 is ever lost").toBeGreaterThanOrEqual(known);
      known = inIndex;
      return secrets;
    };

    say(`seed ${SEED}, state in ${dir}`);
    await start(OLD);
    await makeBots();
    const ids = [...promised.keys()];
    await forEach(ids.slice(0, BOTS / 10), change);
    say(`${ids.length} bots in ${Math.ceil(BOTS / MAX_BOTS.pro)} accounts, every tenth with a second version`);
    await kill();
    say(`${(await everything(OLD)).length} secrets on disk, under the old key`);

    const points = Array.from({ length: KILLS }, () => random() * SPREAD).sort((a, b) => a - b);
    for (const [kills, point] of points.entries()) {
      await start(both);
      const delay = Math.floor(random() * KILL_WITHIN_MS);
      const driven = drive(random, ids, point);
      await driven.reached;
      await sleep(delay);
      await kill();
      const { phase, asked } = await driven.ended;
      const secrets = await everything(both);
      const where = `${delay} ms after ${Math.round(100 * point)} % (${phase}, ${asked} bots asked)`;
      say(`SIGKILL ${kills + 1}, ${where}: ${counted(secrets)}, all open`);
      expect(
        secrets.some(({ key: named }) => named === "old"),
        "the rotation was not over yet",
      ).toBe(true);
    }

    await start(both);
    let status = await call<RotationStatus>("POST", "/operator/keys/rotate", {});
    while (status.state !== "done") {
      await sleep(50);
      status = await call<RotationStatus>("POST", "/operator/keys/rotate", {});
    }
    say(`done in round ${status.progress.round}: ${JSON.stringify(status.keys)}`);
    expect(status).toMatchObject({ error_count: 0, progress: { bots: { done: ids.length, total: ids.length } } });
    expect(status.keys.find(({ id }) => id === "old")).toMatchObject({ envelopes: 0, bots: 0, removable: true });
    await kill();
    say(`${counted(await everything(NEW))}, and all open with the new key alone`);
  });
});

/** Asks for page after page, while secrets are changed, until nobody answers any more. */
function drive(random: () => number, ids: readonly string[], point: number) {
  const reached = Promise.withResolvers<void>();
  let last: RotationStatus | null = null;
  let over = false;
  const end = () => {
    over = true;
  };
  const rotating = (async () => {
    for (;;) {
      last = await call<RotationStatus>("POST", "/operator/keys/rotate", {});
      if (share(last) >= point) reached.resolve();
    }
  })().catch(end);
  const changing = (async () => {
    while (!over) await change(ids[Math.floor(random() * ids.length)] ?? "");
  })().catch(end);
  const ended = Promise.all([rotating, changing]).then(() => ({
    phase: last?.progress.phase,
    asked: last?.progress.bots.done,
  }));
  return { reached: reached.promise, ended };
}

/** How much of a rotation is done, 0 to 1. */
function share({ progress: { bots, envelopes } }: RotationStatus): number {
  return (bots.done + envelopes.done) / (bots.total + envelopes.total);
}
