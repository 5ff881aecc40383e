/** Reads everything that the API shows of the account, and holds it against what must be so whatever has happened. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { BotListItem, EventView, Operation } from "../../../src/wire/bot.ts";
import type { KnownBot, ShownBot } from "./known.ts";
import type { Model } from "./model.ts";
import { rolloutOf } from "./told.ts";
import type { World } from "./world.ts";

/** What a command may have brought about: whatever is not named here must not have happened. */
export interface News {
  /** Alarms have run: the objects may have got on with their work. */
  time?: boolean;
  bot?: KnownBot;
  /** Kinds of events by whoever called, all of them and in order. */
  events?: readonly string[];
  /** Kinds that may, but need not, have come of it too. */
  perhaps?: readonly string[];
  /** Reads even what nobody has touched and what has no news. */
  thorough?: boolean;
  /** The caller was an agent: what follows from its news without a call is concluded at once. */
  by_agent?: boolean;
}

export async function look(model: Model, world: World, news: News): Promise<void> {
  await world.meetDroplets();
  for (const bot of model.bots) await lookAtBot(bot, world, news);
  await lookAtAccount(model, world, news);
  expect(world.breakdowns).toEqual([]);
}

async function read(world: World, path: string) {
  const { status, json, text } = await world.send("GET", path);
  expect(status, text).toBe(200);
  return json;
}

async function lookAtBot(bot: KnownBot, world: World, news: News): Promise<void> {
  const view: ShownBot = await read(world, `/bots/${bot.id}`);
  const page = await read(world, `/bots/${bot.id}/events?after=${bot.history.length}&limit=1000`);
  const fresh: EventView[] = page.data;
  judgeHistory(bot, view, fresh, news);
  for (const [index, event] of fresh.entries()) {
    bot.learn(event, fresh[index + 1]);
    world.census.count(event.kind);
  }
  world.census.count(`${view.status}, ${view.operation.kind} ${view.operation.state}`);
  judgeView(bot, view);
  judgeStanding(bot, view);
  // What nobody has touched and has no news is not read to the end: that would be most of what is done here.
  const indexLags = bot.listed.length < bot.versions.length;
  if (fresh.length > 0 || indexLags || news.bot === bot || news.thorough) {
    const { data: operations } = await read(world, `/bots/${bot.id}/operations`);
    judgeOperations(bot, view, operations);
    bot.operations = operations;
    await judgeConfig(bot, view, world);
    judgeDroplets(bot, view, world);
  }
  bot.view = view;
  if (view.agent === null) bot.bound = null;
}

/** Events are numbered without a gap, nobody's but the caller's are there, and without one nothing has changed. */
function judgeHistory(bot: KnownBot, view: ShownBot, fresh: EventView[], news: News): void {
  const before = bot.history.length;
  expect(fresh.map(({ seq }) => seq)).toEqual(fresh.map((_, index) => before + index + 1));
  expect(view.revision).toBe(before + fresh.length);
  const mine = news.bot === bot;
  const theirs = fresh.filter(({ actor }) => actor !== "spawnpoint").map(({ kind }) => kind);
  const due = mine ? (news.events ?? []) : [];
  expect(theirs.slice(0, due.length)).toEqual(due);
  for (const kind of theirs.slice(due.length)) expect(mine ? (news.perhaps ?? []) : []).toContain(kind);
  const ours = fresh.filter(({ actor }) => actor === "spawnpoint").map(({ kind }) => kind);
  if (!news.time && !(mine && news.by_agent)) expect(ours, "only alarms do our own work").toEqual([]);
  for (const kind of ["accepted", "changed", "suspended", "unsuspended"]) expect(ours).not.toContain(kind);
  const begun = fresh.filter(({ kind, actor }) => kind === "operation_requested" && actor === "spawnpoint");
  for (const { data } of begun) expect(["heal", "suspend"]).toContain(data.kind);
  if (fresh.length === 0 && !news.time)
    expect(lasting(view, mine && news.by_agent === true)).toEqual(lasting(bot.view, mine && news.by_agent === true));
}

/** What of a view stays as it is while nothing happens. A heartbeat may change what the agent said of itself. */
export function lasting(shown: ShownBot | undefined, heard: boolean) {
  if (shown === undefined) return undefined;
  const { observed_at, next, summary, agent, health, last_heartbeat_at, operation, ...view } = shown;
  const said = heard ? {} : { agent, health, last_heartbeat_at };
  return { ...view, ...said, operation: { ...operation, next_attempt_at: null } };
}

/** One operation at a time, the newest first; what has ended stays as it ended. */
function judgeOperations(bot: KnownBot, view: ShownBot, operations: Operation[]): void {
  const requested = bot.history
    .filter(({ kind }) => kind === "operation_requested")
    .map(({ data }) => data.operation_id);
  expect(operations.map(({ id }) => id).slice(0, -1)).toEqual(requested.reverse());
  expect(operations.at(-1)?.kind).toBe("create");
  expect(operations[0]).toEqual(view.operation);
  for (const past of operations.slice(1)) expect(past.ended_at, `${past.kind} has ended`).not.toBeNull();
  for (const operation of operations) {
    expect(operation.ended_at === null).toBe(operation.state === "queued" || operation.state === "running");
    const before = bot.operations.find(({ id }) => id === operation.id);
    if (before && before.ended_at !== null) expect(operation).toEqual(before);
    if (before?.state === "running") expect(operation.state).not.toBe("queued");
  }
}

/** At most one, and none without an intent. */
function judgeDroplets(bot: KnownBot, view: ShownBot, world: World): void {
  const droplets = world.dropletsOf(bot);
  expect(droplets.length, "droplets of one bot").toBeLessThanOrEqual(1);
  const intended = bot.history.filter(({ kind }) => kind === "intent_opened").map(({ data }) => data.droplet_name);
  for (const { name } of droplets) expect(intended).toContain(name);
  if (view.status === "destroyed" && view.reason === "droplet_confirmed_gone") expect(droplets).toEqual([]);
}

const STOPS: readonly Operation["kind"][] = ["pause", "suspend", "destroy"];

/** The view is coherent in itself and with what went before. */
function judgeView(bot: KnownBot, view: ShownBot): void {
  const before = bot.view;
  const { status, operation, droplet, agent } = view;
  const under_way = operation.ended_at === null;
  if (before.status === "destroyed") expect(status, "destroyed is for good").toBe("destroyed");
  expect(status === "destroyed").toBe(operation.kind === "destroy" && operation.state === "succeeded");
  expect(view.generation).toBe(bot.told.generation);
  expect(view.droplet_id).toBe(bot.told.adopted);
  expect(view.droplet?.id ?? null).toBe(view.droplet_id);
  expect(view.phase === null).toBe(!under_way);
  expect(bot.told.running).toBe(under_way ? operation.kind : null);
  expect(view.suspension !== null).toBe(bot.told.suspended);
  expect(view.health.agent === "refused" ? "never" : view.health.agent).toBe(bot.told.presence);
  const stopping = under_way && STOPS.includes(operation.kind);
  // A stop changes what a bot is only once it is confirmed. What comes instead of a change ends what that was about.
  const instead = operation.id !== before.operation.id && before.operation.ended_at === null;
  if (stopping && (!instead || before.operation.kind === "create")) expect(status).toBe(before.status);
  if (stopping) expect(status).not.toBe("destroyed");
  else if (status === "online")
    expect([agent === null, view.applied_config_version]).toEqual([false, expect.any(Number)]);
  else if (status === "paused" || status === "suspended") expect(droplet?.status ?? "off").toBe("off");
  if (status === "pending") expect(view.droplet_id).toBeNull();
  if (status === "error" && under_way) expect(STOPS).toContain(operation.kind);
  if (status === "suspended") expect(bot.told.suspended).toBe(true);
  if (agent !== null && before.agent === null) expect(bot.bound, "only who has registered is accepted").not.toBeNull();
  expect(Date.parse(view.since)).toBeGreaterThanOrEqual(Date.parse(before.since));
  expect([view.name, view.persona, view.policies]).toEqual([before.name, before.persona, before.policies]);
}

/** How the config stands: what the answers and the history have told. */
function judgeStanding(bot: KnownBot, view: ShownBot): void {
  const { desired, applied, effective, last_good, failed } = bot.told.config;
  const ref = (version: number | null) => version && { id: bot.version(version).shown.id, version };
  expect(desired).toBe(bot.versions.length);
  expect(view).toMatchObject({
    desired_config_version: desired,
    desired_config_version_id: bot.desired.shown.id,
    applied_config_version: applied,
    applied_config_version_id: applied && bot.version(applied).shown.id,
    config_drift: applied !== desired,
    config: {
      desired: ref(desired),
      applied: ref(applied),
      effective: ref(effective),
      last_good: ref(last_good),
      rollout: { state: rolloutOf(bot.told.config), version: desired },
      drift: effective !== desired,
    },
  });
  expect(view.config_failure?.version ?? null).toBe(failed);
}

/** The desired version is the one that was asked for, under its own ETag; D1 lists a gapless beginning of them all. */
async function judgeConfig(bot: KnownBot, view: ShownBot, world: World): Promise<void> {
  const { json, headers } = await world.send("GET", `/bots/${bot.id}/config`);
  expect(json).toEqual(bot.desired.shown);
  expect(headers.get("etag")).toBe(bot.etag);
  const { data } = await read(world, `/bots/${bot.id}/configs`);
  const listed = data.map(({ version }: { version: number }) => version);
  expect(listed).toEqual(listed.map((_: number, index: number) => listed.length - index));
  expect(data).toEqual(
    bot.versions
      .slice(0, listed.length)
      .map(({ shown }) => shown)
      .reverse(),
  );
  expect(listed.length).toBeGreaterThanOrEqual(bot.listed.length);
  expect(listed.length).toBeLessThanOrEqual(view.desired_config_version);
  bot.listed = listed;
}

/** The quota is a count of the index's rows; the index is never ahead of the objects, and only alarms move it. */
async function lookAtAccount(model: Model, world: World, news: News): Promise<void> {
  const { data } = await read(world, `/bots?account_id=${world.account_id}&include_destroyed=true`);
  const rows = new Map<string, BotListItem>(data.map((row: BotListItem) => [row.id, row]));
  expect([...rows.keys()].sort()).toEqual(model.bots.map(({ id }) => id).sort());
  for (const { id, view } of model.bots) {
    const row = rows.get(id);
    if (row === undefined) throw new Error("a bot is missing in the index");
    expect(row.revision).toBeLessThanOrEqual(view.revision);
    if (row.revision < view.revision) continue;
    const { observed_at, ip_address, last_heartbeat_at, ...shown } = row;
    expect(view).toMatchObject(shown);
    expect(ip_address).toBe(view.droplet?.ip_address ?? null);
  }
  const live = data.filter(({ status }: BotListItem) => status !== "destroyed").length;
  const account = await read(world, `/accounts/${world.account_id}`);
  expect(account).toMatchObject({ bot_count: live, max_bots: 2, over_limit: false });
  if (!news.time) expect(live).toBe(model.places_taken);
  model.places_taken = live;
  model.index = data;
  expect(await env.DB.prepare("SELECT count(*) AS n FROM idempotency").first("n")).toBe(model.keys_in_d1);
}
