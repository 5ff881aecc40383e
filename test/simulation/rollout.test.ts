import { describe, it } from "vitest";
import type { EventBody, EventKind } from "../../src/bot/model/events.ts";
import type { Verdict } from "./agent-rollout.ts";
import { MINUTE, World } from "./world.ts";

const SECOND = 1000;

/** What becomes of each version, by its number; all others run. */
type Fates = Record<number, Verdict>;

async function onlineBot(seed: number, fates: Fates) {
  const world = new World(seed);
  world.agents.verdict = ({ version }) => fates[version] ?? "runs";
  const id = world.createBot();
  await world.run(10 * MINUTE, () => world.rests(id, "online"));
  return { world, id };
}

function told<K extends EventKind>(world: World, id: string, kind: K) {
  return world
    .history(id)
    .filter((event): event is Extract<EventBody, { kind: K }> & { at: number } => event.kind === kind);
}

/** When the version was handed over. */
function deliveredAt(world: World, id: string, version: number): number {
  return told(world, id, "config_delivered").find(({ data }) => data.config.version === version)?.at ?? 0;
}

/** Runs until the version is applied. @returns when, ms */
async function untilApplied(world: World, id: string, version: number): Promise<number> {
  const is = () => world.bot(id).config.applied?.version === version;
  if (!(await world.run(3 * 60 * MINUTE, is))) throw new Error(`version ${version} is never applied`);
  world.checkAnytime();
  return world.now;
}

/** Once, while what is to be put back is being sealed. */
function duringRollback(world: World, happens: () => unknown): void {
  world.pause = async (_who, where) => {
    if (where !== "before seal") return;
    world.pause = async () => undefined;
    await happens();
  };
}

describe("a version that fails is back on the last good content", () => {
  const FAILURES: [string, Verdict, number][] = [
    ["where the workload exits 78", "fails", 0],
    ["where it loops until its agent has seen enough", "fails", 100 * SECOND],
    ["where it never gets ready", "fails", 120 * SECOND],
    ["where nothing is heard of it", "says_nothing", 0],
    ["where its agent dies of it and comes back", "dies", 0],
  ];
  for (const [where, fate, apply_ms] of FAILURES) {
    it(`within 180 s of its delivery, by one rollback, and is online all the time: ${where}`, async ({ expect }) => {
      const { world, id } = await onlineBot(1, { 2: fate });
      world.agents.timing.apply = () => (world.bot(id).config.desired.version === 2 ? apply_ms : 15 * SECOND);
      const seen = new Set<string>();
      await world.publish(id, { strictness: "high" });
      await world.run(10 * MINUTE, () => {
        seen.add(world.bot(id).status);
        return world.bot(id).config.applied?.version === 3;
      });
      const delivered = deliveredAt(world, id, 2);
      // The simulated agent speaks only every 30 s: twice until it holds the restored version and has proved it.
      expect(world.now - delivered).toBeLessThanOrEqual(180 * SECOND + 2 * world.agents.beat_ms);
      expect(told(world, id, "rolled_back")[0]?.at).toBeLessThanOrEqual(delivered + 180 * SECOND);
      expect([...seen]).toEqual(["online"]);
      await world.run(60 * MINUTE);
      expect(told(world, id, "rolled_back")).toHaveLength(1);
      expect(world.bot(id)).toMatchObject({ status: "online", reason: null, config: { desired: { version: 3 } } });
      world.checkAnytime();
    });
  }

  it("within 120 s of its agent being heard again, which had died of it for long", async ({ expect }) => {
    const { world, id } = await onlineBot(2, { 2: "dies" });
    world.patch(id, { policies: { healing: "off" } });
    world.agents.timing.away = () => 20 * MINUTE;
    await world.publish(id, { strictness: "high" });
    await world.run(10 * MINUTE, () => world.bot(id).status === "unresponsive");
    await world.run(10 * MINUTE);
    expect(told(world, id, "config_failed"), "silence is no failure").toEqual([]);
    await world.run(20 * MINUTE, () => world.bot(id).status === "online");
    const heard = world.now;
    expect((await untilApplied(world, id, 3)) - heard).toBeLessThanOrEqual(120 * SECOND);
    expect(told(world, id, "config_failed")).toMatchObject([{ data: { reason: "agent_died_during_apply" } }]);
    expect(told(world, id, "rolled_back")).toHaveLength(1);
  });

  it("120 s after its agent was heard again, where that has forgotten it", async ({ expect }) => {
    const { world, id } = await onlineBot(3, { 2: "says_nothing" });
    world.patch(id, { policies: { healing: "off" } });
    await world.publish(id, { strictness: "high" });
    await world.run(MINUTE, () => deliveredAt(world, id, 2) > 0);
    world.agents.unreachable = true;
    await world.run(10 * MINUTE, () => world.bot(id).status === "unresponsive");
    await world.run(60 * MINUTE);
    expect(told(world, id, "config_failed")).toEqual([]);
    world.agents.unreachable = false;
    await world.run(10 * MINUTE, () => world.bot(id).status === "online");
    const heard = world.now;
    await world.run(10 * MINUTE, () => told(world, id, "rolled_back").length > 0);
    expect(Math.round((world.now - heard) / SECOND)).toBe(120);
    expect(told(world, id, "config_failed")).toMatchObject([{ data: { reason: "not_acknowledged" } }]);
  });
});

describe("nothing good to go back to", () => {
  it("is an error of the create, its droplet is kept, and the next change is tried", async ({ expect }) => {
    const world = new World(4);
    world.agents.verdict = ({ version }) => (version === 1 ? "fails" : "runs");
    const id = world.createBot();
    expect(await world.run(10 * MINUTE, () => world.rests(id, "error"))).toBe(true);
    await world.run(10 * MINUTE);
    expect(world.bot(id)).toMatchObject({ reason: "config_failed", config: { desired: { version: 1 } } });
    expect([world.dropletsOf(id).length, told(world, id, "rolled_back")]).toEqual([1, []]);
    await world.publish(id, { strictness: "high" });
    await untilApplied(world, id, 2);
    expect(world.bot(id)).toMatchObject({ status: "online", config: { last_good: { version: 2 } } });
  });

  it("is an error too where the restored version fails: it goes round only once", async ({ expect }) => {
    const { world, id } = await onlineBot(5, { 2: "fails", 3: "says_nothing" });
    await world.publish(id, { strictness: "high" });
    expect(await world.run(10 * MINUTE, () => world.bot(id).status === "error")).toBe(true);
    await world.run(6 * 60 * MINUTE);
    expect(world.bot(id)).toMatchObject({ reason: "config_failed", config: { desired: { version: 3 } } });
    expect(told(world, id, "rolled_back")).toHaveLength(1);
    expect(told(world, id, "config_given_up")).toHaveLength(1);
    await world.publish(id, { strictness: "low" });
    await untilApplied(world, id, 4);
    expect(world.bot(id).status).toBe("online");
    world.checkAnytime();
  });
});

describe("races of a rollout", () => {
  it("two changes: the agent tries the last one, and one failure brings back what was good before both", async ({
    expect,
  }) => {
    const { world, id } = await onlineBot(6, { 2: "fails", 3: "fails" });
    await Promise.all([world.publish(id, { strictness: "high" }), world.publish(id, { algorithm: "breakout" })]);
    expect(world.bot(id).config.desired.version).toBe(3);
    await untilApplied(world, id, 4);
    expect(deliveredAt(world, id, 2)).toBe(0);
    expect(told(world, id, "rolled_back")).toMatchObject([{ data: { failed_version: 3, restored_from: 1 } }]);
  });

  it("a change while the rollback is being made: the change wins", async ({ expect }) => {
    const { world, id } = await onlineBot(7, { 2: "fails" });
    await world.publish(id, { strictness: "high" });
    duringRollback(world, () => world.publish(id, { algorithm: "breakout" }));
    await untilApplied(world, id, 3);
    expect(told(world, id, "rolled_back")).toEqual([]);
    await world.run(60 * MINUTE);
    expect(world.bot(id)).toMatchObject({ status: "online", reason: null, config: { desired: { version: 3 } } });
  });

  it("an acknowledgement after the rollback: it moves nothing that is desired", async ({ expect }) => {
    const { world, id } = await onlineBot(8, {});
    world.agents.ack_loss = 1;
    await world.publish(id, { strictness: "high" });
    await world.run(10 * MINUTE, () => told(world, id, "rolled_back").length > 0);
    world.agents.ack_loss = 0;
    await untilApplied(world, id, 3);
    expect(told(world, id, "config_effective")).toMatchObject([{ data: { config: { version: 2 } } }]);
    expect(world.bot(id).config).toMatchObject({
      desired: { version: 3 },
      effective: { version: 3 },
      last_good: { version: 3 },
    });
  });

  it("a change of a paused bot: it is waited for until the bot has it", async ({ expect }) => {
    const { world, id } = await onlineBot(9, { 2: "fails" });
    world.act(id, "pause");
    await world.run(10 * MINUTE, () => world.rests(id, "paused"));
    await world.publish(id, { strictness: "high" });
    await world.run(24 * 60 * MINUTE);
    expect(told(world, id, "config_failed")).toEqual([]);
    world.act(id, "resume");
    await untilApplied(world, id, 3);
    expect(told(world, id, "rolled_back")).toHaveLength(1);
  });

  it("a redeploy onto a bad version: the new droplet tries it, and goes back", async ({ expect }) => {
    const { world, id } = await onlineBot(10, { 2: "fails" });
    await world.publish(id, { strictness: "high" });
    world.act(id, "redeploy");
    await untilApplied(world, id, 3);
    expect(world.bot(id)).toMatchObject({ generation: 2, status: "online" });
    expect(told(world, id, "config_failed")).toHaveLength(1);
    expect(told(world, id, "rolled_back")).toHaveLength(1);
  });

  it("a redeploy during the rollback: the new droplet tries the version too, and it is rolled back once", async ({
    expect,
  }) => {
    const { world, id } = await onlineBot(11, { 2: "fails" });
    await world.publish(id, { strictness: "high" });
    duringRollback(world, () => world.act(id, "redeploy"));
    await untilApplied(world, id, 3);
    expect(world.bot(id).generation).toBe(2);
    expect(told(world, id, "config_failed")).toHaveLength(2);
    expect(told(world, id, "rolled_back")).toHaveLength(1);
  });

  it("a suspension during the rollback: that is made once the bot has stopped, and waits until it may run", async ({
    expect,
  }) => {
    const { world, id } = await onlineBot(12, { 2: "fails" });
    await world.publish(id, { strictness: "high" });
    duringRollback(world, () => world.suspend(id));
    await world.run(60 * MINUTE, () => world.bot(id).config.desired.version === 3);
    await world.run(60 * MINUTE);
    expect(world.bot(id)).toMatchObject({ status: "suspended", config: { delivered: false } });
    world.unsuspend(id);
    await untilApplied(world, id, 3);
  });
});
