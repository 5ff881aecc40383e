import { describe, it } from "vitest";
import { requestCommand } from "../../../src/bot/calls/commands.ts";
import { act } from "../../../src/bot/calls/management.ts";
import { releaseHold } from "../../../src/bot/calls/release-hold.ts";
import { suspend, unsuspend } from "../../../src/bot/calls/suspend.ts";
import type { EventBody } from "../../../src/bot/model/events.ts";
import { BotState } from "../../../src/bot/model/state.ts";
import { HOLD_OWNERS, type HoldOwner } from "../../../src/wire/enums.ts";
import { OPERATOR } from "../../fixtures/caller.ts";
import { Life, MINUTE, SECOND } from "./life.ts";
import { stored } from "./stored.ts";

const OTHERS = HOLD_OWNERS.filter((owner) => owner !== "operator");

function ownersOf({ holds }: BotState): string[] {
  return holds.map(({ owner }) => owner);
}

function heldBy(owner: HoldOwner): Life {
  return new Life().online().held("max_drawdown_pct", owner);
}

function command(kind: "start" | "stop"): EventBody {
  return { kind: "command_requested", data: { command_id: "c1", kind } };
}

describe("a bot that somebody holds", () => {
  it.for(OTHERS)("stays online and may not run: %s", (owner, { expect }) => {
    const { bot } = heldBy(owner);
    expect(bot).toMatchObject({ status: "online", reason: `held_by_${owner}`, order: "stop" });
    expect(bot.holds).toMatchObject([{ owner, reason: "max_drawdown_pct", by: "spawnpoint" }]);
  });

  const CHANGES: [what: string, happens: (life: Life) => Life][] = [
    [
      "a restart of its droplet",
      (life) => life.tell({ kind: "agent_booted", data: { boot_id: "b2", expected: true } }),
    ],
    ["a start, had it been requested", (life) => life.tell(command("start"))],
    ["a pause and a resume", (life) => life.requested("pause").succeeded().requested("resume").succeeded()],
    [
      "a new droplet",
      (life) => life.requested("redeploy").gone().recreating().made().read("active").registered().applied().succeeded(),
    ],
    ["another config", (life) => life.published().delivered().applied()],
    ["a suspension and its end", (life) => life.suspending().unsuspended().requested("resume").succeeded()],
    ["another owner's hold and its end", (life) => life.held("max_drawdown_pct", "rollout").released("rollout")],
    ["its start policy", (life) => life.tell({ kind: "changed", data: { policies: { start: "auto" } } })],
    ["a snapshot", (life) => life.tell({ kind: "snapshot", data: { bot: life.bot } })],
  ];
  for (const [what, happens] of CHANGES) {
    it.for(["billing", "breach", "emergency"] as const)(`is held after ${what}: %s`, (owner, { expect }) => {
      const { bot } = happens(heldBy(owner));
      expect(ownersOf(bot)).toEqual([owner]);
      expect(bot.order).toBe("stop");
    });
  }

  it("runs again once the last owner has released it", ({ expect }) => {
    const life = heldBy("breach").held("max_drawdown_pct", "billing");
    expect(life.released("breach").bot).toMatchObject({ order: "stop", reason: "held_by_billing" });
    expect(life.released("emergency").bot).toMatchObject({ order: "stop", reason: "held_by_billing" });
    expect(life.released("billing").bot).toMatchObject({ order: "run", reason: null });
  });

  it("keeps its first reason and time", ({ expect }) => {
    const life = heldBy("breach");
    const [first] = life.bot.holds;
    life.wait(MINUTE).tell({ kind: "hold_placed", data: { owner: "breach", reason: "another" } });
    expect(life.bot.holds).toEqual([first]);
  });

  it("waits for a person's start where it trades with real money", ({ expect }) => {
    const live = new Life({ paper_mode: false }).online().held().released();
    expect(live.bot).toMatchObject({ holds: [], order: "hold", reason: "start_held" });
    expect(live.tell(command("start")).bot.order).toBe("run");
    const auto = new Life({ paper_mode: false, policies: { healing: "off", start: "auto" } })
      .online()
      .held()
      .released();
    expect(auto.bot.order).toBe("run");
  });

  it("stays as a person has stopped it, before the hold or during it", ({ expect }) => {
    expect(new Life().online().tell(command("stop")).held().released().bot.order).toBe("stop");
    expect(new Life().online().held().tell(command("stop")).released().bot.order).toBe("stop");
    const both = new Life().online().held().tell(command("stop")).held("max_drawdown_pct", "billing");
    expect(both.released("breach").released("billing").bot.order).toBe("stop");
  });

  it("ends with the bot", ({ expect }) => {
    expect(new Life().online().held().destroyed().bot).toMatchObject({ holds: [], breaches: [], status: "destroyed" });
  });

  it("runs again only on a release by the operator where the operator holds it", ({ expect }) => {
    const life = new Life().suspended();
    expect(ownersOf(life.bot)).toEqual(["operator"]);
    for (const owner of HOLD_OWNERS) life.released(owner);
    expect(life.bot).toMatchObject({ status: "suspended", order: "stop", holds: [{ owner: "operator" }] });
    life.tell({ kind: "hold_placed", data: { owner: "operator", reason: "not so" } });
    expect(life.bot.holds).toMatchObject([{ reason: "payment_failed" }]);
    expect(life.unsuspended().bot).toMatchObject({ holds: [], suspension: null });
  });
});

describe("what the release before reads and writes of holds", () => {
  /** That release knows nothing of holds: it keeps the field as it is. */
  function read(bot: BotState, written: Partial<BotState> = {}): BotState {
    return BotState.parse(JSON.parse(JSON.stringify({ ...bot, ...written })));
  }

  it("a bot that it has suspended is held by the operator", ({ expect }) => {
    const { bot } = new Life().suspended();
    const { holds: _holds, breaches: _breaches, ...before } = bot;
    expect(BotState.parse(before)).toEqual(bot);
    expect(read(new Life().online().bot, { suspension: bot.suspension }).holds).toEqual(bot.holds);
  });

  it("a bot that it has let run again is not, and stays held by the others", ({ expect }) => {
    const { bot } = new Life().online().held().suspending();
    expect(ownersOf(read(bot, { suspension: null }))).toEqual(["breach"]);
    expect(read(bot)).toEqual(bot);
  });

  it("a bot of another hold is one that a person has stopped", ({ expect }) => {
    expect(new Life().online().held().bot.workload_stopped).toBe(true);
    const life = new Life().online().held();
    life.bot = read(life.bot, { workload_stopped: false });
    life.wait(SECOND).tell({ kind: "agent_heard", data: { via: "http" } });
    expect(life.bot, "started there, it is held here").toMatchObject({ order: "stop", holds: [{ owner: "breach" }] });
  });

  it("an owner that only a later release knows holds the bot", ({ expect }) => {
    const life = new Life().online();
    const [hold] = heldBy("billing").bot.holds;
    if (hold === undefined) throw new Error("a held bot has a hold");
    life.bot = read(life.bot, { holds: [{ ...hold, owner: "of_a_later_release" }] });
    life.wait(SECOND).tell({ kind: "agent_heard", data: { via: "http" } });
    expect(life.bot).toMatchObject({ order: "stop", reason: "held_by_of_a_later_release" });
  });
});

describe("lifting a breach hold", () => {
  const caller = (request: number, key?: string) => ({
    ...OPERATOR,
    request_id: `r${request}`,
    ...(key ? { idempotency: { key, body_hash: "h" } } : {}),
  });

  it("is the person's who asks, and says why", ({ expect }) => {
    const shell = stored(new Life().online().held());
    const answer = releaseHold(shell, caller(1), "breach", "looked at it");
    expect(answer).toMatchObject({ ok: true, value: { holds: [], breaches: [{ limit: "max_daily_loss_pct" }] } });
    expect(shell.store.history.events(0, 1000).at(-1)).toMatchObject({
      kind: "hold_released",
      actor: OPERATOR.actor,
      data: { owner: "breach", reason: "looked at it" },
    });
    expect(shell.store.nextDelivery()).not.toBe(null);
  });

  it("changes nothing where there is none, and leaves the operator's", ({ expect }) => {
    const shell = stored(new Life().suspended());
    const { revision } = shell.present().bot;
    expect(releaseHold(shell, caller(1), "breach", "seen")).toMatchObject({ ok: true, value: { status: "suspended" } });
    expect(shell.present().bot).toMatchObject({ revision, holds: [{ owner: "operator" }] });
  });

  it("asked for again with its key lifts no later hold", ({ expect }) => {
    const shell = stored(new Life().online().held());
    releaseHold(shell, caller(1, "k"), "breach", "seen");
    shell.commit({ events: [{ kind: "hold_placed", data: { owner: "breach", reason: "max_drawdown_pct" } }] });
    expect(releaseHold(shell, caller(2, "k"), "breach", "seen")).toMatchObject({ ok: true, replayed: true });
    expect(ownersOf(shell.present().bot)).toEqual(["breach"]);
    const other = { ...caller(3, "k"), idempotency: { key: "k", body_hash: "another" } };
    expect(releaseHold(shell, other, "breach", "x")).toMatchObject({ ok: false, code: "idempotency_key_reused" });
  });

  it("is refused of a bot that is destroyed", ({ expect }) => {
    expect(releaseHold(stored(new Life().online().destroyed()), caller(1), "breach", "x")).toMatchObject({
      ok: false,
      code: "bot_destroyed",
    });
  });
});

describe("what people may ask of a held bot", () => {
  const caller = { ...OPERATOR, request_id: "r1" };

  it.for(["start", "restart"] as const)("not to %s its workload", (kind, { expect }) => {
    const refused = requestCommand(stored(new Life().online().held()), caller, { kind });
    expect(refused).toMatchObject({ ok: false, code: "action_not_allowed", detail: expect.stringContaining("breach") });
  });

  it("to stop it, to collect its logs", ({ expect }) => {
    for (const kind of ["stop", "collect_logs"] as const)
      expect(requestCommand(stored(new Life().online().held()), caller, { kind })).toMatchObject({ ok: true });
  });

  it.for(["pause", "redeploy", "destroy"] as const)("to %s it", (action, { expect }) => {
    const shell = stored(new Life().online().wait(MINUTE).held());
    expect(act(shell, caller, action)).toMatchObject({ ok: true, value: { kind: action } });
    expect(ownersOf(shell.present().bot)).toEqual(["breach"]);
  });

  it("an operator to suspend it: both holds then stand, and each goes by itself", ({ expect }) => {
    const shell = stored(new Life().online().held());
    suspend(shell, caller, "payment_failed");
    expect(ownersOf(shell.present().bot)).toEqual(["operator", "breach"]);
    unsuspend(shell, { ...caller, request_id: "r2" });
    expect(shell.present().bot).toMatchObject({ holds: [{ owner: "breach" }], order: "stop" });
  });
});
