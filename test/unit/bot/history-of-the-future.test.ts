/**
 * Recorded histories as a newer release might have gone on with them: events of kinds that this one knows, with members in
 * their data that it does not. They are folded, carried and shown; the bot is left alone.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "vitest";
import type { EventBody, RecordedEvent } from "../../../src/bot/model/events.ts";
import { apply } from "../../../src/bot/model/fold.ts";
import { isOfNewerRelease } from "../../../src/bot/model/newer-release.ts";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import { BotState } from "../../../src/bot/model/state.ts";
import { Runtime } from "../../../src/bot/reconcile/decision.ts";
import { reconcile } from "../../../src/bot/reconcile/reconcile.ts";
import { recorded } from "../../../src/bot/shell/history.ts";
import { viewEvent } from "../../../src/bot/view/event.ts";
import { EventView } from "../../../src/wire/bot.ts";
import type { RecordedLife } from "../../simulation/lives.ts";
import { Life, recordedOf } from "./life.ts";
import { UNHEARD_OF } from "./planted.ts";

const HISTORIES = join(import.meta.dirname, "../../fixtures/histories");

/** Where the data of an event holds a member of an enumeration. */
const MEMBERS: Partial<Record<EventBody["kind"], readonly string[]>> = {
  accepted: ["persona", "policies.healing"],
  changed: ["persona", "policies.healing"],
  operation_requested: ["kind"],
  intent_looked: ["how"],
  intent_adopted: ["droplet.status", "via"],
  droplet_found: ["droplet.status", "via"],
  droplet_observed: ["droplet.status", "via"],
  droplet_missing: ["how"],
  power_sent: ["action"],
  power_refused: ["action"],
  claim_dropped: ["why"],
  stage_reported: ["stage"],
  config_applied: ["workload"],
  config_failed: ["workload"],
  command_requested: ["kind"],
  command_ended: ["kind"],
};

function histories(): [string, RecordedEvent[]][] {
  const read = (file: string) => JSON.parse(readFileSync(join(HISTORIES, file), "utf8")) as RecordedLife;
  const whole = readdirSync(HISTORIES).map((file): [string, RecordedEvent[]] => [file, read(file).events]);
  return whole.filter(([, events]) => events[0]?.seq === 1);
}

function withUnheardOf(event: RecordedEvent, field: string): RecordedEvent {
  const changed = structuredClone(event);
  const [last = "", ...inner] = field.split(".").reverse();
  let data = changed.data as unknown as Record<string, unknown>;
  for (const name of inner.reverse()) {
    data[name] ??= {};
    data = data[name] as Record<string, unknown>;
  }
  data[last] = UNHEARD_OF;
  return changed;
}

/** Every history, with every one of its events changed in turn in every such place. */
function* futures(): Generator<{ where: string; events: RecordedEvent[]; changed: RecordedEvent }> {
  for (const [file, events] of histories()) {
    for (const [index, event] of events.entries()) {
      for (const field of MEMBERS[event.kind] ?? []) {
        const changed = withUnheardOf(event, field);
        const where = `${file}, event ${event.seq}, ${event.kind}.${field}`;
        yield { where, events: events.with(index, changed), changed };
      }
    }
  }
}

describe("a history that a newer release has gone on with", () => {
  it("is folded to a state that can be stored, and every event of it is shown", { timeout: 60_000 }, ({ expect }) => {
    const kinds = new Set<string>();
    let left_alone = 0;
    for (const { where, events, changed } of futures()) {
      kinds.add(changed.kind);
      let bot: BotState | null = null;
      for (const event of events) {
        const before: BotState | null = bot;
        bot = apply(before, event);
        if (isOfNewerRelease(bot)) {
          left_alone++;
          const waits = { wait: event.at + 60 * 60_000, for: "newer_release" };
          expect(reconcile(bot, Runtime.parse({}), event.at, defaultPolicy), where).toEqual(waits);
        }
        if (event.seq !== changed.seq) continue;
        expect(EventView.safeParse(viewEvent(recorded(event, before, bot))).error, where).toBe(undefined);
        expect(viewEvent(event).sentence, where).not.toContain("undefined");
      }
      expect(BotState.safeParse(JSON.parse(JSON.stringify(bot))).error, where).toBe(undefined);
      expect(bot?.revision, where).toBe(events.at(-1)?.seq);
    }
    expect(left_alone).toBeGreaterThan(100);
    expect([...kinds].length).toBeGreaterThan(8);
  });

  it("keeps what it says of an operation that nobody here knows, and stays as it was meanwhile", ({ expect }) => {
    const life = new Life().online();
    const { since } = life.bot;
    const data = { operation_id: "operation-9", kind: UNHEARD_OF };
    const resized = [{ kind: "operation_requested", data }] as unknown as EventBody[];
    life.wait(1000).tell(...resized);
    expect(life.bot).toMatchObject({
      operation: { id: "operation-9", kind: UNHEARD_OF, state: "running" },
      status: "online",
      since,
      reason: "newer_release",
      order: "run",
    });
    expect(life.succeeded().bot).toMatchObject({
      operation: { kind: UNHEARD_OF, state: "succeeded" },
      status: "online",
    });
    expect(isOfNewerRelease(life.bot)).toBe(true);
    expect(isOfNewerRelease(life.requested("pause").bot), "an operation that is known takes its place").toBe(false);
    expect(recordedOf(life.history).map(viewEvent).at(-3)).toMatchObject({
      kind: "operation_requested",
      data,
      sentence: expect.stringContaining("operation requested"),
      after: { status: "online" },
      reason: "newer_release",
    });
  });

  it("keeps fields of policies and of the agent that this release does not know", ({ expect }) => {
    const { bot } = new Life().online();
    const richer = { ...bot, policies: { ...bot.policies, volumes: "keep" }, agent: { ...bot.agent, key: "ed25519" } };
    const read = BotState.parse(richer);
    expect(read).toEqual(richer);
    expect(isOfNewerRelease(read)).toBe(false);
    const changed = { seq: bot.revision + 1, at: bot.updated_at, actor: "a", kind: "changed" } as const;
    const next = apply(read, { ...changed, data: { policies: { healing: "off" } } });
    expect(next.policies).toEqual({ healing: "off", start: null, volumes: "keep" });
  });
});
