/** Who may spend a request now, and when the others should ask again. Pure. */
import * as z from "zod";
import { DROPLET } from "../../resources/droplet.ts";
import type { PermitKind } from "./permit.ts";

const count = (value: number) => z.int().positive().default(value);

/** DigitalOcean's limits for one token, and how we stay below them. */
export const Limits = z.strictObject({
  /** Requests in any minute: DigitalOcean refuses above 250. */
  per_minute: count(240),
  /** Requests in any hour: each counts for an hour from its own time. */
  per_hour: count(5_000),
  /** What is not a person's wish is paced so that it fits the hour however long it lasts. */
  background_per_minute: count(78),
  /** Kept of the hour for what people ask for. */
  user_reserve: count(150),
  /** Creates at a time, of droplets: "No more than 10 droplets at the same time." */
  creates: count(10),
  /** How long a create takes, ms, until creates have been seen. */
  usual_create_ms: count(45_000),
});
export type Limits = z.infer<typeof Limits>;

type CreateLimits = Pick<Limits, "creates" | "usual_create_ms">;

/** What is allowed of creates, for each kind of resource. */
const CREATES: ReadonlyMap<string, (limits: Limits) => CreateLimits> = new Map([
  [DROPLET, ({ creates, usual_create_ms }) => ({ creates, usual_create_ms })],
]);

/** The limits for creates of a kind of resource; null: nobody here knows the kind. */
export function limitsFor(resource: string = DROPLET, limits: Limits): Limits | null {
  const creates = CREATES.get(resource);
  return creates === undefined ? null : { ...limits, ...creates(limits) };
}

export const defaultLimits: Limits = Limits.parse({});

/** What has been spent, and who is before the one that asks. */
export interface Load {
  /** Requests granted in the last minute and hour, of every kind. */
  minute: number;
  hour: number;
  background_minute: number;
  /** Creates that hold a lease, the asking bot's own not counted. */
  creates: number;
  /** With a better right, in the same lane, and here to be served now. */
  ahead: number;
  /** Of these, the ones that wait for a create. */
  creates_ahead: number;
  /** With a better right, whenever they come back: how long the queue is. */
  queue: number;
  creates_queue: number;
  /** How long a create holds its lease, on average, ms. */
  create_ms: number;
}

/** What may still be granted. */
export function leftOf(limits: Limits, used: Pick<Load, "minute" | "hour" | "background_minute" | "creates">) {
  return {
    this_minute: Math.max(0, limits.per_minute - used.minute),
    this_hour: Math.max(0, limits.per_hour - used.hour),
    background_this_minute: Math.max(0, limits.background_per_minute - used.background_minute),
    creates: Math.max(0, limits.creates - used.creates),
  };
}

const MINUTE_MS = 60_000;
/** Whoever is next asks this often, so that what becomes free is used at once. */
const NEXT_IN_LINE_MS = 1_000;
/** Share of the expected wait for a create after which one asks again: too early costs a question, too late a place. */
const EAGER = 0.75;

/** @returns null: granted; else how long to wait before asking again, ms */
export function waitFor(kind: PermitKind, load: Load, limits: Limits): number | null {
  const waits = [requestWait(kind, load, limits), kind === "create" ? createWait(load, limits) : null];
  const longest = Math.max(...waits.map((wait) => wait ?? 0));
  return longest === 0 ? null : Math.max(NEXT_IN_LINE_MS, longest);
}

function requestWait(kind: PermitKind, load: Load, limits: Limits): number | null {
  const { minute, hour, background_minute } = load;
  // Who waits for a create takes no request before a place is free.
  const places = Math.max(0, limits.creates - load.creates);
  const ahead = load.ahead - load.creates_ahead + Math.min(load.creates_ahead, places);
  const queue = load.queue - load.creates_queue + Math.min(load.creates_queue, places);
  if (kind === "user_action") {
    const free = minute + ahead < limits.per_minute && hour + ahead < limits.per_hour;
    return free ? null : waitInLine(queue, limits.per_minute);
  }
  const free =
    background_minute + ahead < limits.background_per_minute &&
    minute + ahead < limits.per_minute &&
    hour + ahead < limits.per_hour - limits.user_reserve;
  return free ? null : waitInLine(queue, limits.background_per_minute);
}

function createWait({ creates, creates_ahead, creates_queue, create_ms }: Load, limits: Limits): number | null {
  return creates + creates_ahead < limits.creates
    ? null
    : Math.ceil((EAGER * creates_queue * create_ms) / limits.creates) || 1;
}

function waitInLine(queue: number, perMinute: number): number {
  return Math.ceil((queue * MINUTE_MS) / perMinute) || 1;
}

/** How many bots may be healed at once, and how many asks in ten minutes mean that the outage is ours. */
export function healLimits(liveBots: number): { at_once: number; hold_above: number } {
  return { at_once: Math.max(3, Math.floor(liveBots * 0.02)), hold_above: Math.max(10, Math.floor(liveBots * 0.05)) };
}
