/** What this release makes of a state that a newer one has left behind: nothing, and it shows nothing that it does not know. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "vitest";
import { asKnown, isOfNewerRelease } from "../../../src/bot/model/newer-release.ts";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import { BotState } from "../../../src/bot/model/state.ts";
import { orderOf, workloadOrder } from "../../../src/bot/model/workload-order.ts";
import { Runtime } from "../../../src/bot/reconcile/decision.ts";
import { reconcile } from "../../../src/bot/reconcile/reconcile.ts";
import { nextAlarm } from "../../../src/bot/reconcile/schedule.ts";
import { botRow, changedDroplets } from "../../../src/bot/shell/outbox-rows.ts";
import { viewBot } from "../../../src/bot/view/bot.ts";
import { BotView } from "../../../src/wire/bot.ts";
import { BOT_STATUSES, DROPLET_STATUSES, PERSONAS, WORKLOAD_ORDERS } from "../../../src/wire/enums.ts";
import type { RecordedLife } from "../../simulation/lives.ts";
import { deepFreeze, HOUR, Life, MINUTE, SECOND } from "./life.ts";
import { PLACES, plant, UNHEARD_OF } from "./planted.ts";

const HISTORIES = join(import.meta.dirname, "../../fixtures/histories");
const STRICTNESS = { run: 0, hold: 1, stop: 2 };
const rt = Runtime.parse({});

const LIVED: Record<string, () => Life> = {
  "looked for": () => new Life().posted().unanswered().wait(MINUTE).looked("name"),
  online: () => new Life().online(),
  pausing: () => new Life().online().wait(HOUR).requested("pause").powered("shutdown"),
  paused: () => new Life().paused(),
  suspended: () => new Life().suspended(),
  silent: () => new Life().online().wait(HOUR).silent(),
  redeploying: () => new Life().online().wait(HOUR).requested("redeploy"),
  "with a surplus droplet": () => {
    const life = new Life().online();
    return life.tell({ kind: "droplet_found", data: { droplet: life.facts({ id: 9_001 }), via: "sweep" } });
  },
  destroyed: () => {
    const life = new Life().online().destroyed();
    return life.tell({ kind: "droplet_found", data: { droplet: life.facts({ id: 9_001 }), via: "sweep" } });
  },
};

function recordedStates(): [string, BotState][] {
  return readdirSync(HISTORIES).map((file) => {
    const { state } = JSON.parse(readFileSync(join(HISTORIES, file), "utf8")) as RecordedLife;
    return [file, BotState.parse(state)];
  });
}

const STATES: [string, BotState][] = [
  ...Object.entries(LIVED).map(([name, life]): [string, BotState] => {
    const { bot } = life();
    // As every operation outside of these tests, so that the document's schema fits.
    return [name, { ...bot, operation: { ...bot.operation, id: "00000000-0000-4000-8000-000000000002" } }];
  }),
  ...recordedStates(),
];

/** Every state with something unheard of in the place. */
function planted(place: (typeof PLACES)[number]): [string, BotState][] {
  return STATES.flatMap(([name, bot]) => {
    const future = plant(bot, place);
    return future === null ? [] : [[name, deepFreeze(future)] as [string, BotState]];
  });
}

describe("a state of this release", () => {
  it.for(STATES)("is known: %s", ([, bot], { expect }) => {
    expect(isOfNewerRelease(bot)).toBe(false);
    expect(asKnown(bot)).toBe(bot);
  });

  it("holds members of enumerations in these places", ({ expect }) => {
    expect(PLACES.map((place) => place.join("."))).toEqual([
      "persona",
      "policies.healing",
      "policies.start",
      "status",
      "operation.kind",
      "operation.state",
      "operation.power.action",
      "intents.[].kind",
      "intents.[].enrolment.state",
      "intents.[].token_state",
      "intents.[].looks.[].how",
      "intents.[].state",
      "droplets.[].status",
      "droplets.[].kind",
      "presence",
      "order",
    ]);
  });

  it.for(["", "Online", "on line", "x".repeat(65), "{ cut"])("is damaged where a member is %j", (text, { expect }) => {
    const bot = plant(new Life().online().bot, ["status"], text);
    expect(BotState.safeParse(bot).success).toBe(false);
  });
});

describe.for(PLACES.map((place) => ({ place, at: place.join(".") })))("something unheard of in $at", ({ place }) => {
  const states = planted(place);

  it("is met in some life, read and kept as it is", ({ expect }) => {
    expect(states.length).toBeGreaterThan(0);
    for (const [name, bot] of states) {
      const read = BotState.parse(JSON.parse(JSON.stringify(bot)));
      expect(read, name).toEqual(bot);
      expect(JSON.stringify(read), name).toContain(UNHEARD_OF);
      expect(isOfNewerRelease(read), name).toBe(true);
      expect(JSON.stringify(asKnown(read)), name).not.toContain(UNHEARD_OF);
      expect(isOfNewerRelease(asKnown(read)), name).toBe(false);
    }
  });

  it("makes the bot wait for its release, whenever it is asked", ({ expect }) => {
    for (const [name, bot] of states) {
      for (const later of [0, SECOND, 10 * MINUTE, HOUR, 48 * HOUR]) {
        const now = bot.updated_at + later;
        const waits = { wait: now + HOUR, for: "newer_release" };
        expect(reconcile(bot, rt, now, defaultPolicy), name).toEqual(waits);
        const at = Math.ceil(waits.wait);
        expect(nextAlarm(bot, rt, now, defaultPolicy, null), name).toEqual({ at, watching: false });
      }
    }
  });

  it("never permits more than the order last given, nor than what is known", ({ expect }) => {
    for (const [name, bot] of states) {
      for (const order of [...WORKLOAD_ORDERS, null]) {
        if (place[0] === "order" && order !== null) continue;
        const last = place[0] === "order" ? "hold" : (order ?? "hold");
        const told = orderOf(place[0] === "order" ? bot : { ...bot, order });
        const certain = workloadOrder(asKnown(bot));
        expect(STRICTNESS[told], `${name}, last told ${last}`).toBe(Math.max(STRICTNESS[last], STRICTNESS[certain]));
      }
    }
  });

  it("is shown to nobody: the view and the index have only what is documented", ({ expect }) => {
    for (const [name, bot] of states) {
      const view = viewBot(bot, rt, bot.updated_at + MINUTE, defaultPolicy);
      expect(BotView.safeParse(view).error, name).toBe(undefined);
      expect(JSON.stringify(view), name).not.toContain(UNHEARD_OF);
      expect(view, name).toMatchObject({
        reason: "newer_release",
        phase: null,
        next: { what: "newer_release", at: null },
        summary: expect.stringContaining("left alone until that release runs again"),
      });
      const row = botRow(bot, rt);
      expect(row, name).toMatchObject({ reason: "newer_release", operation_kind: null, next_due_at: null });
      expect(BOT_STATUSES, name).toContain(row.status);
      expect(PERSONAS, name).toContain(row.persona);
      for (const { status } of changedDroplets(null, bot)) expect(DROPLET_STATUSES, name).toContain(status);
    }
  });
});

describe("what stands in for a status that is not known", () => {
  it.for<[string, Life, string]>([
    ["of a bot that lives", new Life().online(), "error"],
    ["of a destroyed one", new Life().online().destroyed(), "destroyed"],
  ])("%s", ([, { bot, now }, status], { expect }) => {
    const future = plant(bot, ["status"]) ?? bot;
    expect(viewBot(future, rt, now, defaultPolicy)).toMatchObject({ status });
    expect(botRow(future, rt)).toMatchObject({ status });
  });

  it("is nothing where a false word would mislead: no droplet and no operation are shown", ({ expect }) => {
    const { bot, now } = new Life().online();
    const seen = (place: string[]) => viewBot(plant(bot, place) ?? bot, rt, now, defaultPolicy);
    expect(seen(["droplets", "[]", "status"])).toMatchObject({ status: "online", droplet: null, droplet_id: 1001 });
    expect(seen(["operation", "kind"])).toMatchObject({ status: "online", operation: null, droplet: { id: 1001 } });
    expect(seen(["operation", "state"])).toMatchObject({ operation: null });
  });

  it("never says that a droplet is confirmed gone where an intent is in a state that is not known", ({ expect }) => {
    const life = new Life().posted();
    life.bot = plant(life.bot, ["intents", "[]", "state"]) ?? life.bot;
    expect(life.tell({ kind: "destroyed", data: { forced: true } }).bot).toMatchObject({
      status: "destroyed",
      reason: "droplet_not_confirmed_gone",
    });
  });
});

describe("the order that is stored", () => {
  it("is the one that every event has led to", ({ expect }) => {
    const life = new Life().online();
    expect(life.bot.order).toBe("run");
    expect(life.requested("pause").bot.order).toBe("stop");
    expect(life.cancelled().bot.order).toBe("run");
    life.tell({ kind: "agent_booted", data: { boot_id: "b2", expected: false } });
    expect(life.bot.order).toBe("hold");
  });

  it("of a release that stored none is none, and a newer one's bot is then held", ({ expect }) => {
    const { order: _, ...older } = new Life().online().bot;
    const bot = BotState.parse(older);
    expect([bot.order, orderOf(bot)]).toEqual([null, "run"]);
    expect(orderOf(plant(bot, ["operation", "kind"]) ?? bot)).toBe("hold");
  });
});
