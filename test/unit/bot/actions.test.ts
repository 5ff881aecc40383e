import { describe, it } from "vitest";
import { allowedActions, judgeAction, judgeSuspend, judgeUnsuspend } from "../../../src/bot/reconcile/action-matrix.ts";
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
  ["being suspended", () => new Life().online().suspending(), ["refuse", "refuse", "refuse", "start"]],
  ["suspended", () => new Life().suspended(), ["refuse", "refuse", "refuse", "start"]],
  ["paused, then suspended", () => new Life().paused().suspending(), ["refuse", "refuse", "refuse", "start"]],
  ["suspended and not yet stopped", () => notStopped(), ["refuse", "refuse", "refuse", "start"]],
  ["suspended and switched on by hand", () => switchedOn(), ["refuse", "refuse", "refuse", "start"]],
  [
    "suspended and being destroyed",
    () => new Life().suspended().requested("destroy"),
    ["refuse", "refuse", "refuse", "same"],
  ],
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

describe("what the operator may ask of a bot that is", () => {
  const TABLE: [situation: string, life: () => Life, suspend: Verdict, unsuspend: Verdict][] = [
    ["just accepted", () => new Life(), "start", "same"],
    ["online", () => new Life().online(), "start", "same"],
    ["being healed", () => new Life().online().silent().requested("heal"), "start", "same"],
    ["being redeployed", () => new Life().online().requested("redeploy"), "start", "same"],
    ["paused", () => new Life().paused(), "start", "same"],
    ["in error", () => new Life().failed(), "start", "same"],
    ["being suspended", () => new Life().online().suspending(), "same", "start"],
    ["suspended", () => new Life().suspended(), "same", "start"],
    ["suspended and not yet stopped", () => notStopped(), "start", "start"],
    ["suspended and switched on by hand", () => switchedOn(), "start", "start"],
    ["being resumed from it", () => new Life().suspended().unsuspended().requested("resume"), "start", "same"],
    ["suspended and being destroyed", () => new Life().suspended().requested("destroy"), "refuse", "refuse"],
    [
      "suspended, a destroy taken back",
      () => new Life().suspended().requested("destroy").cancelled(),
      "start",
      "start",
    ],
    ["being destroyed", () => new Life().online().requested("destroy"), "refuse", "same"],
    ["destroyed", () => new Life().suspended().destroyed(), "refuse", "refuse"],
  ];
  for (const [situation, life, suspend, unsuspend] of TABLE) {
    it(`${situation}: suspend ${suspend}, unsuspend ${unsuspend}`, async ({ expect }) => {
      const { bot } = life();
      expect([judgeSuspend(bot).verdict, judgeUnsuspend(bot).verdict]).toEqual([suspend, unsuspend]);
    });
  }
});

/** The droplet does not go off: the suspend gave up. */
function notStopped(): Life {
  return new Life().online().suspending().failed("power_off_failed");
}

/** A heal has given the droplet up. */
function replaced(): Life {
  const life = new Life().online().silent().requested("heal");
  return life.tell({ kind: "replacement_begun", data: { operation_id: life.bot.operation.id, why: "silent" } });
}

function remade(): Life {
  return replaced().gone().recreating().posted();
}

function switchedOn(): Life {
  return new Life().suspended().read("active");
}
