import { describe, it } from "vitest";
import { allowedActions, judgeAction } from "../../../src/bot/actions.ts";
import type { BotState } from "../../../src/bot/state.ts";
import { BOT_ACTIONS } from "../../../src/wire/enums.ts";
import { Life } from "./life.ts";

type Verdict = "start" | "same" | "refuse";
/** pause, resume, redeploy, destroy */
type Row = [situation: string, life: () => Life, verdicts: [Verdict, Verdict, Verdict, Verdict]];

const MATRIX: Row[] = [
  ["just accepted", () => new Life(), ["refuse", "refuse", "refuse", "start"]],
  ["waiting for its droplet", () => new Life().made(), ["refuse", "refuse", "refuse", "start"]],
  ["online", () => new Life().online(), ["start", "same", "start", "start"]],
  ["unresponsive", () => new Life().online().silent(), ["start", "refuse", "start", "start"]],
  ["unresponsive, its droplet gone", () => new Life().online().silent().gone(), ["refuse", "refuse", "start", "start"]],
  ["paused", () => new Life().paused(), ["same", "start", "start", "start"]],
  ["being paused", () => new Life().online().requested("pause"), ["same", "refuse", "refuse", "start"]],
  ["being resumed", () => new Life().paused().requested("resume"), ["refuse", "same", "refuse", "start"]],
  ["being redeployed", () => new Life().online().requested("redeploy"), ["refuse", "refuse", "same", "start"]],
  ["being healed", () => new Life().online().silent().requested("heal"), ["start", "refuse", "start", "start"]],
  ["being replaced", () => replaced(), ["refuse", "refuse", "start", "start"]],
  ["being made anew after its droplet was lost", () => remade(), ["refuse", "refuse", "start", "start"]],
  ["being suspended", () => new Life().online().requested("suspend"), ["refuse", "refuse", "refuse", "start"]],
  ["suspended", () => suspended(), ["refuse", "refuse", "refuse", "start"]],
  ["in error without a droplet", () => new Life().failed(), ["refuse", "refuse", "start", "start"]],
  ["in error, its droplet on", () => new Life().made().read("active").failed(), ["start", "refuse", "start", "start"]],
  ["in error, its droplet off", () => new Life().made().read("off").failed(), ["start", "start", "start", "start"]],
  ["being destroyed", () => new Life().online().requested("destroy"), ["refuse", "refuse", "refuse", "same"]],
  ["destroyed", () => new Life().online().destroyed(), ["refuse", "refuse", "refuse", "same"]],
];

describe("what may be asked of a bot that is", () => {
  for (const [situation, life, verdicts] of MATRIX) {
    it(situation, async ({ expect }) => {
      const { bot } = life();
      expect(BOT_ACTIONS.map((action) => judgeAction(bot, action).verdict)).toEqual(verdicts);
    });

    it(`${situation}: a refusal names the rest as allowed`, async ({ expect }) => {
      const allowed = BOT_ACTIONS.filter((_, index) => verdicts[index] !== "refuse");
      expect(allowedActions(life().bot)).toEqual(allowed);
    });
  }
});

/** A heal has given the droplet up. */
function replaced(): Life {
  const life = new Life().online().silent().requested("heal");
  return life.tell({ kind: "replacement_begun", data: { operation_id: life.bot.operation.id, why: "silent" } });
}

function remade(): Life {
  return replaced().gone().recreating().posted();
}

/** No event leads to it in this release; a newer one may have written it. */
function suspended(): Life {
  const life = new Life().online();
  const bot: BotState = { ...life.bot, status: "suspended" };
  return Object.assign(life, { bot });
}
