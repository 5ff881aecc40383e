import { describe, it } from "vitest";
import type { EventBody } from "../../../src/bot/model/events.ts";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import { HOUR, inWords, Life, MINUTE, SECOND } from "./life.ts";

const PATIENCE = 95 * SECOND;
const SILENCE = 60 * SECOND + PATIENCE;

function next(life: Life): string {
  return inWords(life.decide(), life.now);
}

describe("a bot that is heard", () => {
  it("may be silent for 155 s: 60 s of coalescing and 95 s of patience", async ({ expect }) => {
    const life = new Life().online().wait(HOUR).beat();
    expect(next(life)).toBe(`wait ${SILENCE} heartbeat`);
    expect(next(life.wait(SILENCE - 1))).toBe("wait 1 heartbeat");
    expect(life.wait(1).decide()).toEqual({
      record: { kind: "agent_silent", data: { last_seen_at: life.now - SILENCE } },
    });
  });

  it("gets a fresh deadline from when we could hear again", async ({ expect }) => {
    const life = new Life().online().wait(HOUR);
    life.rt = { ...life.rt, deaf_until: life.now };
    expect(next(life)).toBe(`wait ${PATIENCE} heartbeat`);
  });

  it("whose last-seen was lost is judged from when it registered", async ({ expect }) => {
    const life = new Life().online();
    life.rt = { ...life.rt, last_seen_at: null };
    expect(next(life)).toBe(`wait ${PATIENCE} heartbeat`);
  });

  it("over its channel may be silent for 95 s, whatever it said over HTTP before", async ({ expect }) => {
    const life = new Life()
      .online()
      .wait(HOUR)
      .beat()
      .wait(30 * SECOND);
    life.rt = { ...life.rt, channel: { opened_at: life.now - MINUTE, heard_at: life.now } };
    expect(next(life)).toBe(`wait ${PATIENCE} heartbeat`);
    expect(next(life.wait(PATIENCE))).toBe("record agent_silent");
  });

  it("and whose channel was closed has 45 s for its first beat over HTTP", async ({ expect }) => {
    const life = new Life().online().wait(HOUR);
    life.rt = { ...life.rt, channel_closed_at: life.now };
    expect(next(life)).toBe(`wait ${45 * SECOND} heartbeat`);
    expect(next(life.wait(5 * SECOND).beat())).toBe(`wait ${SILENCE} heartbeat`);
  });

  it("is judged in error too", async ({ expect }) => {
    const life = new Life().made().read("active").registered().failed("config_failed").wait(SILENCE);
    expect(next(life)).toBe("record agent_silent");
  });
});

describe("a bot that fell silent and is not to be healed", () => {
  const silent = () => new Life({ policies: { healing: "off", start: null } }).online().wait(HOUR).silent();

  it("has its droplet read at once, then every hour", async ({ expect }) => {
    const life = silent();
    expect(next(life)).toBe("do get_droplet:1001");
    expect(next(life.read("active"))).toBe(`wait ${HOUR} droplet_read`);
    expect(next(life.wait(HOUR))).toBe("do get_droplet:1001");
  });

  it("is never touched", async ({ expect }) => {
    const life = silent();
    for (let hours = 0; hours < 100; hours++) {
      expect(next(life.wait(HOUR))).toBe("do get_droplet:1001");
      life.read(hours % 2 ? "active" : "off");
    }
  });

  it("rests once its droplet is known to be gone", async ({ expect }) => {
    expect(silent().gone().decide()).toEqual({ settled: true });
  });
});

describe("a bot that rests in error", () => {
  it("without an agent waits for nobody", async ({ expect }) => {
    expect(new Life().made().failed().decide()).toEqual({ settled: true });
    expect(new Life().failed().decide()).toEqual({ settled: true });
  });
});

describe("a droplet that should not exist", () => {
  it("is quarantined for a minute, then deleted", async ({ expect }) => {
    const life = withSurplus();
    expect(next(life)).toBe(`wait ${MINUTE} surplus_quarantine`);
    expect(next(life.wait(defaultPolicy.surplus_quarantine_ms))).toBe("do delete_droplet:66");
  });

  it("does not keep the bot from being judged meanwhile", async ({ expect }) => {
    const silent = new Life().online().wait(SILENCE);
    expect(next(silent.tell(surplus(silent)))).toBe("record agent_silent");
    const stubborn = withSurplus()
      .wait(HOUR)
      .tell({ kind: "droplet_delete_sent", data: { droplet_id: 66 } });
    expect(next(stubborn)).toBe("record agent_silent");
    expect(next(stubborn.silent().failed("heal_failed").read("active"))).toMatch(/^wait \d+ droplet_gone$/);
  });

  it("is left alone while an operation is under way, and never taken for the adopted one", async ({ expect }) => {
    const life = withSurplus()
      .wait(2 * MINUTE)
      .requested("pause");
    expect(next(life)).toBe("do get_droplet:1001");
  });

  it("is first read by name where it came with a token", async ({ expect }) => {
    const life = new Life().online();
    life.tell({ kind: "registration_claimed", data: { intent_id: life.intentId, droplet_id: 66 } });
    expect(next(life)).toBe("do get_droplet:66");
  });
});

function withSurplus(): Life {
  const life = new Life().online();
  return life.tell(surplus(life));
}

function surplus(life: Life): EventBody {
  return { kind: "droplet_found", data: { droplet: life.facts({ id: 66 }), via: "name" } };
}
