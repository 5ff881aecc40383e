import { describe, it } from "vitest";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import { HOUR, inWords, Life, MINUTE, SECOND } from "./life.ts";

/** What the core says next, in words. */
function next(life: Life): string {
  return inWords(life.decide(), life.now);
}

describe("a create, step by step", () => {
  const TABLE: [situation: string, life: () => Life, decision: string][] = [
    ["accepted", () => new Life(), "do create:1"],
    ["refused for now", () => refused(false), "do create:1"],
    ["refused for good", () => refused(true), "record operation_failed"],
    [
      "not created after all",
      () => new Life().posted().tell({ kind: "intent_absent", data: { intent_id: "intent-1-g1" } }),
      "do create:1",
    ],
    ["made a moment ago", () => new Life().made().wait(SECOND), "wait 4000 droplet_active"],
    ["made five seconds ago", () => new Life().made().wait(5 * SECOND), "do get_droplet:1001"],
    [
      "read and still new",
      () =>
        new Life()
          .made()
          .wait(20 * SECOND)
          .read("new", null),
      "wait 5000 droplet_active",
    ],
    [
      "made three minutes ago and read",
      () =>
        new Life()
          .made()
          .wait(3 * MINUTE)
          .read("new", null),
      "wait 15000 droplet_active",
    ],
    [
      "active without an address",
      () => new Life().made().wait(MINUTE).read("active", null),
      "wait 5000 droplet_active",
    ],
    ["active", () => active(), "wait 120000 agent_registration"],
    ["booting for two minutes", () => active().wait(2 * MINUTE), "do get_droplet:1001"],
    [
      "gone off while it booted",
      () =>
        active()
          .wait(2 * MINUTE)
          .read("off"),
      "do power_on",
    ],
    ["gone off before it was ever active", () => off(), "do power_on"],
    ["gone off before, and switched on a moment ago", () => off().powered("power_on"), "wait 5000 droplet_active"],
    [
      "gone off before, and still off a minute after it was switched on",
      () => off().powered("power_on").wait(MINUTE).read("off", null),
      "do power_on",
    ],
    [
      "gone off before, and switched on three times in vain",
      () => [1, 2, 3].reduce((life) => life.powered("power_on").wait(MINUTE).read("off", null), off()),
      "record attempt_failed",
    ],
    ["registered", () => active().registered(), `wait ${45 * MINUTE} config_applied`],
    ["serving", () => active().registered().applied(), "record operation_succeeded"],
    ["registered, its config failed", () => active().registered().tell(configFailed(1)), "record operation_failed"],
    [
      "registered, an older config failed",
      () => active().registered().tell(published(2), configFailed(1)),
      `wait ${45 * MINUTE} config_applied`,
    ],
  ];

  for (const [situation, life, decision] of TABLE) {
    it(`${situation}: ${decision}`, async ({ expect }) => {
      expect(next(life())).toBe(decision);
    });
  }
});

describe("the deadlines of a create", () => {
  it("a droplet has ten minutes to become active", async ({ expect }) => {
    const life = new Life().made().wait(10 * MINUTE - 1);
    expect(next(life.called("get_droplet:1001"))).toBe("wait 1 droplet_active");
    // Whoever wakes late looks first.
    expect(next(life.wait(1))).toBe("do get_droplet:1001");
    expect(life.called("get_droplet:1001").decide()).toMatchObject({
      record: { kind: "attempt_failed", data: { code: "droplet_not_active" } },
    });
  });

  it("counts the ten minutes from its switching on, where it went off before it was active", async ({ expect }) => {
    const life = off()
      .wait(8 * MINUTE)
      .powered("power_on")
      .read("new", null)
      .wait(10 * MINUTE - 1);
    expect(next(life.called("get_droplet:1001"))).toBe("wait 1 droplet_active");
    expect(life.wait(1).called("get_droplet:1001").decide()).toMatchObject({
      record: { kind: "attempt_failed", data: { code: "droplet_not_active" } },
    });
  });

  const STAGES: [stages: number, minutes: number][] = [
    [0, 20],
    [1, 25],
    [3, 35],
    [5, 45],
    [9, 45],
  ];
  for (const [stages, minutes] of STAGES) {
    it(`with ${stages} stages reported, its agent has ${minutes} minutes to register`, async ({ expect }) => {
      const life = active();
      for (let n = 0; n < stages; n++)
        life.tell({ kind: "stage_reported", data: { stage: `stage-${n}`, detail: null } });
      life.wait(minutes * MINUTE - 1).called("get_droplet:1001");
      expect(next(life)).toBe("wait 1 agent_registration");
      expect(next(life.wait(1))).toBe("do get_droplet:1001");
      expect(life.called("get_droplet:1001").decide()).toMatchObject({
        record: { kind: "attempt_failed", data: { code: "agent_not_registered" } },
      });
    });
  }

  it("says which stage the bootstrap last reported, or that it never did", async ({ expect }) => {
    const mute = active()
      .wait(20 * MINUTE)
      .called("get_droplet:1001");
    expect(mute.decide()).toMatchObject({ record: { data: { detail: expect.stringContaining("never reported") } } });
    const loud = active()
      .tell({ kind: "stage_reported", data: { stage: "packages", detail: null } })
      .wait(25 * MINUTE)
      .called("get_droplet:1001");
    expect(loud.decide()).toMatchObject({
      record: { data: { detail: expect.stringContaining("last reported packages") } },
    });
  });

  it("an agent that registered has 45 minutes to apply its config, and keeps its droplet when it does not", async ({
    expect,
  }) => {
    const life = active()
      .registered()
      .wait(45 * MINUTE - 1);
    expect(next(life)).toBe("wait 1 config_applied");
    expect(life.wait(1).decide()).toMatchObject({
      record: { kind: "operation_failed", data: { code: "config_not_applied" } },
    });
  });

  it("quota and capacity may keep it waiting for a day, and cost no try", async ({ expect }) => {
    const life = refused(false);
    life.wait(24 * HOUR - 1);
    expect(next(life)).toBe("do create:1");
    expect(life.bot.operation.failures).toBe(0);
    expect(life.wait(1).decide()).toMatchObject({
      record: { kind: "operation_failed", data: { code: "create_blocked" } },
    });
  });

  it("a backoff holds every call, and says why", async ({ expect }) => {
    const life = refused(false);
    life.rt = { ...life.rt, not_before: life.now + 7 * MINUTE };
    expect(next(life)).toBe(`wait ${7 * MINUTE} provider_quota`);
  });
});

describe("the tries of a create", () => {
  it("a failed try loses its droplet, then its generation", async ({ expect }) => {
    const life = active()
      .wait(20 * MINUTE)
      .called("get_droplet:1001");
    const decision = life.decide();
    if (!("record" in decision)) throw new Error("expected a failed try");
    life.tell(decision.record);
    expect(next(life)).toBe("do delete_droplet:1001");
    life.gone();
    expect(life.decide()).toEqual({ record: { kind: "generation_started", data: { generation: 2, why: "retry" } } });
    expect(next(life.recreating("retry"))).toBe("do create:2");
  });

  it("there are three", async ({ expect }) => {
    const life = new Life();
    for (let count = 0; count < 3; count++) {
      expect(life.decide()).not.toMatchObject({ record: { kind: "operation_failed" } });
      if (count > 0) life.recreating("retry");
      life.made().gone();
    }
    expect(life.bot.operation.failures).toBe(defaultPolicy.create_tries);
    expect(life.decide()).toMatchObject({ record: { kind: "operation_failed", data: { code: "create_failed" } } });
  });

  it("a droplet that answers 404 is not taken for gone at once", async ({ expect }) => {
    const life = new Life()
      .made()
      .wait(5 * SECOND)
      .missing("id");
    expect(next(life)).toBe("wait 3000 droplet_gone");
  });
});

describe("a droplet that registered before it was adopted", () => {
  const claimed = { kind: "registration_claimed", data: { intent_id: "intent-1-g1", droplet_id: 4242 } } as const;

  it("is read before anything else while its create is unanswered", async ({ expect }) => {
    expect(next(new Life().posted().tell(claimed))).toBe("do get_droplet:4242");
  });

  it("is read before another one is asked for, where its create had been taken for absent", async ({ expect }) => {
    const life = new Life().posted().tell({ kind: "intent_absent", data: { intent_id: "intent-1-g1" } }, claimed);
    expect(next(life)).toBe("do get_droplet:4242");
  });

  it("is read before a destroy concludes", async ({ expect }) => {
    const life = new Life().made().tell(claimed).requested("destroy");
    life.tell({ kind: "credential_revoked", data: {} }).gone();
    expect(next(life)).toBe("do get_droplet:4242");
  });
});

function active(): Life {
  return new Life()
    .made()
    .wait(30 * SECOND)
    .read("active");
}

/** Made, and off before anybody saw it active. */
function off(): Life {
  return new Life()
    .made()
    .wait(30 * SECOND)
    .read("off", null);
}

function refused(for_good: boolean): Life {
  const life = new Life().posted();
  const data = { intent_id: life.intentId, code: for_good ? "invalid" : "quota", detail: "no", for_good };
  life.tell({ kind: "intent_refused", data });
  return for_good ? life : life.tell({ kind: "waiting", data: { reason: "provider_quota" } });
}

function configFailed(version: number) {
  const config =
    version === 1 ? { id: "c0000000-0000-4000-8000-000000000001", version } : { id: `c${version}`, version };
  return { kind: "config_failed", data: { config, reason: "does not start" } } as const;
}

function published(version: number) {
  const config = { id: `c${version}`, version };
  return { kind: "config_published", data: { config, paper_mode: true, restored_from: null } } as const;
}
