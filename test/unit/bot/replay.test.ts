/** Histories that earlier releases wrote, read by this one. `npm run simulate -- --record` adds to them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "vitest";
import type { RecordedEvent } from "../../../src/bot/model/events.ts";
import { apply } from "../../../src/bot/model/fold.ts";
import { BotState } from "../../../src/bot/model/state.ts";
import { viewEvent } from "../../../src/bot/view/event.ts";
import { EventView } from "../../../src/wire/bot.ts";
import { LIVES, type RecordedLife } from "../../simulation/lives.ts";

const HISTORIES = join(import.meta.dirname, "../../fixtures/histories");
const files = readdirSync(HISTORIES);

function read(file: string): RecordedLife {
  return JSON.parse(readFileSync(join(HISTORIES, file), "utf8"));
}

/** From the first event where that is kept, else from the last snapshot. */
function foldable(events: RecordedEvent[]): RecordedEvent[] {
  if (events[0]?.seq === 1) return events;
  return events.slice(events.findLastIndex(({ kind }) => kind === "snapshot"));
}

function fold(events: readonly RecordedEvent[]): BotState | null {
  return events.reduce<BotState | null>(apply, null);
}

/** As a later release might have written it. */
function fromLater(event: RecordedEvent): RecordedEvent[] {
  const richer = { ...event, data: { ...event.data, later: [1, { deep: true }] }, later: "too" };
  const unknown = { ...event, kind: "moon_landed", data: { where: { is: "it" } } };
  return [richer, unknown] as unknown as RecordedEvent[];
}

describe("recorded histories", () => {
  it("are one of each life that is worth it, some hundred events together", ({ expect }) => {
    expect(files.sort()).toEqual(expect.arrayContaining(Object.keys(LIVES).map((name) => `${name}.json`)));
    const events = files.flatMap((file) => read(file).events);
    expect(events.length).toBeGreaterThan(200);
    expect(new Set(events.map(({ kind }) => kind)).size).toBeGreaterThan(30);
  });

  describe.for(files)("%s", (file) => {
    const { events, state } = read(file);

    // In the fields that the state had then: a later release adds some, and still writes those.
    it("comes to the state that was recorded with it", ({ expect }) => {
      expect(fold(foldable(events))).toMatchObject(state);
    });

    it("has each status as it was read then", ({ expect }) => {
      let bot: BotState | null = null;
      for (const event of foldable(events)) {
        bot = apply(bot, event);
        const { status, generation, reason } = bot;
        expect([{ status, generation }, reason], `event ${event.seq}`).toEqual([event.after, event.reason]);
      }
    });

    it("is read over what a later release has put into it", ({ expect }) => {
      expect(fold(foldable(events).flatMap(fromLater))).toMatchObject(state);
    });

    it("is a state that can be stored, and events that can be shown", ({ expect }) => {
      expect(BotState.safeParse(fold(foldable(events))).error).toBe(undefined);
      for (const event of events.flatMap(fromLater)) {
        expect(EventView.safeParse(viewEvent(event)).error, event.kind).toBe(undefined);
      }
    });
  });
});
