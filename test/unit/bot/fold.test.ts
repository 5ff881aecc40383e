import { describe, it } from "vitest";
import type { BotEvent, EventBody } from "../../../src/bot/model/events.ts";
import { apply, applyFirst } from "../../../src/bot/model/fold.ts";
import type { BotState } from "../../../src/bot/model/state.ts";
import { BOT_ID, deepFreeze, HOUR, Life, MINUTE, START } from "./life.ts";

const OPERATION = { operation_id: "operation-1" };
const DROPLET = { droplet_id: 1001 };

describe("the fold of a history", () => {
  it("a history begins with accepted, and with nothing else", async ({ expect }) => {
    expect(new Life().bot).toMatchObject({ id: BOT_ID, status: "pending", generation: 1, revision: 1, adopted: null });
    const silent: BotEvent = { kind: "agent_silent", data: { last_seen_at: null }, seq: 1, at: START, actor: "agent" };
    expect(() => applyFirst(silent)).toThrow("begins with accepted");
  });

  it("changes nothing of what came before it", async ({ expect }) => {
    const life = new Life().online();
    let bot: BotState | null = null;
    for (const event of life.history) bot = deepFreeze(apply(bot, deepFreeze(event)));
    expect(bot).toEqual(life.bot);
  });

  it("of a kind that this release does not know: only the revision and the time", async ({ expect }) => {
    const { bot } = new Life().online();
    const future = { kind: "grew_wings", data: { count: 2 }, seq: bot.revision + 1, at: START + HOUR, actor: "later" };
    expect(apply(bot, future as unknown as BotEvent)).toEqual({
      ...bot,
      revision: bot.revision + 1,
      updated_at: START + HOUR,
    });
  });
});

describe("a bot's history", () => {
  it("counts what is sent twice, and begins anew with another action", async ({ expect }) => {
    const life = new Life()
      .online()
      .requested("pause")
      .powered("shutdown")
      .powered("power_off")
      .wait(MINUTE)
      .powered("power_off");
    expect(life.bot.operation.power).toEqual({ action: "power_off", count: 2, sent_at: life.now });
  });

  it("knows a droplet once, however often it is found", async ({ expect }) => {
    const life = new Life().made();
    const droplet = life.facts({ id: 1001 });
    life.tell({ kind: "droplet_found", data: { droplet, via: "tag" } });
    life.tell({ kind: "intent_adopted", data: { intent_id: life.intentId, droplet, via: "look" } });
    expect(life.bot.droplets.map(({ id }) => id)).toEqual([1001]);
  });

  it("adopts no second droplet, and none of another generation", async ({ expect }) => {
    const second = new Life().made();
    second.tell({ kind: "intent_adopted", data: { intent_id: second.intentId, droplet: second.facts(), via: "look" } });
    expect(second.bot).toMatchObject({ adopted: 1001, droplets: [{ id: 1001 }, { id: 1002 }] });
    const late = new Life().posted();
    const old = {
      kind: "intent_adopted",
      data: { intent_id: late.intentId, droplet: late.facts(), via: "look" },
    } as const;
    late.recreating().tell(old);
    expect(late.bot).toMatchObject({ generation: 2, adopted: null, droplets: [{ id: 1001, generation: 1 }] });
  });

  it("takes a droplet that vanishes while it is built for a failed try, one that we condemned for none more", async ({
    expect,
  }) => {
    expect(new Life().made().gone().bot.operation).toMatchObject({ failures: 1, last_error: "Droplet 1001 vanished." });
    const condemned = new Life().made();
    condemned.tell({ kind: "attempt_failed", data: { ...OPERATION, code: "slow", detail: "why" } }).gone();
    expect(condemned.bot.operation).toMatchObject({ failures: 1, last_error: "why" });
    expect(new Life().online().requested("redeploy").gone().bot.operation.failures).toBe(0);
  });

  it("a droplet that is read again is not missing", async ({ expect }) => {
    const life = new Life().made().missing("id").missing("name").missing("tag").read("active");
    expect(life.droplet.missing).toEqual({ by_id: [], by_name: null, by_tag: null });
  });

  it("a DELETE that was refused was not sent", async ({ expect }) => {
    const life = new Life().made().tell(deleteSent());
    life.tell({ kind: "droplet_delete_ended", data: { ...DROPLET, outcome: "pending event", accepted: false } });
    expect(life.droplet).toMatchObject({ delete_sent_at: null, delete_ended_at: null });
  });

  it("a bot that was paused and is switched on by another hand may not start by itself", async ({ expect }) => {
    expect(new Life().paused().read("active").bot).toMatchObject({ off_by_us: false, start_held: true });
  });

  it("a config that applies ends the error of one that failed", async ({ expect }) => {
    const life = new Life().made().read("active").registered().failed("config_failed");
    expect(life.applied().bot).toMatchObject({ status: "online", error: null });
  });
});

describe("a suspension", () => {
  const ASKED: [string, () => Life, paused: boolean][] = [
    ["one that is online", () => new Life().online(), false],
    ["one that is paused", () => new Life().paused(), true],
    ["one that is being paused", () => new Life().online().requested("pause"), true],
    ["one that is being resumed", () => new Life().paused().requested("resume"), false],
    ["one that was resumed from a suspension", () => new Life().suspended().unsuspended().requested("resume"), false],
    ["one that stayed paused after one", () => new Life().paused().suspending().succeeded().unsuspended(), true],
    ["one that is in error", () => new Life().made().read("off").failed(), false],
  ];
  for (const [what, life, paused] of ASKED) {
    it(`knows of ${what} whether people want it off`, async ({ expect }) => {
      expect(life().suspending().bot.suspension?.paused).toBe(paused);
    });
  }

  it("says since when, why and by whom, and when it was found to be so", async ({ expect }) => {
    const life = new Life().online();
    const asked = life.now;
    life.suspending("unpaid").powered("shutdown").wait(MINUTE).read("off").succeeded();
    expect(life.bot.suspension).toMatchObject({ since: asked, reason: "unpaid", confirmed_at: asked + MINUTE });
    expect(life.bot).toMatchObject({ since: asked + MINUTE, off_by_us: true, presence: "never" });
  });

  it("of a bot without a droplet is no error of the create that it cut short", async ({ expect }) => {
    const life = new Life().tell({ kind: "suspended", data: { reason: "unpaid" } }).cancelled();
    expect(life.bot.error).toBe(null);
  });

  it("that could not be carried out leaves no error with a bot that stays off", async ({ expect }) => {
    expect(new Life().paused().suspending().failed("timed_out").unsuspended().bot).toMatchObject({
      status: "paused",
      error: null,
    });
    expect(new Life().online().suspending().failed("timed_out").unsuspended().bot.error?.code).toBe("timed_out");
  });

  it("holds no later start because a hand has switched the bot on meanwhile", async ({ expect }) => {
    expect(new Life().suspended().read("active").bot).toMatchObject({ off_by_us: false, start_held: false });
  });

  it("ends with the bot", async ({ expect }) => {
    expect(new Life().suspended().destroyed().bot).toMatchObject({ status: "destroyed", suspension: null });
  });
});

describe("what was sent to a droplet", () => {
  it("may still take effect until a read has shown it", async ({ expect }) => {
    const life = new Life().online().requested("pause").powered("shutdown");
    expect(life.droplet).toMatchObject({ off_sent_at: life.now, on_sent_at: null });
    expect(life.wait(MINUTE).read("active").droplet.off_sent_at).toBe(life.now - MINUTE);
    expect(life.read("off").droplet.off_sent_at).toBe(null);
    life.requested("resume").powered("power_on").wait(MINUTE).read("off");
    expect(life.droplet.on_sent_at).toBe(life.now - MINUTE);
    expect(life.read("active").droplet.on_sent_at).toBe(null);
  });

  it("makes what its agent said before worth nothing once it is off", async ({ expect }) => {
    const life = new Life().online().suspending().powered("shutdown").unsuspended().requested("resume");
    expect(life.read("active").bot.presence).toBe("heard");
    expect(life.read("off").bot.presence).toBe("silent");
    const heard = () => life.tell({ kind: "agent_heard", data: { via: "http" } });
    // It was on in between.
    expect(heard().read("off").bot.presence).toBe("silent");
    // At rest nobody is about to switch it on.
    expect(heard().read("active").succeeded().read("off").bot.presence).toBe("silent");
    expect(heard().read("off").bot.presence).toBe("heard");
    expect(new Life().paused().read("off").bot.presence).toBe("never");
  });
});

describe("a request that is cancelled before it began", () => {
  it("leaves an error what it was", async ({ expect }) => {
    const life = new Life().made().read("active").registered().failed("config_failed");
    expect(life.requested("redeploy").cancelled().bot).toMatchObject({
      status: "error",
      error: { code: "config_failed" },
    });
  });

  it("is an error where nothing is left that would bring the bot back", async ({ expect }) => {
    const detail = "The resume was cancelled; the bot has no agent.";
    const revoked = { kind: "credential_revoked", data: {} } as const;
    const life = new Life().online().requested("redeploy").tell(revoked).suspending().cancelled().unsuspended();
    expect(life.requested("resume").cancelled().bot).toMatchObject({
      status: "error",
      error: { code: "cancelled", detail },
    });
    expect(new Life().failed().requested("redeploy").cancelled().bot.error?.code).toBe("create_failed");
  });

  it("does not release a start that is held", async ({ expect }) => {
    const life = new Life({ paper_mode: false }).online();
    life.tell({ kind: "agent_booted", data: { boot_id: "b2", expected: false } });
    expect(life.requested("redeploy").cancelled().bot.start_held).toBe(true);
  });
});

describe("a held start", () => {
  const HELD = { kind: "agent_booted", data: { boot_id: "b2", expected: false } } as const;
  const UNSUSPENDED = {
    kind: "operation_requested",
    data: { operation_id: "o9", kind: "resume", why: "unsuspended" },
  } as const;
  const RELEASES: [string, (life: Life) => Life, held: boolean][] = [
    ["a pause", (life) => life.requested("pause"), true],
    ["a resume", (life) => life.requested("resume"), false],
    ["a resume after a suspension", (life) => life.tell(UNSUSPENDED), true],
    [
      "a resume after a suspension, on again",
      (life) => life.suspending().read("off").tell(UNSUSPENDED).read("active"),
      true,
    ],
    ["a redeploy that has its new generation", (life) => life.requested("redeploy").gone().recreating(), false],
    [
      "the policy to start by itself",
      (life) => life.tell({ kind: "changed", data: { policies: { start: "auto" } } }),
      false,
    ],
    ["another name", (life) => life.tell({ kind: "changed", data: { name: "Day Owl" } }), true],
  ];
  for (const [what, happens, held] of RELEASES) {
    it(`is ${held ? "kept" : "released"} by ${what}`, async ({ expect }) => {
      expect(happens(new Life().online().tell(HELD)).bot.start_held).toBe(held);
    });
  }
});

function deleteSent(): EventBody {
  return { kind: "droplet_delete_sent", data: DROPLET };
}
