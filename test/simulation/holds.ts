/** Who holds a bot: what happens to holds in a schedule, and what must be true of them at every event. */
import type { BotEvent } from "../../src/bot/model/events.ts";
import type { BotState } from "../../src/bot/model/state.ts";
import { HOLD_OWNERS } from "../../src/wire/enums.ts";
import type { TradingReport } from "../../src/wire/trading-report.ts";
import type { World } from "./world.ts";

/** Those whose holds are placed and lifted here without a limit; the operator's is the suspension. */
const OTHER_OWNERS = HOLD_OWNERS.filter((owner) => owner !== "operator" && owner !== "breach");

/** @returns what did not hold as the event was folded in */
export function complaintsOfHolds(before: BotState, event: BotEvent, after: BotState): string[] {
  const seen: string[] = [];
  const { id } = after;
  if (after.holds.length > 0 && after.order === "run") seen.push(`${id} may run while ${ownersOf(after)} hold it`);
  if (after.holds.some(({ owner }) => owner === "operator") !== (after.suspension !== null))
    seen.push(`${id} has a suspension that is no hold, or a hold that is no suspension`);
  if (new Set(after.holds.map(({ owner }) => owner)).size !== after.holds.length)
    seen.push(`${id} is held twice by the same owner`);
  for (const hold of before.holds) {
    const still = after.holds.find(({ owner }) => owner === hold.owner);
    if (still !== undefined && (still.since !== hold.since || still.reason !== hold.reason))
      seen.push(`the hold of ${hold.owner} over ${id} was replaced by ${event.kind}`);
    if (still === undefined && !isReleasedBy(event, hold.owner))
      seen.push(`the hold of ${hold.owner} over ${id} was lifted by ${event.kind}`);
  }
  if (event.kind === "limit_breached" && before.breaches.some(({ limit }) => limit === event.data.limit))
    seen.push(`${id} has passed ${event.data.limit} twice`);
  return seen;
}

function ownersOf({ holds }: BotState): string {
  return holds.map(({ owner }) => owner).join(", ");
}

function isReleasedBy(event: BotEvent, owner: string): boolean {
  if (event.kind === "destroyed") return true;
  if (owner === "operator") return event.kind === "unsuspended";
  return event.kind === "hold_released" && event.data.owner === owner;
}

/** From dice of its own. @returns what happens in each turn */
export function troubleTrading(draw: () => number, enabled: (feature: string) => boolean) {
  const often = draw() < 0.7;
  return async (world: World, ids: readonly string[]): Promise<void> => {
    for (const { name, chance, happens } of TRADING) {
      const [due, pick, detail] = [draw() < chance, draw(), draw()];
      const id = ids[Math.floor(pick * ids.length)];
      if (often && due && id !== undefined && enabled(name)) await happens(world, id, detail);
    }
  };
}

interface Trade {
  name: string;
  /** At each turn, 0 to 1. */
  chance: number;
  /** @param detail in [0, 1) */
  happens: (world: World, id: string, detail: number) => Promise<unknown> | unknown;
}

const TRADING: Trade[] = [
  { name: "reports", chance: 0.9, happens: reportAtRandom },
  { name: "lifted breaches", chance: 0.3, happens: (world, id) => world.release(id, "breach") },
  {
    name: "configs that stop for a breach",
    chance: 0.45,
    happens: (world, id, detail) =>
      world.publish(id, { on_breach: detail < 0.8 ? "stop" : "notify", max_daily_loss_pct: detail < 0.3 ? 5 : 1 }),
  },
  {
    name: "holds of other owners",
    chance: 0.35,
    happens: (world, id, detail) => {
      const owner = OTHER_OWNERS[Math.floor(detail * 97) % OTHER_OWNERS.length];
      if (owner === undefined) return;
      if (detail < 0.5) world.hold(id, owner);
      else world.release(id, owner);
    },
  },
];

/** On the disk of one of the bot's machines, as whatever trades there writes it. */
function reportAtRandom(world: World, id: string, detail: number): void {
  for (const machine of world.agents.machines.values())
    if (machine.registration.bot_id === id) machine.report = detail < 0.1 ? null : lossOf(Math.floor(detail * 10));
}

function lossOf(percent: number): TradingReport {
  return { equity: 1000 - 10 * percent, daily_pnl: -10 * percent, drawdown_pct: percent / 2, trades_today: percent };
}
