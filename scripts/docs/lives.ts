/** Situations that bots are in, and what becomes of each: told as events, so that the fold says which statuses they pass. */
import type { EventBody } from "../../src/bot/model/events.ts";
import { adoptedDroplet, type BotState } from "../../src/bot/model/state.ts";
import { judgeAction, judgeSuspend, judgeUnsuspend, takingOver } from "../../src/bot/reconcile/action-matrix.ts";
import { BOT_ACTIONS, type BotAction, type OperationKind } from "../../src/wire/enums.ts";
import { Life } from "../../test/unit/bot/life.ts";

/** What may be asked of a bot: by its owner, and by the operator. */
export type Ask = BotAction | "suspend" | "unsuspend";
export const ASKS: readonly Ask[] = [...BOT_ACTIONS, "suspend", "unsuspend"];

export function verdictOf(bot: BotState, ask: Ask): "start" | "same" | "refuse" {
  if (ask === "suspend") return judgeSuspend(bot).verdict;
  return ask === "unsuspend" ? judgeUnsuspend(bot).verdict : judgeAction(bot, ask).verdict;
}

type Situation = readonly [situation: string, life: () => Life];

/** At rest, or while it is created. */
export const SITUATIONS: readonly Situation[] = [
  ["just created", () => new Life()],
  ["waiting for its droplet", () => new Life().made()],
  ["online", () => new Life().online()],
  ["unresponsive", () => new Life().online().silent()],
  ["unresponsive, its droplet gone", () => new Life().online().silent().gone()],
  ["paused", () => new Life().paused()],
  ["suspended while online", () => new Life().suspended()],
  ["suspended while paused", () => new Life().paused().suspending().succeeded()],
  ["in error without a droplet", () => new Life().failed()],
  ["in error, its droplet on", () => new Life().made().read("active").failed()],
  ["in error, its droplet off", () => new Life().made().read("off").failed()],
  ["destroyed", () => new Life().online().destroyed()],
];

/** While an operation is under way. */
export const BUSY: readonly Situation[] = [
  ["being paused", () => new Life().online().requested("pause")],
  ["being resumed", () => new Life().paused().requested("resume")],
  ["being redeployed", () => new Life().online().requested("redeploy")],
  ["being healed", () => new Life().online().silent().requested("heal")],
  ["being healed with a new droplet", () => replaced(new Life().online().silent())],
  ["being suspended", () => new Life().online().suspending()],
  ["being destroyed", () => new Life().online().requested("destroy")],
];

/** What happens without being asked for. */
export const BY_ITSELF: readonly (readonly [before: () => Life, then: (life: Life) => Life])[] = [
  [() => new Life(), (life) => served(life.made().read("active")).succeeded()],
  [() => new Life(), (life) => life.cancelled()],
  [() => new Life().made(), (life) => life.failed()],
  [() => new Life().online(), (life) => served(life.silent())],
  [() => new Life().online(), (life) => served(life.silent().requested("heal").failed("heal_failed"))],
  [() => new Life().online().silent(), (life) => anew(replaced(life)).succeeded()],
];

/** The bot once it was asked for this and all went well. */
export function fulfil(life: Life, ask: Ask): Life {
  return FULFILLED[ask](life);
}

const FULFILLED: Readonly<Record<Ask, (life: Life) => Life>> = {
  pause: (life) => off(begun(life, "pause")).succeeded(),
  resume: (life) => resumed(begun(life, "resume")),
  redeploy: (life) => anew(begun(life, "redeploy")).succeeded(),
  destroy: (life) => gone(begun(life, "destroy")).tell({ kind: "destroyed", data: {} }),
  suspend: (life) => off(begun(life.tell({ kind: "suspended", data: { reason: "payment" } }), "suspend")).succeeded(),
  unsuspend(life) {
    const { suspension } = life.bot;
    life.unsuspended();
    return suspension?.paused ? life : resumed(begun(life, "resume"));
  },
};

function begun(life: Life, kind: OperationKind): Life {
  const events: EventBody[] = takingOver(life.bot, `operation-${life.bot.revision}`, kind);
  return life.tell(...events);
}

function off(life: Life): Life {
  return adoptedDroplet(life.bot) === null ? life : life.powered("shutdown").read("off");
}

function resumed(life: Life): Life {
  return adoptedDroplet(life.bot) === null
    ? anew(life).succeeded()
    : served(life.powered("power_on").read("active")).succeeded();
}

function anew(life: Life): Life {
  return served(gone(life).recreating().made().read("active"));
}

function gone(life: Life): Life {
  for (const { id } of life.bot.droplets) life.gone(id);
  return life;
}

/** The agent is heard and has applied the config; after a boot its workload is ready later. */
function served(life: Life): Life {
  const boots = life.bot.status === "provisioning";
  if (life.bot.agent === null) life.registered();
  else life.tell({ kind: "agent_heard", data: { via: "heartbeat", ...(boots ? { starting: true } : {}) } });
  if (life.bot.config.applied === null) life.applied();
  return life.bot.starting_since === null ? life : life.tell({ kind: "workload_ready", data: {} });
}

/** A heal has given the droplet up. */
function replaced(life: Life): Life {
  life.requested("heal");
  return life.tell({ kind: "replacement_begun", data: { operation_id: life.bot.operation.id, why: "silent" } });
}
