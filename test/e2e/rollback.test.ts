import { afterAll, beforeAll, describe, it } from "vitest";
import type { EventView } from "../../src/wire/bot.ts";
import { partOf } from "../depth.ts";
import { System } from "./system.ts";

/** How the gateway's stand-in behaves with such a name among its assets. */
const MISBEHAVIOURS = partOf(["EXIT78", "CRASHLOOP", "NEVERREADY"], 3);
const LIMIT_MS = 180_000;

let system: System;

beforeAll(async () => {
  // As in production: what is measured here is how long a customer has to do without the good version.
  system = await System.start({ WORKLOAD_READY_WINDOW_S: "15" });
});
afterAll(async () => {
  await system?.remove();
});

function at(events: readonly EventView[], kind: string, version: number): number {
  const found = events.find(({ kind: other, data }) => {
    return other === kind && (data as { config?: { version: number } }).config?.version === version;
  });
  return Date.parse(found?.at ?? "");
}

describe("a config with which the workload does not run", () => {
  it.concurrent.for(MISBEHAVIOURS)("is undone by itself within 180 s of its delivery: %s", async (mark, { expect }) => {
    const { id } = await system.newBot(mark);
    const { revision } = await system.rests(id, "online");
    // Other rules alone would not start it anew.
    const environment = { ATTEMPT: "2" };
    await system.api("PATCH", `/bots/${id}/config`, { asset_focus: "custom", custom_assets: [mark], environment });
    await system.until(
      "the last good content is back",
      async () => (await system.bot(id)).applied_config_version === 3,
    );
    const events = await system.events(id);
    const took_ms = at(events, "config_applied", 3) - at(events, "config_delivered", 2);
    console.info(`${mark}: the last good content ran again after ${(took_ms / 1000).toFixed(1)} s`);
    expect(took_ms).toBeLessThanOrEqual(LIMIT_MS);
    expect(events.filter(({ kind }) => kind === "rolled_back")).toMatchObject([
      { data: { failed_version: 2, restored_from: 1, version: 3 } },
    ]);
    const turned = events.filter(({ seq, before, after }) => seq > revision && before?.status !== after?.status);
    expect(turned, "it stays online meanwhile").toEqual([]);
    expect(await system.bot(id)).toMatchObject({
      status: "online",
      config_drift: false,
      health: { agent: "heard", workload: "running", channel: "open" },
    });
  });
});
