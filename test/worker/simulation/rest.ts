/** What has to be true once faults have ended: every bot at rest, and of everything exactly what is wanted. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { type BotState, isRunning } from "../../../src/bot/model/state.ts";
import { nextAlarm } from "../../../src/bot/reconcile/schedule.ts";
import type { BotStatus } from "../../../src/wire/enums.ts";
import { MAX_BOTS } from "../../../src/wire/enums.ts";
import { request } from "../cloud.ts";
import type { People } from "./people.ts";
import type { Scene } from "./scene.ts";
import { policy } from "./speed.ts";

const RESTS: readonly BotStatus[] = ["online", "paused", "suspended", "error", "destroyed"];

/** Null: everything is as it has to be in the end. Else what is not, or not yet. */
export async function complaint(scene: Scene, people: People): Promise<string | null> {
  if (scene.history.complaint !== null) return scene.history.complaint;
  if (scene.cloud.nextDue() !== null) return "DigitalOcean is not done";
  for (const id of scene.bots) {
    const wrong = await complaintOf(scene, people, id);
    if (wrong !== null) return `${id} ${wrong}`;
  }
  return complaintOfAccount(scene, people);
}

async function complaintOf(scene: Scene, people: People, id: string): Promise<string | null> {
  const { sight, alarm } = await look(scene, id);
  if (sight.loaded.kind !== "bot") return "does not exist";
  const { bot, rt } = sight.loaded;
  const next = nextAlarm(bot, rt, Date.now(), policy, sight.delivery_at);
  if (alarm === null && next.at !== null) return `sleeps for ever: ${describe(bot)}`;
  if (isRunning(bot.operation) || !RESTS.includes(bot.status)) return `does not come to rest: ${describe(bot)}`;
  if (sight.delivery_at !== null) return "has rows that nobody has received";
  return complaintOfDroplets(scene, bot) ?? (await complaintOfPromises(people, bot)) ?? (await complaintOfIndex(bot));
}

/** Reads the object's storage; it has to be durable to count. */
function look(scene: Scene, id: string) {
  return runInDurableObject(env.BOT.getByName(id), async (_bot, { storage }) => {
    const sight = scene.history.see(id, storage);
    const alarm = await storage.getAlarm();
    await storage.sync();
    scene.history.judge(id, sight);
    return { sight, alarm };
  });
}

function complaintOfDroplets(scene: Scene, bot: BotState): string | null {
  const droplets = scene.dropletsOf(bot.id);
  const names = droplets.map(({ name, id }) => `${name} (${id})`).join(", ");
  const [droplet] = droplets;
  if (droplets.some(({ id }) => id !== bot.adopted)) return `is ${describe(bot)}, knows ${bot.adopted}, has ${names}`;
  if (bot.status === "destroyed" && bot.adopted !== null) return "is destroyed and keeps a droplet";
  if (scene.meddled) return null;
  if (bot.adopted !== null && !droplet) return `is ${describe(bot)} and its droplet ${bot.adopted} is gone`;
  if ((bot.status === "paused" || bot.status === "suspended") && droplet?.powered)
    return `is ${bot.status} and its droplet runs`;
  if (bot.status === "online" && !droplet?.powered) return "is online and its droplet is off";
  const agent = bot.agent?.droplet_id ?? bot.adopted;
  return agent === bot.adopted ? null : `listens to droplet ${agent} and has ${bot.adopted}`;
}

/** What was answered 202 or 200 has come to its end, and no more was done than asked for. */
async function complaintOfPromises(people: People, bot: BotState): Promise<string | null> {
  if (people.doomed.has(bot.id) && bot.status !== "destroyed") return `was to be destroyed and is ${describe(bot)}`;
  const { json } = await request("GET", `/bots/${bot.id}/operations`);
  const ended = new Set(json.data.flatMap((each: { id: string; ended_at: unknown }) => (each.ended_at ? each.id : [])));
  for (const operation of people.promised.get(bot.id) ?? []) {
    if (!ended.has(operation)) return `has lost operation ${operation}`;
  }
  const { confirmed, tried } = people.published.get(bot.id) ?? { confirmed: 0, tried: 0 };
  const versions = bot.config.desired.version - 1;
  const fits = versions >= confirmed && versions <= tried;
  return fits ? null : `made ${versions} versions of ${confirmed} to ${tried} that were asked for`;
}

async function complaintOfIndex(bot: BotState): Promise<string | null> {
  const [rows, configs, droplets] = await env.DB.batch<Record<string, unknown>>([
    env.DB.prepare("SELECT status, revision, droplet_id FROM bots WHERE id = ?").bind(bot.id),
    env.DB.prepare("SELECT version FROM bot_configs WHERE bot_id = ? ORDER BY version").bind(bot.id),
    env.DB.prepare("SELECT id FROM droplets WHERE bot_id = ? AND gone_at IS NULL").bind(bot.id),
  ]);
  const [row] = rows?.results ?? [];
  if (row?.revision !== bot.revision || row.status !== bot.status || row.droplet_id !== bot.adopted)
    return `is not what the index says of it: ${JSON.stringify(row)}`;
  const gap = configs?.results.findIndex(({ version }, at) => version !== at + 1);
  if (gap !== -1 || configs?.results.length !== bot.config.desired.version) return "misses a config in the index";
  const listed = droplets?.results.map(({ id }) => id) ?? [];
  const known = bot.droplets.map(({ id }) => id);
  return String(listed) === String(known) ? null : `has droplets ${known}, of which the index knows ${listed}`;
}

async function complaintOfAccount({ bots, history }: Scene, { account }: People): Promise<string | null> {
  const alive = bots.filter((id) => history.last(id)?.destroyed_at === null).length;
  const { json } = await request("GET", `/accounts/${account}`);
  if (json.bot_count !== alive) return `the account is charged for ${json.bot_count} bots and has ${alive}`;
  return alive > MAX_BOTS.basic ? `the account has ${alive} bots` : null;
}

function describe({ status, operation, waiting }: BotState): string {
  return `${status} (${operation.kind} ${operation.state}, ${waiting ?? "not waiting"}, ${operation.last_error ?? "no error"})`;
}
