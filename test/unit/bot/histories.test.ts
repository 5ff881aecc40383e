import fc from "fast-check";
import { describe, it } from "vitest";
import type { BotEvent } from "../../../src/bot/model/events.ts";
import { apply } from "../../../src/bot/model/fold.ts";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import { adoptedDroplet, BotState, isRunning } from "../../../src/bot/model/state.ts";
import { reconcile } from "../../../src/bot/reconcile/reconcile.ts";
import { depth, tally } from "../../depth.ts";
import { drive } from "./driver.ts";
import { deepFreeze, HOUR, inWords, type Life } from "./life.ts";

const STEPS = 250;
const RUNS = depth({ full: 80, quick: 10 });
const PAIRS = depth({ full: 50, quick: 8 });

/** A bot after any mixture of people, agents, outcomes and crashes. */
const lives: fc.Arbitrary<Life> = fc
  .array(fc.nat(1_000), { minLength: 500, maxLength: 2_500 })
  .map((rolls) => drive(rolls, STEPS));

function property(name: string, holds: (life: Life) => void): void {
  it(name, (test) => {
    fc.assert(fc.property(lives, holds), { numRuns: RUNS });
    tally(test, { lives: RUNS });
  });
}

function refold(events: readonly BotEvent[]): BotState[] {
  const states: BotState[] = [];
  for (const event of events) states.push(apply(states.at(-1) ?? null, event));
  return states;
}

describe("over any history", () => {
  it("many a life has what these properties are about", async ({ expect }) => {
    const seen = new Set<string>();
    for (const life of fc.sample(lives, { numRuns: 100, seed: 7 })) {
      for (const { kind } of life.history) seen.add(kind);
      for (const { status } of refold(life.history)) seen.add(status);
    }
    const kinds = [
      "intent_adopted",
      "intent_absent",
      "intent_refused",
      "droplet_gone",
      "operation_cancelled",
      "suspended",
      "unsuspended",
      "config_failed",
      "rolled_back",
      "config_given_up",
      "destroyed",
    ];
    const statuses = ["pending", "provisioning", "online", "unresponsive", "paused", "suspended", "error", "destroyed"];
    expect([...seen]).toEqual(expect.arrayContaining([...kinds, ...statuses]));
  });

  it("the state is the fold of what is stored as JSON", (test) => {
    const { expect } = test;
    fc.assert(
      fc.property(lives, ({ history, bot }) => {
        const stored: BotEvent[] = JSON.parse(JSON.stringify(history));
        expect(refold(stored).at(-1)).toEqual(bot);
        expect(JSON.parse(JSON.stringify(bot))).toEqual(bot);
        expect(BotState.parse(bot)).toEqual(bot);
      }),
      { numRuns: RUNS },
    );
    tally(test, { lives: RUNS });
  });

  property("destroyed is for ever", ({ history }) => {
    const states = refold(history);
    const first = states.findIndex(({ status }) => status === "destroyed");
    if (first < 0) return;
    for (const bot of states.slice(first)) {
      if (bot.status !== "destroyed" || bot.adopted !== null) throw new Error(`rose to ${bot.status}`);
    }
  });

  it("destroyed stays so whatever is still to come, and only removes what turns up", (test) => {
    const { expect } = test;
    fc.assert(
      fc.property(lives, lives, (dead, other) => {
        let bot = dead.destroyed().bot;
        for (const event of other.history.slice(1)) bot = apply(bot, { ...event, seq: bot.revision + 1 });
        expect(bot).toMatchObject({ status: "destroyed", adopted: null });
        const decision = reconcile(bot, dead.rt, dead.now + HOUR, defaultPolicy);
        if (bot.droplets.length === 0) expect(decision).toEqual({ settled: true });
        else expect(inWords(decision, 0)).toMatch(/^do (delete|get)_droplet|^do list:|^wait|^record droplet_gone/);
      }),
      { numRuns: PAIRS },
    );
    tally(test, { lives: 2 * PAIRS });
  });

  property("a droplet appears once, and what is adopted is known", ({ history }) => {
    for (const { droplets, adopted } of refold(history)) {
      const ids = droplets.map(({ id }) => id);
      if (new Set(ids).size !== ids.length) throw new Error(`droplets ${ids}`);
      if (adopted !== null && !ids.includes(adopted)) throw new Error(`adopted ${adopted}, knows ${ids}`);
    }
  });

  property("the agent lives on the adopted droplet", ({ history }) => {
    for (const { agent, adopted } of refold(history)) {
      if (agent && agent.droplet_id !== adopted) throw new Error(`agent on ${agent.droplet_id}, adopted ${adopted}`);
    }
  });

  property("no operation concludes or begins a generation while an intent is open", ({ history }) => {
    const concluding: string[] = ["operation_succeeded", "operation_failed", "generation_started", "destroyed"];
    const states = refold(history);
    for (const [index, { kind }] of history.entries()) {
      if (!concluding.includes(kind)) continue;
      if (states[index]?.intents.some(({ state }) => state === "open")) throw new Error(`${kind} over an open intent`);
    }
  });

  property("nothing but its suspend and a destroy begins for a suspended bot", ({ history }) => {
    const states = refold(history);
    for (const [index, { kind }] of history.entries()) {
      const bot = states[index];
      if (kind !== "operation_requested" || !bot?.suspension) continue;
      if (!["suspend", "destroy"].includes(bot.operation.kind)) throw new Error(`${bot.operation.kind} begins`);
    }
  });

  property("suspended means that what there is of the bot is off", ({ history }) => {
    for (const bot of refold(history)) {
      if (bot.status !== "suspended" || isRunning(bot.operation)) continue;
      const droplet = adoptedDroplet(bot);
      if (droplet !== null && droplet.status !== "off") throw new Error(`its droplet is ${droplet.status}`);
    }
  });

  property("what failed is rolled back once, by the version after it", ({ history }) => {
    const rolledBack = new Set<number>();
    const states = refold(history);
    for (const [index, event] of history.entries()) {
      if (event.kind !== "rolled_back") continue;
      const { failed_version, version } = event.data;
      if (rolledBack.has(failed_version)) throw new Error(`version ${failed_version} is rolled back again`);
      rolledBack.add(failed_version);
      const { desired } = states[index]?.config ?? {};
      if (version !== failed_version + 1 || desired?.version !== version)
        throw new Error(`version ${version} is not next`);
    }
  });

  property("nothing is applied that was not desired", ({ history }) => {
    for (const { config } of refold(history)) {
      if ((config.applied?.version ?? 0) > config.desired.version) throw new Error("applied before it was desired");
    }
  });

  property("one intent at a time is open, and generations only grow", ({ history }) => {
    let generation = 1;
    for (const bot of refold(history)) {
      if (bot.intents.filter(({ state }) => state === "open").length > 1) throw new Error("two open intents");
      if (bot.generation < generation) throw new Error(`back to generation ${bot.generation}`);
      generation = bot.generation;
    }
  });

  it("the same situation has the same answer, and is left as it was", (test) => {
    const { expect } = test;
    fc.assert(
      fc.property(lives, fc.nat(2 * HOUR), ({ bot, rt, now }, later) => {
        const ask = () => reconcile(deepFreeze(bot), deepFreeze(rt), now + later, deepFreeze({ ...defaultPolicy }));
        expect(ask()).toEqual(ask());
      }),
      { numRuns: RUNS },
    );
    tally(test, { lives: RUNS });
  });

  property("what works has a next step, and a wait lies ahead", ({ bot, rt, now }) => {
    const decision = reconcile(bot, rt, now, defaultPolicy);
    if (isRunning(bot.operation) && "settled" in decision) throw new Error("stuck");
    if ("wait" in decision && !(decision.wait > now)) throw new Error(`waits for ${decision.for} in the past`);
  });
});
