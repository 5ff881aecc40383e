import { describe, it } from "vitest";
import { HOUR, inWords, Life, MINUTE, SECOND } from "./life.ts";

function next(life: Life): string {
  return inWords(life.decide(), life.now);
}

describe("a suspend, step by step", () => {
  const TABLE: [situation: string, life: () => Life, decision: string][] = [
    ["of an online bot", () => new Life().online().wait(MINUTE).suspending(), "do get_droplet:1001"],
    ["read as on", () => suspending().read("active"), "do shutdown"],
    ["shutdown sent", () => suspending().read("active").powered("shutdown"), "wait 5000 droplet_off"],
    ["off at last", () => shutdown().wait(MINUTE).read("off"), "record operation_succeeded"],
    [
      "shutdown without effect",
      () =>
        shutdown()
          .wait(120 * SECOND)
          .read("active"),
      "do power_off",
    ],
    ["of a paused bot", () => new Life().paused().wait(MINUTE).suspending(), "do get_droplet:1001"],
    [
      "of a paused bot, read",
      () => new Life().paused().wait(MINUTE).suspending().read("off"),
      "record operation_succeeded",
    ],
    ["of a bot that has just been accepted", () => new Life().suspending(), "record operation_succeeded"],
    [
      "while a POST is unanswered",
      () => new Life().posted().unanswered().suspending(),
      "wait 2000 create_confirmation",
    ],
    ["while a POST is unanswered, for too long", () => unanswered().wait(HOUR), "do list:name:intent-1-g1"],
    ["while a droplet's token is to be checked", () => claimed(), "do get_droplet:66"],
    ["while a droplet is being made", () => new Life().made().wait(SECOND).suspending(), "wait 4000 droplet_active"],
    ["the droplet made meanwhile", () => new Life().made().wait(SECOND).suspending().read("active"), "do shutdown"],
    [
      "the droplet never made",
      () =>
        new Life()
          .made()
          .suspending()
          .wait(10 * MINUTE)
          .called("get_droplet:1001"),
      "record attempt_failed",
    ],
    ["the droplet given up", () => givenUp(), "do delete_droplet:1001"],
    ["the droplet given up and gone", () => givenUp().gone(), "record operation_succeeded"],
    ["after a redeploy's DELETE", () => deleting().wait(MINUTE), "do get_droplet:1001"],
    ["after a redeploy's DELETE, for long", () => deleting().wait(HOUR).missing("id"), "do list:name:1001"],
    ["its droplet answers 404", () => suspending().missing("id"), "do list:name:1001"],
    ["its droplet gone", () => suspending().missing("id").gone(), "record operation_succeeded"],
    ["too late", () => suspending().wait(46 * MINUTE), "record operation_failed"],
  ];
  for (const [situation, life, decision] of TABLE) {
    it(`${situation}: ${decision}`, async ({ expect }) => {
      expect(next(life())).toBe(decision);
    });
  }
});

describe("what was sent before it", () => {
  it("may still switch the droplet on: off counts once that can no longer be", async ({ expect }) => {
    const life = new Life().paused().wait(HOUR).requested("resume").powered("power_on").wait(SECOND).suspending();
    expect(next(life.read("off"))).toBe("wait 15000 droplet_off");
    life.wait(119 * SECOND);
    expect(next(life)).toBe("do get_droplet:1001");
    expect(next(life.read("off"))).toBe("record operation_succeeded");
  });

  it("and did: then it is switched off", async ({ expect }) => {
    const life = new Life().paused().wait(HOUR).requested("resume").powered("power_on").wait(SECOND).suspending();
    expect(next(life.read("active"))).toBe("do shutdown");
    expect(
      next(
        life
          .powered("shutdown")
          .wait(10 * SECOND)
          .read("off"),
      ),
    ).toBe("record operation_succeeded");
  });

  it("holds a pause up in the same way", async ({ expect }) => {
    const life = new Life().online().silent().requested("heal").read("off").powered("power_on").wait(SECOND);
    expect(next(life.requested("pause").read("off"))).toBe("wait 15000 droplet_off");
  });
});

describe("a pause while a POST is unanswered", () => {
  it("waits until it is known what became of it", async ({ expect }) => {
    const life = new Life().online().silent().requested("heal").gone().recreating("heal").posted().unanswered();
    expect(next(life.requested("pause"))).toBe("wait 2000 create_confirmation");
    expect(next(life.wait(HOUR))).toBe("do list:name:intent-1-g2");
  });
});

describe("a resume after a suspension, step by step", () => {
  const TABLE: [situation: string, life: () => Life, decision: string][] = [
    ["asked for", () => resuming(), "do get_droplet:1001"],
    ["read as off", () => resuming().read("off"), "do power_on"],
    [
      "without a droplet",
      () => new Life().suspending().succeeded().wait(MINUTE).unsuspended().requested("resume"),
      "record generation_started",
    ],
    ["on a droplet that was never registered", () => unregistered(), "record credential_revoked"],
    ["on a droplet that was never registered, revoked", () => revoked(), "do delete_droplet:1001"],
    ["on a droplet that was never registered, gone", () => revoked().gone(), "record generation_started"],
    [
      "on a droplet whose DELETE was sent",
      () => deleting().unsuspended().requested("resume").wait(MINUTE),
      "record credential_revoked",
    ],
    [
      "while a POST is unanswered",
      () => unanswered().unsuspended().requested("resume"),
      "wait 2000 create_confirmation",
    ],
    ["soon after a shutdown, read as on", () => cutShort().read("active"), "wait 15000 droplet_off"],
    [
      "long after a shutdown, read as on",
      () =>
        cutShort()
          .wait(120 * SECOND)
          .read("active"),
      "record operation_succeeded",
    ],
    ["soon after a shutdown, read as off", () => cutShort().read("off"), "do power_on"],
    [
      "powered on, heard only before",
      () => cutShort().read("off").powered("power_on").read("active"),
      `wait ${2 * MINUTE} agent_registration`,
    ],
  ];
  for (const [situation, life, decision] of TABLE) {
    it(`${situation}: ${decision}`, async ({ expect }) => {
      expect(next(life())).toBe(decision);
    });
  }
});

describe("a suspended bot", () => {
  const off = { healing: "reboot", start: null } as const;

  it("rests", async ({ expect }) => {
    expect(
      new Life()
        .suspended()
        .wait(24 * HOUR)
        .decide(),
    ).toEqual({ settled: true });
    expect(new Life().suspending().succeeded().decide()).toEqual({ settled: true });
  });

  it("that speaks is read, and is stopped again where another hand has switched it on", async ({ expect }) => {
    const life = new Life()
      .suspended()
      .wait(HOUR)
      .beat()
      .tell({ kind: "agent_heard", data: { via: "http" } });
    expect(next(life)).toBe("do get_droplet:1001");
    expect(next(life.read("active"))).toBe("begin suspend");
  });

  it("is never healed, whatever its policy", async ({ expect }) => {
    const life = new Life({ policies: off }).suspended().wait(HOUR).beat();
    life
      .tell({ kind: "agent_heard", data: { via: "http" } })
      .wait(HOUR)
      .silent();
    expect(life.decide()).toEqual({ settled: true });
    const running = new Life({ policies: off }).online().suspending().failed("timed_out").wait(MINUTE).silent();
    expect(next(running)).toBe(`wait ${59 * MINUTE} suspend`);
  });

  it("that could not be stopped is tried again every hour", async ({ expect }) => {
    const life = suspending().failed("power_off_failed");
    expect(next(life.wait(HOUR - 1))).toBe("wait 1 suspend");
    expect(next(life.wait(1))).toBe("begin suspend");
  });

  it("is stopped for good after a destroy that was taken back", async ({ expect }) => {
    expect(next(suspending().requested("destroy").cancelled())).toBe("begin suspend");
  });

  it("loses what should not exist", async ({ expect }) => {
    const life = new Life().suspended();
    life.tell({ kind: "droplet_found", data: { droplet: life.facts({ id: 66 }), via: "sweep" } });
    expect(next(life)).toBe(`wait ${MINUTE} surplus_quarantine`);
    expect(next(life.wait(MINUTE))).toBe("do delete_droplet:66");
  });
});

function suspending(): Life {
  return new Life().online().wait(MINUTE).suspending();
}

function shutdown(): Life {
  return suspending().read("active").powered("shutdown");
}

function unanswered(): Life {
  return new Life().posted().unanswered().suspending();
}

function claimed(): Life {
  const life = new Life().posted().unanswered();
  life.tell({ kind: "intent_absent", data: { intent_id: life.intentId } });
  life.tell({ kind: "registration_claimed", data: { intent_id: life.intentId, droplet_id: 66 } });
  return life.suspending();
}

function givenUp(): Life {
  const life = new Life().made().suspending();
  const data = { operation_id: life.bot.operation.id, code: "droplet_not_active", detail: "too late" };
  return life.tell({ kind: "attempt_failed", data });
}

function deleting(): Life {
  const life = new Life().online().requested("redeploy");
  return life.tell({ kind: "droplet_delete_sent", data: { droplet_id: 1001 } }).suspending();
}

function resuming(): Life {
  return new Life().suspended().wait(MINUTE).unsuspended().requested("resume");
}

function cutShort(): Life {
  return shutdown().wait(SECOND).cancelled().unsuspended().requested("resume");
}

/** Suspended while its droplet was being made. */
function unregistered(): Life {
  const life = new Life().made().wait(SECOND).suspending().read("active").powered("shutdown").read("off").succeeded();
  return life.wait(HOUR).unsuspended().requested("resume");
}

function revoked(): Life {
  return unregistered().tell({ kind: "credential_revoked", data: {} });
}
