/** One release writes, the other one takes over what it left and goes on with it; then the first is deployed again. */
import { afterAll, beforeAll, describe, type ExpectStatic, inject, it } from "vitest";
import { type Cast, type Readings, read, rehearse, succeeds, suspend, unsuspend, untilApplied } from "./cast.ts";
import { Installation } from "./installation.ts";
import type { Release } from "./release.ts";

/** A create whose POST never arrives, and a DELETE that has to be sent again: work that a release leaves half done. */
const DELAYS = [
  { on: "create_droplet", fault: "before_effect", times: 1 },
  { on: "delete_droplet", fault: "pending_event", times: 2 },
];

/** @param writer which of the two comes first */
export function describeTakeover(writer: "this release" | "the previous release"): void {
  const presentFirst = writer === "this release";
  const releases = inject("releases");
  const reader = presentFirst ? "the previous release" : "this release";
  describe.skipIf(releases === null)(`what ${writer} has written`, () => {
    let system: Installation;
    let first: Release;
    let second: Release;
    let cast: Cast;
    let begun: string;
    const everybody = () => [...Object.values(cast), begun];

    beforeAll(async () => {
      if (releases === null) return;
      const { present, past } = releases;
      [first, second] = presentFirst ? [present, past] : [past, present];
      system = await Installation.create();
      await system.deploy(first);
    });
    afterAll(async () => {
      await system?.remove();
    });

    it(`${reader} reads as it was, and goes on with by itself`, async ({ expect }) => {
      cast = await rehearse(system);
      const { leaving, ...resting } = cast;
      const before = await read(system, Object.values(resting));
      await system.cloud("POST", "/_sim/faults", DELAYS);
      begun = (await system.newBot("Begun")).id;
      await system.act(leaving, "destroy");
      await system.until("its droplet was asked for", async () =>
        (await system.events(begun)).some(({ kind }) => kind === "intent_opened"),
      );
      await system.halt();
      expect(await system.dropletsOf(begun), "not made yet").toEqual([]);
      expect(await system.dropletsOf(leaving), "not gone yet").toHaveLength(1);

      await system.deploy(second);
      // Nobody asks for these two: what was begun wakes by itself.
      await system.until("what was begun is brought to its end", async () => {
        const [made, left] = [await system.dropletsOf(begun), await system.dropletsOf(leaving)];
        return made[0]?.status === "active" && left.length === 0;
      });
      await system.rests(begun, "online");
      await system.rests(leaving, "destroyed");
      expectOldFields(expect, before, await read(system, Object.values(resting)), presentFirst);
    });

    it(`${reader} does with whatever a person asks for`, async () => {
      const { online, changed, paused, suspended } = cast;
      await Promise.all([
        pauseAndResume(online),
        reconfigure(changed),
        system.act(paused, "resume").then(() => system.rests(paused, "online")),
        unsuspend(system, suspended),
        suspend(system, begun),
      ]);
      await system.act(paused, "redeploy");
      await system.rests(paused, "online");
    });

    it(`${writer} reads again, with what ${reader} has made of it, and takes away`, async ({ expect }) => {
      const before = await read(system, everybody());
      await system.deploy(first);
      expectOldFields(expect, before, await read(system, everybody()), !presentFirst);
      await unsuspend(system, begun);
      await untilHeard(cast.changed);
      await succeeds(system, cast.changed, "restart");
      await Promise.all(everybody().map((id) => system.act(id, "destroy").then(() => system.rests(id, "destroyed"))));
      expect(await system.droplets()).toEqual([]);
      expect(await system.alarms(), "nothing that anybody wrote was unreadable").toEqual([]);
    });

    async function pauseAndResume(id: string): Promise<void> {
      for (const [action, status] of [
        ["pause", "paused"],
        ["resume", "online"],
      ] as const) {
        await system.act(id, action);
        await system.rests(id, status);
      }
    }

    async function reconfigure(id: string): Promise<void> {
      await untilHeard(id);
      const { desired_config_version } = await system.bot(id);
      await system.api("PATCH", `/bots/${id}/config`, { strictness: "low", environment: { KRAKEN_SECRET: "another" } });
      await untilApplied(system, id, desired_config_version + 1);
      await succeeds(system, id, "restart");
      await succeeds(system, id, "rotate");
    }

    /** Its agent has found the Worker that was deployed since. */
    function untilHeard(id: string): Promise<void> {
      return system.until(`the agent of ${id} has its channel`, async () => {
        return (await system.bot(id)).health.channel === "open";
      });
    }
  });
}

/** Whatever the older release shows is the same in the newer one, which may show more. */
function expectOldFields(expect: ExpectStatic, before: Readings, after: Readings, newerFirst: boolean): void {
  for (const [path, was] of Object.entries(before)) {
    const is = beginningOf(after[path], was);
    const [newer, older] = newerFirst ? [was, is] : [is, was];
    expect(newer, path).toMatchObject(older);
  }
}

/** A history goes on: as much of it as was read before. */
function beginningOf(page: Readings[string] | undefined, before: Readings[string]): Readings[string] {
  if (page === undefined) throw new Error("was not read");
  return "first_seq" in page && Array.isArray(page.data) && Array.isArray(before.data)
    ? { ...page, data: page.data.slice(0, before.data.length) }
    : page;
}
