import { describe, it } from "vitest";
import { inWords, Life, MINUTE, SECOND } from "./life.ts";

function next(life: Life): string {
  return inWords(life.decide(), life.now);
}

describe("a pause, step by step", () => {
  const TABLE: [situation: string, life: () => Life, decision: string][] = [
    ["asked for", () => pausing(), "do get_droplet:1001"],
    ["read as off already", () => pausing().read("off"), "record operation_succeeded"],
    ["read as on", () => pausing().read("active"), "do shutdown"],
    ["shutdown sent", () => shutdown(), "wait 5000 droplet_off"],
    ["shutdown sent a while ago", () => shutdown().wait(5 * SECOND), "do get_droplet:1001"],
    [
      "off at last",
      () =>
        shutdown()
          .wait(20 * SECOND)
          .read("off"),
      "record operation_succeeded",
    ],
    [
      "shutdown without effect, just before patience ends",
      () =>
        shutdown()
          .wait(120 * SECOND - 1)
          .read("active"),
      "wait 1 droplet_off",
    ],
    [
      "shutdown without effect",
      () =>
        shutdown()
          .wait(120 * SECOND)
          .read("active"),
      "do power_off",
    ],
    ["shutdown, and nobody has looked since", () => shutdown().wait(120 * SECOND), "do get_droplet:1001"],
    ["one power-off without effect", () => powerOff(1), "do power_off"],
    ["two power-offs without effect", () => powerOff(2), "do power_off"],
    ["three power-offs without effect", () => powerOff(3), "record operation_failed"],
    ["its droplet answers 404", () => pausing().missing("id"), "do list:name:1001"],
    [
      "its droplet is gone beyond doubt",
      () => pausing().missing("id").missing("name").missing("tag"),
      "record droplet_gone",
    ],
    ["its droplet is known to be gone", () => pausing().gone(), "record operation_failed"],
  ];

  for (const [situation, life, decision] of TABLE) {
    it(`${situation}: ${decision}`, async ({ expect }) => {
      expect(next(life())).toBe(decision);
    });
  }

  it("gives up by the name of what did not work", async ({ expect }) => {
    expect(powerOff(3).decide()).toMatchObject({ record: { data: { code: "power_off_failed" } } });
  });

  it("a shutdown that was refused is asked for again, after a new read", async ({ expect }) => {
    const life = shutdown().tell(refused("shutdown"));
    life.rt = { ...life.rt, done: {} };
    expect(next(life)).toBe("do get_droplet:1001");
    expect(next(life.read("active"))).toBe("do shutdown");
  });

  it("a power-off that was refused is asked for again, costs no try and does not begin with a shutdown anew", async ({
    expect,
  }) => {
    const life = shutdown()
      .wait(120 * SECOND)
      .read("active")
      .powered("power_off")
      .wait(MINUTE)
      .read("active");
    life
      .powered("power_off")
      .tell(refused("power_off"))
      .wait(5 * SECOND)
      .read("active");
    expect(next(life)).toBe("do power_off");
    expect(life.bot.operation.power?.count).toBe(1);
  });

  it("a read from before it was asked for is no evidence", async ({ expect }) => {
    const life = new Life().online().read("off").wait(SECOND).requested("pause");
    expect(next(life)).toBe("do get_droplet:1001");
  });
});

describe("a resume, step by step", () => {
  const TABLE: [situation: string, life: () => Life, decision: string][] = [
    ["asked for", () => resuming(), "do get_droplet:1001"],
    ["read as off", () => resuming().read("off"), "do power_on"],
    ["power-on sent", () => resuming().read("off").powered("power_on"), "wait 5000 droplet_active"],
    ["power-on without effect", () => poweredOn(1), "do power_on"],
    [
      "power-on, and nobody has looked since",
      () => resuming().read("off").powered("power_on").wait(MINUTE),
      "do get_droplet:1001",
    ],
    ["three power-ons without effect", () => poweredOn(3), "record operation_failed"],
    [
      "on, its agent silent",
      () =>
        resuming()
          .read("off")
          .powered("power_on")
          .wait(5 * SECOND)
          .read("active"),
      `wait ${2 * MINUTE} agent_registration`,
    ],
    [
      "on, its agent heard",
      () => backOn().tell({ kind: "agent_heard", data: { via: "http" } }),
      "record operation_succeeded",
    ],
    ["on, its agent never heard again", () => backOn().wait(20 * MINUTE), "do get_droplet:1001"],
    [
      "… and read once more",
      () =>
        backOn()
          .wait(20 * MINUTE)
          .read("active"),
      "record operation_failed",
    ],
    ["its droplet answers 404", () => resuming().missing("id"), "do list:name:1001"],
    [
      "its droplet is gone beyond doubt",
      () => resuming().missing("id").missing("name").missing("tag"),
      "record droplet_gone",
    ],
  ];

  for (const [situation, life, decision] of TABLE) {
    it(`${situation}: ${decision}`, async ({ expect }) => {
      expect(next(life())).toBe(decision);
    });
  }

  it("becomes a redeploy where the droplet is gone, and says so", async ({ expect }) => {
    const life = resuming().gone();
    expect(life.decide()).toEqual({
      record: { kind: "generation_started", data: { generation: 2, why: "droplet_gone" } },
    });
    expect(next(life.recreating("droplet_gone"))).toBe("do create:2");
  });

  it("keeps the droplet whose agent is not heard after the start", async ({ expect }) => {
    const decision = backOn()
      .wait(20 * MINUTE)
      .read("active")
      .decide();
    expect(decision).toMatchObject({ record: { kind: "operation_failed", data: { code: "agent_not_heard" } } });
  });
});

describe("a paused bot", () => {
  it("rests", async ({ expect }) => {
    expect(
      new Life()
        .paused()
        .wait(24 * 60 * MINUTE)
        .decide(),
    ).toEqual({ settled: true });
  });

  it("that speaks is read: somebody may have switched its droplet on", async ({ expect }) => {
    const life = speaking();
    expect(next(life)).toBe("do get_droplet:1001");
    expect(life.read("active").bot).toMatchObject({ status: "online", reason: "start_held", start_held: true });
  });

  it("that spoke once and is off all the same is not read for ever, and never switched on", async ({ expect }) => {
    const life = speaking().read("off");
    expect(next(life)).toBe("wait 15000 droplet_read");
    life.wait(155 * SECOND).read("off");
    expect(next(life)).toBe("record agent_silent");
    expect(life.silent().bot.status).toBe("paused");
    expect(life.decide()).toEqual({ settled: true });
  });
});

function pausing(): Life {
  return new Life().online().wait(MINUTE).requested("pause");
}

function shutdown(): Life {
  return pausing().read("active").powered("shutdown");
}

function powerOff(times: number): Life {
  const life = shutdown()
    .wait(120 * SECOND)
    .read("active");
  for (let count = 0; count < times; count++)
    life
      .powered("power_off")
      .wait(60 * SECOND)
      .read("active");
  return life;
}

function resuming(): Life {
  return new Life().paused().wait(MINUTE).requested("resume");
}

function poweredOn(times: number): Life {
  const life = resuming().read("off");
  for (let count = 0; count < times; count++)
    life
      .powered("power_on")
      .wait(60 * SECOND)
      .read("off");
  return life;
}

function backOn(): Life {
  return resuming().read("off").powered("power_on").read("active");
}

function speaking(): Life {
  return new Life()
    .paused()
    .wait(10 * MINUTE)
    .beat()
    .tell({ kind: "agent_heard", data: { via: "http" } });
}

function refused(action: "shutdown" | "power_off") {
  return { kind: "power_refused", data: { droplet_id: 1001, action, detail: "busy" } } as const;
}

describe("a pause that takes too long", () => {
  const late = () =>
    new Life()
      .online()
      .requested("pause")
      .wait(46 * MINUTE);

  it("is given up", async ({ expect }) => {
    expect(late().decide()).toMatchObject({ record: { kind: "operation_failed", data: { code: "timed_out" } } });
  });

  it("is not given up while it is the provider that holds it up", async ({ expect }) => {
    const life = late().tell({ kind: "waiting", data: { reason: "provider_unauthorized" } });
    expect(life.decide()).toHaveProperty("do");
  });
});
