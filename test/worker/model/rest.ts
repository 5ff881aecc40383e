/** The end of every history: the faults are over, every agent lives, and each bot comes to where it was sent. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { BotStatus } from "../../../src/wire/enums.ts";
import { comeUp } from "./agent-commands.ts";
import type { KnownBot } from "./known.ts";
import { look } from "./look.ts";
import type { Model } from "./model.ts";
import { BEAT_MS } from "./time-commands.ts";
import type { World } from "./world.ts";

/** Nothing that is not held up by faults takes longer than a few hours. */
const ROUNDS = 150;

export async function comeToRest(model: Model, world: World): Promise<void> {
  world.cloud.script.clear();
  for (let round = 0; round === 0 || !model.bots.every((bot) => isAtRest(bot, world)); round++) {
    const at_work = JSON.stringify(model.bots.map(({ view }) => view));
    expect(round, `still at work: ${at_work}`).toBeLessThan(ROUNDS);
    await goOn(model, world);
  }
  // What a destroy by force has left goes after its quarantine; what no bot knows of is the sweep's.
  for (let round = 0; leftOver(model, world).length > 0; round++) {
    expect(round, `left over: ${leftOver(model, world)}`).toBeLessThan(ROUNDS);
    const swept = await world.send("POST", "/operator/sweep", { body: {} });
    expect(swept.status, swept.text).toBe(202);
    await goOn(model, world);
  }
  for (const bot of model.bots) judgeRest(bot, world);
  await judgeIndex(model);
}

/** A while in which every agent does its part. */
async function goOn(model: Model, world: World): Promise<void> {
  await world.pass(BEAT_MS);
  await look(model, world, { time: true });
  for (const bot of model.bots) await comeUp(model, world, bot);
  // What they have said is yet to reach the index.
  await world.pass(1);
  await look(model, world, { time: true, thorough: true });
}

/** Nothing is under way, and nobody is taken for alive who is not. */
function isAtRest({ running, view }: KnownBot, world: World): boolean {
  if (running) return false;
  return view.status !== "online" || world.cloud.droplet(Number(view.droplet_id))?.powered === true;
}

function leftOver(model: Model, world: World): number[] {
  const wanted = model.bots.map(({ view }) => view.droplet_id);
  return world.cloud.droplets().flatMap(({ id }) => (wanted.includes(id) ? [] : [id]));
}

async function judgeIndex(model: Model): Promise<void> {
  const revisions = (bots: readonly { id: string; revision: number }[]) =>
    bots.map(({ id, revision }) => [id, revision]);
  expect(revisions(model.index).sort()).toEqual(revisions(model.bots.map(({ view }) => view)).sort());
  expect(model.places_taken).toBe(model.bots.filter(({ view }) => view.status !== "destroyed").length);
  for (const { listed, versions } of model.bots) expect(listed).toHaveLength(versions.length);
  const droplets = env.DB.prepare("SELECT id FROM droplets WHERE gone_at IS NULL ORDER BY id");
  const known = model.bots.flatMap(({ view }) => view.droplet_id ?? []);
  expect((await droplets.all()).results.map(({ id }) => id)).toEqual(known.sort());
}

const SUCCEEDED: Partial<Record<string, BotStatus[]>> = {
  create: ["online"],
  resume: ["online"],
  redeploy: ["online"],
  heal: ["online"],
  pause: ["paused"],
  // A bot that was paused before is paused again once it is unsuspended, and nothing has to be done for it.
  suspend: ["suspended", "paused"],
  destroy: ["destroyed"],
};

/** Where the last operation led, or an error that says why not. */
function judgeRest(bot: KnownBot, world: World): void {
  const { view, operation } = bot;
  const droplet = world.dropletsOf(bot).at(0);
  const said = JSON.stringify({ view, droplet });
  // Only a bot whose heals are spent, or not allowed, may be left without a living agent.
  if (view.status === "unresponsive") expect(droplet?.powered ?? false, said).toBe(false);
  else if (operation.state === "succeeded") expect(SUCCEEDED[operation.kind], said).toContain(view.status);
  if (operation.state === "failed") expect(operation.last_error, said).toBeTruthy();
  if (view.status === "online") expect(droplet, said).toMatchObject({ id: view.droplet_id, powered: true });
  // Nobody looks at a paused bot's droplet before it is resumed.
  const unnoticed = world.vanished.has(Number(view.droplet_id));
  if (view.status === "paused" && !unnoticed) {
    expect(droplet, said).toMatchObject({ id: view.droplet_id, powered: false });
  }
  if (view.status === "error") expect(view.reason, said).toBeTruthy();
  expect(["online", "paused", "error", "unresponsive", "suspended", "destroyed"], said).toContain(view.status);
}
