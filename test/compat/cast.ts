/** Bots in all states that a release may leave behind, and what is read of them. */
import type { BotListItem } from "../../src/wire/bot.ts";
import type { Installation } from "./installation.ts";

/** Ids, by what becomes of them. */
export interface Cast {
  online: string;
  changed: string;
  paused: string;
  suspended: string;
  destroyed: string;
  leaving: string;
}

/** Brings each to rest; the last is online until somebody destroys it. */
export async function rehearse(system: Installation): Promise<Cast> {
  const make = async (name: string) => {
    const { id } = await system.newBot(name, { environment: { KRAKEN_SECRET: `of ${name}, which opens nothing` } });
    await system.rests(id, "online");
    return id;
  };
  const change = async (id: string) => {
    await system.api("PATCH", `/bots/${id}/config`, { strictness: "high", note: "changed by hand" });
    await untilApplied(system, id, 2);
    await succeeds(system, id, "restart");
    return id;
  };
  const act = async (id: string, action: string, status: string) => {
    await system.act(id, action);
    await system.rests(id, status);
    return id;
  };
  const [online, changed, paused, suspended, destroyed, leaving] = await Promise.all([
    make("Online"),
    make("Changed").then(change),
    make("Paused").then((id) => act(id, "pause", "paused")),
    make("Suspended").then((id) => suspend(system, id)),
    make("Destroyed").then((id) => act(id, "destroy", "destroyed")),
    make("Leaving"),
  ]);
  return { online, changed, paused, suspended, destroyed, leaving };
}

export async function suspend(system: Installation, id: string): Promise<string> {
  await system.api("POST", `/operator/bots/${id}/suspend`, { reason: "payment_failed" });
  await system.rests(id, "suspended");
  return id;
}

export async function unsuspend(system: Installation, id: string): Promise<void> {
  await system.api("POST", `/operator/bots/${id}/unsuspend`);
  await system.rests(id, "online");
}

export async function untilApplied(system: Installation, id: string, version: number): Promise<void> {
  await system.until(`version ${version} of ${id} is applied`, async () => {
    const { applied_config_version, config } = await system.bot(id);
    return applied_config_version === version && config.last_good?.version === version;
  });
}

/** @throws where the agent says that it could not do it */
export async function succeeds(system: Installation, id: string, kind: string): Promise<void> {
  const { state, detail } = await (kind === "rotate"
    ? system.rotate(id)
    : system.command(id, { kind, ...LINES[kind] }));
  if (state !== "succeeded") throw new Error(`${kind} ${state}: ${detail}`);
}

const LINES: Readonly<Record<string, { lines: number }>> = { collect_logs: { lines: 20 } };

/** Whatever a person reads of some bots, by path. */
export type Readings = Record<string, Record<string, unknown>>;

/** Differs from one moment to the next, or is words: those are each release's own. */
const PASSING = new Set([
  ...["next", "last_heartbeat_at", "observed_at", "updated_at", "revision", "agent", "health"],
  ...["summary", "sentence"],
]);

export async function read(system: Installation, ids: readonly string[]): Promise<Readings> {
  const readings: Readings = {};
  for (const id of ids) {
    const { account_id } = await system.bot(id);
    const [bot, account] = [`/bots/${id}`, `/accounts/${account_id}`];
    const listed = `${account}/bots?include_destroyed=true`;
    await system.until(`the index knows what became of ${id}`, async () => {
      const { data } = await system.api<{ data: BotListItem[] }>("GET", listed);
      return data[0]?.revision === (await system.bot(id)).revision;
    });
    const parts = ["events?limit=1000", "operations", "config", "configs", "commands"].map((part) => `${bot}/${part}`);
    const audit = `/operator/audit?account_id=${account_id}`;
    for (const path of [bot, ...parts, account, listed, audit])
      readings[path] = lasting(await system.api<Record<string, unknown>>("GET", path));
  }
  return readings;
}

function lasting(record: object): Record<string, unknown> {
  const fields = Object.entries(record).filter(([name]) => !PASSING.has(name));
  return Object.fromEntries(fields.map(([name, value]) => [name, lastingOf(value)]));
}

function lastingOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lastingOf);
  return typeof value === "object" && value !== null ? lasting(value) : value;
}
