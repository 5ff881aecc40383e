import { describe, it } from "vitest";
import { account, newGate } from "./gates.ts";

const MINUTE = 60_000;

describe("the gate", () => {
  it("grants nothing before it knows whose token it is", async ({ expect }) => {
    const gate = await newGate();
    gate.world.token = "another";
    gate.evict();
    expect(gate.permit("a")).toMatchObject({ granted: false, reason: "provider_identity_pending" });
    expect(gate.storage.alarmAt).toBe(gate.world.now);
    await gate.alarm();
    expect(gate.permit("a").granted).toBe(true);
  });

  it("asks at once where its own sweep is refused: an alarm at no time at all would be refused too", async ({
    expect,
  }) => {
    const gate = await newGate();
    gate.world.listing = { kind: "unauthorized", status: 401, detail: "no" };
    gate.sweep();
    await gate.alarm();
    expect(gate.permit("a")).toMatchObject({ granted: false, reason: "provider_unauthorized" });
    expect(gate.storage.alarmAt).toBe(gate.world.now);
  });

  it("grants nothing to another team's token, and says so once", async ({ expect }) => {
    const gate = await newGate();
    gate.world.token = "stolen";
    gate.world.answer = account("theirs");
    gate.evict();
    await gate.alarm();
    await gate.alarm();
    expect(gate.permit("a", "user_action")).toMatchObject({ granted: false, reason: "provider_team_mismatch" });
    expect(gate.world.log.filter(({ event }) => event === "circuit_opened")).toHaveLength(1);
  });

  it("never lets more than 78 background requests into a minute, nor 240 of all", async ({ expect }) => {
    const gate = await newGate();
    const granted = (kind: "poll" | "user_action", tries: number) =>
      Array.from({ length: tries }, (_, n) => gate.permit(`${kind}-${n}`, kind)).filter((permit) => permit.granted)
        .length;
    expect(granted("poll", 200)).toBe(78);
    expect(granted("user_action", 400)).toBe(240 - 78);
    gate.evict();
    expect(granted("poll", 10)).toBe(0);
    gate.world.now += 2 * MINUTE;
    expect(gate.permit("poll-150").granted).toBe(true);
  });

  it("keeps the hour's budget, with a part of it for people only", async ({ expect }) => {
    const gate = await newGate();
    let background = 0;
    for (let second = 0; second < 3_600; second += 2) {
      for (let n = 0; n < 4; n++) if (gate.permit(`bot-${n}`).granted) background++;
      gate.world.now += 2_000;
    }
    expect(background).toBeLessThanOrEqual(4_850);
    expect(background).toBeGreaterThan(4_000);
    expect(gate.permit("person", "user_action").granted).toBe(true);
  });

  it("serves those who wait in the order of their right and their coming", async ({ expect }) => {
    const gate = await newGate();
    for (let n = 0; n < 78; n++) gate.permit(`early-${n}`);
    expect(gate.permit("first").granted).toBe(false);
    gate.world.now += 1;
    expect(gate.permit("create", "create").granted).toBe(false);
    gate.world.now += 1;
    expect(gate.permit("second").granted).toBe(false);
    gate.world.now += 61_000;
    for (const bot of ["first", "second"]) expect(gate.permit(bot).granted).toBe(false);
    expect(gate.permit("create", "create").granted).toBe(false);
    gate.world.now += 4_000;
    for (let n = 0; n < 75; n++) expect(gate.permit(`filler-${n}`).granted).toBe(true);
    expect(gate.permit("latecomer").granted).toBe(false);
    expect(gate.permit("second").granted).toBe(true);
    expect(gate.permit("first").granted).toBe(true);
    expect(gate.permit("create", "create").granted).toBe(true);
  });

  it("lends ten creates at a time, until they are done or ten minutes old", async ({ expect }) => {
    const gate = await newGate();
    for (let n = 0; n < 10; n++) expect(gate.permit(`bot-${n}`, "create").granted).toBe(true);
    expect(gate.permit("bot-10", "create").granted).toBe(false);
    expect(gate.permit("bot-0", "create").granted).toBe(true);
    gate.report({ kind: "create_done", bot_id: "bot-0" });
    expect(gate.permit("bot-10", "create").granted).toBe(true);
    expect(gate.permit("bot-11", "create").granted).toBe(false);
    gate.world.now += 10 * MINUTE;
    expect(gate.permit("bot-11", "create").granted).toBe(true);
  });

  it("has the place of a create that was refused free at once, and learns nothing from it", async ({ expect }) => {
    const gate = await newGate();
    for (let n = 0; n < 10; n++) gate.permit(`bot-${n}`, "create");
    const before = gate.permit("bot-0", "create");
    gate.world.now += 1_000;
    gate.report({ kind: "create_refused", bot_id: "bot-0" });
    expect(gate.permit("bot-10", "create")).toEqual(before);
  });

  it("waits for everybody where DigitalOcean asked one to wait", async ({ expect }) => {
    const gate = await newGate();
    gate.report({ kind: "rate_limited", wait_ms: 20_000 });
    expect(gate.permit("a", "user_action")).toEqual({
      granted: false,
      wait_ms: 20_000,
      reason: "provider_rate_limited",
    });
    gate.world.now += 20_000;
    expect(gate.permit("a", "user_action").granted).toBe(true);
  });

  it("opens the circuit on 401, and closes it once the account answers again", async ({ expect }) => {
    const gate = await newGate();
    gate.world.answer = { kind: "unauthorized", status: 401, detail: "no" };
    gate.report({ kind: "unauthorized" });
    expect(gate.permit("a")).toMatchObject({ granted: false, reason: "provider_unauthorized" });
    await gate.alarm();
    gate.evict();
    expect(gate.permit("a")).toMatchObject({ granted: false, reason: "provider_unauthorized" });
    gate.world.answer = account("ours");
    await gate.alarm();
    expect(gate.permit("a").granted).toBe(true);
  });

  it("heals three or 2 % at once, and nobody where more than 5 % ask", async ({ expect }) => {
    const gate = await newGate();
    for (let n = 0; n < 4; n++) expect(gate.permit(`sick-${n}`, "heal")).toMatchObject({ reason: "heal_settling" });
    gate.world.now += 2 * MINUTE;
    for (let n = 0; n < 3; n++) expect(gate.permit(`sick-${n}`, "heal").granted).toBe(true);
    expect(gate.permit("sick-3", "heal")).toMatchObject({ granted: false, reason: "heal_budget" });
    for (let n = 4; n < 10; n++) gate.permit(`sick-${n}`, "heal");
    expect(gate.permit("sick-10", "heal")).toMatchObject({ granted: false, reason: "fleet_hold" });
    expect(gate.world.log.filter(({ event }) => event === "fleet_hold")).toHaveLength(1);
    gate.world.now += 11 * MINUTE;
    gate.permit("sick-0", "heal");
    gate.world.now += 2 * MINUTE;
    expect(gate.permit("sick-0", "heal").granted).toBe(true);
  });
});
