import { describe, it } from "vitest";
import { act } from "../../../src/bot/calls/management.ts";
import { suspend, unsuspend } from "../../../src/bot/calls/suspend.ts";
import { OPERATOR } from "../../fixtures/caller.ts";
import { HOUR, Life, MINUTE } from "./life.ts";
import { stored } from "./stored.ts";

describe("asking for a suspension", () => {
  it("cancels what is under way and says why; asking again answers the same and keeps the first reason", async ({
    expect,
  }) => {
    const shell = stored(new Life().online().requested("redeploy"));
    const first = suspend(shell, caller(1), "payment_failed");
    expect(first).toMatchObject({ ok: true, value: { kind: "suspend", state: "running" } });
    expect(shell.present().bot).toMatchObject({ status: "online", reason: "suspend" });
    expect(shell.store.operations()).toMatchObject([{ kind: "suspend" }, { kind: "redeploy", state: "cancelled" }]);
    const { revision } = shell.present().bot;
    expect(suspend(shell, caller(2), "abuse")).toEqual(first);
    expect(shell.present().bot).toMatchObject({ revision, suspension: { reason: "payment_failed", by: "billing" } });
  });

  it("of one that could not be stopped begins another, for the same suspension", async ({ expect }) => {
    const life = suspending().failed("power_off_failed").wait(MINUTE);
    const shell = stored(life);
    const { suspension } = life.bot;
    expect(suspend(shell, caller(1), "abuse")).toMatchObject({ ok: true, value: { state: "running" } });
    expect(shell.present().bot.operation.id).not.toBe(life.bot.operation.id);
    expect(shell.present().bot.suspension).toEqual(suspension);
  });

  it("is in time whatever held the work before", async ({ expect }) => {
    const life = new Life().online();
    life.rt = { ...life.rt, not_before: life.now + HOUR, tries: 7 };
    const shell = stored(life);
    suspend(shell, caller(1), "payment_failed");
    expect(shell.present().rt).toMatchObject({ not_before: 0, tries: 0, alarm_at: life.now });
  });

  it("is refused of a bot that goes or is gone, with what is possible instead", async ({ expect }) => {
    const going = stored(new Life().online().requested("destroy"));
    expect(suspend(going, caller(1), "payment_failed")).toMatchObject({
      code: "action_not_allowed",
      allowed: ["destroy"],
    });
    const gone = stored(new Life().online().destroyed());
    for (const answer of [suspend(gone, caller(1), "payment_failed"), unsuspend(gone, caller(2))]) {
      expect(answer).toMatchObject({ code: "bot_destroyed", allowed: ["destroy"] });
    }
  });

  it("leaves people nothing but a destroy", async ({ expect }) => {
    const shell = stored(new Life().suspended());
    for (const action of ["pause", "resume", "redeploy"] as const) {
      expect(act(shell, caller(action), action)).toMatchObject({
        code: "action_not_allowed",
        detail: `The bot is suspended and cannot ${action}.`,
        allowed: ["destroy"],
      });
    }
    expect(act(shell, caller(1), "destroy")).toMatchObject({ ok: true, value: { kind: "destroy" } });
  });
});

describe("taking a suspension away", () => {
  const FOLLOWS: [string, () => Life, kind: string, state: string][] = [
    ["resumes the bot", () => new Life().suspended(), "resume", "running"],
    ["resumes a bot without a droplet", () => new Life().suspending().succeeded(), "resume", "running"],
    ["cuts the suspend short and resumes the bot", () => shutdown(), "resume", "running"],
    ["leaves a paused bot paused", () => new Life().paused().suspending().succeeded(), "suspend", "succeeded"],
    [
      "leaves a paused bot paused, its suspend cut short",
      () => new Life().paused().suspending(),
      "suspend",
      "cancelled",
    ],
    [
      "takes a pause up again that was cut short",
      () => new Life().online().requested("pause").suspending(),
      "pause",
      "running",
    ],
    ["does nothing to a bot that is not suspended", () => new Life().online(), "create", "succeeded"],
  ];
  for (const [what, life, kind, state] of FOLLOWS) {
    it(what, async ({ expect }) => {
      const shell = stored(life());
      expect(unsuspend(shell, caller(1))).toMatchObject({ ok: true, value: { kind, state } });
      expect(shell.present().bot).toMatchObject({ suspension: null, operation: { kind, state } });
    });
  }

  it("is refused while the bot is destroyed", async ({ expect }) => {
    const shell = stored(new Life().suspended().requested("destroy"));
    expect(unsuspend(shell, caller(1))).toMatchObject({ code: "action_not_allowed", allowed: ["destroy"] });
    expect(shell.present().bot.suspension).not.toBe(null);
  });

  it("says in the history that the suspend ended with it", async ({ expect }) => {
    const shell = stored(shutdown());
    const after = shell.present().bot.revision;
    unsuspend(shell, caller(1));
    expect(shell.store.history.events(after, 10)).toMatchObject([
      { kind: "operation_cancelled", data: { why: "unsuspended" }, actor: "billing" },
      { kind: "unsuspended" },
      { kind: "operation_requested", data: { kind: "resume", why: "unsuspended" } },
    ]);
  });
});

function caller(request: number | string) {
  return { ...OPERATOR, actor: "billing", request_id: `r${request}` };
}

function suspending(): Life {
  return new Life().online().wait(MINUTE).suspending();
}

function shutdown(): Life {
  return suspending().read("active").powered("shutdown");
}
