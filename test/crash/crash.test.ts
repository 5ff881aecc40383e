import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import { DIED_DURING_APPLY } from "../../bootstrap/agent/workload/apply-rules.ts";
import type { BotListItem, BotView } from "../../src/wire/bot.ts";
import { System } from "../e2e/system.ts";
import { prng } from "../simulation/prng.ts";
import { Customer, type Promised } from "./customer.ts";

const CYCLES = Number(process.env.CRASH_CYCLES ?? 20);
const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
/** A kill comes at most this long after something was asked for. */
const KILL_WITHIN_MS = 4_000;
const SAVED_AFTER_MS = 2_000;
/** Everything that was under way has to come to rest in this time. */
const REST_MS = 240_000;

/** Who dies: the Worker alone, what started it (and with it the simulated cloud), or everything at once. */
const VICTIMS = ["worker", "worker", "starter", "everything"] as const;
type Victim = (typeof VICTIMS)[number];

let system: System;

beforeAll(async () => {
  system = await System.start();
});
afterAll(async () => {
  await system?.remove();
});

async function kill(victim: Victim): Promise<void> {
  if (victim === "worker") {
    const before = (await system.readDev()).worker_pid;
    await system.killWorker();
    await system.until("another Worker has taken over", async () => (await system.readDev()).worker_pid !== before);
    return;
  }
  // First what would start a Worker again.
  await system.killStarter();
  if (victim === "everything") await system.killWorker();
  await system.boot();
}

function working({ operation }: BotView): boolean {
  return operation?.state === "queued" || operation?.state === "running";
}

function isRestored(bot: BotView, { status }: Promised): boolean {
  return bot.status === status && !working(bot) && (status !== "online" || !bot.config_drift);
}

function inWords(bot: BotView): string {
  return `${bot.status} (${bot.reason}; ${bot.operation?.kind} ${bot.operation?.state} ${bot.operation?.step}; next ${JSON.stringify(bot.next)})`;
}

describe(`SIGKILL at random moments, ${CYCLES} times (CRASH_SEED=${SEED})`, () => {
  it("loses no bot, no droplet and no promise", async ({ expect }) => {
    const random = prng(SEED);
    const stranger = { name: "somebody-elses", tags: ["web"] };
    await system.cloud("POST", "/_sim/foreign", stranger);
    // Unlike DigitalOcean's own, this endpoint answers before the simulator has saved.
    await sleep(SAVED_AFTER_MS);
    const customer = await Customer.of(system, random);
    const begun = Date.now();
    const say = (text: string) =>
      console.log(`${String(Math.round((Date.now() - begun) / 1000)).padStart(4)} s  ${text}`);
    say(`seed ${SEED}, state in ${system.state_dir}`);

    for (let cycle = 1; cycle <= CYCLES; cycle++) {
      const { said, answered } = customer.actAtRandom();
      const delay = Math.floor(random() * KILL_WITHIN_MS);
      const victim = VICTIMS[Math.floor(random() * VICTIMS.length)] ?? "worker";
      say(`${cycle}: ${said.join(", ") || "nothing"}; SIGKILL to the ${victim} after ${delay} ms`);
      // Both are waited for, whichever fails: nothing goes on behind the test's back.
      const ends = await Promise.allSettled([sleep(delay).then(() => kill(victim)), answered]);
      for (const end of ends) if (end.status === "rejected") throw end.reason;
    }

    say("no more kills");
    for (const promised of customer.bots) {
      let seen = "";
      let published = 0;
      const rests = system.until(
        `bot ${promised.id} rests as promised`,
        async () => {
          const bot = await system.bot(promised.id);
          seen = inWords(bot);
          const { state, reason, version } = bot.config.rollout;
          if (reason === DIED_DURING_APPLY && version > published) {
            say(`${promised.id.slice(0, 8)}: its droplet died during an apply (now ${state}); publishing anew`);
            published = version;
            await customer.publishAgain(promised);
          }
          return isRestored(bot, promised);
        },
        REST_MS,
      );
      await rests.catch((error: unknown) => {
        throw new Error(`${promised.id} should be ${promised.status} and is ${seen}`, { cause: error });
      });
    }
    say(`${customer.bots.length} bots rest`);

    for (const { id, strictness } of customer.living) {
      const config = await system.api<{ trading_config: { strictness: string } }>("GET", `/bots/${id}/config`);
      expect(config.trading_config.strictness, `the last change of ${id}`).toBe(strictness);
    }
    for (const { id, status } of customer.bots) {
      const shown = (await system.dropletsOf(id)).map((droplet) => droplet.status);
      const wanted = status === "destroyed" ? [] : [status === "paused" ? "off" : "active"];
      expect(shown, `the droplets of ${id}, which is ${status}`).toEqual(wanted);
    }
    const droplets = await system.droplets();
    expect(droplets.filter(({ foreign }) => foreign)).toMatchObject([{ name: stranger.name, status: "active" }]);
    expect(droplets.filter(({ foreign }) => !foreign)).toHaveLength(customer.living.length);
    expect(await customer.countedByQuota()).toBe(customer.living.length);
    await system.until("the index tells what the bots tell", () => indexAgrees(customer.bots), 60_000);
  });
});

async function indexAgrees(bots: readonly Promised[]): Promise<boolean> {
  const { data } = await system.api<{ data: BotListItem[] }>("GET", "/bots?include_destroyed=true&limit=100");
  for (const { id } of bots) {
    const row = data.find((item) => item.id === id);
    const bot = await system.bot(id);
    const fields = [
      "revision",
      "status",
      "generation",
      "droplet_id",
      "desired_config_version",
      "applied_config_version",
    ] as const;
    const differs = fields.find((field) => row?.[field] !== bot[field]);
    if (differs) throw new Error(`${id}: ${differs} is ${bot[differs]} and ${row?.[differs]} in the index`);
  }
  return data.length === bots.length;
}
