/** What happens without being asked for: time, with agents that beat or do not, and the cloud's whims. */
import fc from "fast-check";
import { expect } from "vitest";
import type { FaultRule } from "../../../simulator/model/faults.ts";
import { beat } from "./agent-commands.ts";
import type { KnownBot } from "./known.ts";
import { look } from "./look.ts";
import { type Command, command, type Model, often } from "./model.ts";
import type { HangsAt, World } from "./world.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** Often enough not to be taken for silent, and seldom enough to be quick. */
export const BEAT_MS = 120 * SECOND;
/** After that long without a fault no backoff, lease or look-window is left of it. */
const CALM_MS = 45 * MINUTE;
/** What DigitalOcean and an undisturbed operation need at most. */
const AMPLE_MS = 10 * MINUTE;

/** Time passes. Where nothing is wrong, work that needs nobody else has been done by its end. */
export async function passTime(model: Model, world: World, ms: number): Promise<void> {
  const calm = world.isCalm(CALM_MS);
  const before = model.bots.map((bot) => ({ bot, failures: count(bot, "attempt_failed") }));
  await world.pass(ms, { interval_ms: BEAT_MS, run: () => beatAll(model, world) });
  await look(model, world, { time: true });
  if (!calm || ms < AMPLE_MS) return;
  for (const { bot, failures } of before) if (count(bot, "attempt_failed") === failures) judgeProgress(bot);
}

function count(bot: KnownBot, kind: string): number {
  return bot.history.filter((event) => event.kind === kind).length;
}

function judgeProgress(bot: KnownBot): void {
  if (!bot.running) return;
  const { kind } = bot.operation;
  expect(["pause", "destroy"], `a ${kind} has had time enough`).not.toContain(kind);
  if (kind !== "heal") expect(bot.view.droplet, `a ${kind} has had time enough`).toMatchObject({ status: "active" });
}

/** Every agent that lives on a droplet that runs says so. */
async function beatAll(model: Model, world: World): Promise<void> {
  await look(model, world, { time: true });
  for (const bot of model.bots) {
    if (!bot.bound?.lives || !world.cloud.droplet(bot.bound.droplet_id)?.powered) continue;
    await look(model, world, await beat(bot, bot.bound));
  }
}

const SOME_FAULTS: readonly FaultRule[] = [
  { on: "create_droplet", fault: "timeout_after" },
  { on: "create_droplet", fault: "before_effect" },
  { on: "create_droplet", fault: "unparsable_202" },
  { on: "create_droplet", fault: "quota" },
  { on: "create_droplet", fault: "create_errored" },
  { on: "any", fault: "rate_limited", retry_after_s: 20 },
  { on: "any", fault: "status_5xx_before", status: 503 },
  { on: "any", fault: "html_502_after" },
  { on: "any", fault: "unauthorized" },
  { on: "droplet_action", fault: "pending_event" },
  { on: "droplet_action", fault: "lost_action" },
  { on: "delete_droplet", fault: "lost_action" },
  { on: "list_droplets", fault: "list_omits" },
];

const someBot = fc.nat({ max: 3 });

export const timeCommands: fc.Arbitrary<Command>[] = [
  ...often(
    7,
    fc
      .constantFrom(0, 10 * SECOND, MINUTE, 200 * SECOND, 200 * SECOND, 15 * MINUTE, 30 * MINUTE)
      .map((ms) => command(`pass(${ms / SECOND} s)`, (model, world) => passTime(model, world, ms))),
  ),
  ...often(
    5,
    fc.constant(
      command("pass(one alarm)", async (model, world) => {
        await world.passToNextAlarm(AMPLE_MS);
        await look(model, world, { time: true });
      }),
    ),
  ),
  ...often(
    3,
    fc.constantFrom<HangsAt>("before", "after").map((at) =>
      command(`pass(until a call hangs ${at} its effect)`, async (model, world) => {
        await world.takeOff(AMPLE_MS, at);
        await look(model, world, { time: true });
      }),
    ),
  ),
  ...often(
    2,
    fc.tuple(someBot, fc.boolean()).map(([pick, lives]) =>
      command(`agent of #${pick} ${lives ? "comes back" : "falls silent"}`, async (model) => {
        const agent = model.bots[pick]?.agents.at(-1);
        if (agent !== undefined) agent.lives = lives;
      }),
    ),
  ),
];

export const troubleCommands: fc.Arbitrary<Command>[] = [
  fc.constantFrom(...SOME_FAULTS).map((rule) =>
    command(`fault(${rule.on}, ${rule.fault})`, async (_model, world) => {
      world.addFault({ ...rule, times: 1 });
    }),
  ),
  fc.tuple(someBot, fc.constantFrom("vanishes", "goes off")).map(([pick, what]) =>
    command(`droplet of #${pick} ${what}`, async (model, world) => {
      const droplet_id = model.bots[pick]?.view.droplet_id ?? null;
      world.troubled_at = world.time.now;
      if (droplet_id === null || !world.cloud.droplet(droplet_id)) return;
      if (what === "goes off") return world.cloud.powerOffByHand(droplet_id);
      world.vanished.add(droplet_id);
      world.cloud.vanish(droplet_id);
    }),
  ),
];
