/**
 * Holds: a bot runs only while nobody holds it. Each hold has an owner, and ends only by that owner's release; a restart, a
 * new droplet or another owner's release lifts none. Pure.
 *
 * For as long as the release before may come back, both shapes of a hold are written. The operator's is the suspension,
 * which that release reads and writes: it is believed. Any other hold reads there as a workload that a person has stopped.
 */
import * as z from "zod";
import type { HoldOwner } from "../../wire/enums.ts";
import { keep } from "./keep.ts";

/** The owner whose hold is the suspension. */
const OPERATOR: HoldOwner = "operator";

export const Hold = keep({
  /** One that only a newer release knows holds the bot all the same. */
  owner: z.string(),
  reason: z.string(),
  by: z.string(),
  since: z.number(),
  /** A person had stopped the workload, or did so meanwhile: it stays stopped once nobody holds the bot. */
  stopped: z.boolean(),
});
type Hold = z.infer<typeof Hold>;

interface Holds {
  holds: Hold[];
}

/** What of a bot follows from its holds. */
interface Workload extends Holds {
  workload_stopped: boolean;
  start_held: boolean;
}

type Suspension = Pick<Hold, "reason" | "by" | "since">;

export function isHeld({ holds }: Holds): boolean {
  return holds.length > 0;
}

export function holdOf({ holds }: Holds, owner: HoldOwner): Hold | null {
  return holds.find((hold) => hold.owner === owner) ?? null;
}

/** The holds that keep the workload stopped and leave the droplet on. */
export function workloadHolds({ holds }: Holds): Hold[] {
  return holds.filter(({ owner }) => owner !== OPERATOR);
}

/** The suspension as it shall be, in both shapes. */
export function withSuspension<S extends Suspension>(
  bot: Holds,
  suspension: S | null,
): Holds & { suspension: S | null } {
  if (suspension === null) return { suspension, holds: workloadHolds(bot) };
  const { reason, by, since } = suspension;
  const own: Hold = { ...holdOf(bot, OPERATOR), owner: OPERATOR, reason, by, since, stopped: false };
  return { suspension, holds: [own, ...workloadHolds(bot)] };
}

/** What either release has stored, in both shapes. */
export function readHolds<T extends Holds & { suspension: Suspension | null }>(stored: T): T {
  return { ...stored, ...withSuspension(stored, stored.suspension) };
}

/** A hold that is there keeps its reason and its time. */
export function placeHold(bot: Workload, placed: Omit<Hold, "owner" | "stopped"> & { owner: HoldOwner }) {
  if (placed.owner === OPERATOR || holdOf(bot, placed.owner) !== null) return {};
  return { holds: [...bot.holds, { ...placed, stopped: isStoppedByPerson(bot) }], workload_stopped: true };
}

/** @param manual whether only a person may start it again */
export function releaseHold(bot: Workload, owner: HoldOwner, manual: boolean): Partial<Workload> {
  if (owner === OPERATOR || holdOf(bot, owner) === null) return {};
  const holds = bot.holds.filter((hold) => hold.owner !== owner);
  return {
    holds,
    workload_stopped: workloadHolds({ holds }).length > 0 || isStoppedByPerson(bot),
    start_held: manual || bot.start_held,
  };
}

/** What a person's stop or start makes of a bot, held or not. */
export function stopByPerson(bot: Workload, stopped: boolean): Partial<Workload> {
  if (workloadHolds(bot).length === 0) return { workload_stopped: stopped };
  return { holds: bot.holds.map((hold) => (hold.owner === OPERATOR ? hold : { ...hold, stopped })) };
}

/** A person has stopped the workload, and has not started it again. */
function isStoppedByPerson(bot: Workload): boolean {
  return workloadHolds(bot)[0]?.stopped ?? bot.workload_stopped;
}
