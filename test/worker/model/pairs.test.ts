/**
 * Every ordered pair of requests, fired at the same moment at a bot, in real time and among many others: both answers
 * must be what one of the two orders gives, and the bot must come to rest with the droplets that this takes.
 */
import { reset } from "cloudflare:test";
import { afterAll, beforeAll, describe, it, vi } from "vitest";
import type { Simulator } from "../../../simulator/model/simulator.ts";
import { BOT_ACTIONS } from "../../../src/wire/enums.ts";
import { partOf, tally } from "../../depth.ts";
import { newAccount, simulateCloud } from "../cloud.ts";
import { race } from "./race.ts";
import { enter, inParallel, pause, type Racer, startPausing } from "./racers.ts";
import { RACED, type Raced } from "./serial.ts";

/** Races that go on at a time: mostly they wait for alarms. */
const WIDTH = 32;
const BOTS_AN_ACCOUNT = 4;

let cloud: Simulator;

beforeAll(() => {
  for (const level of ["log", "warn"] as const) vi.spyOn(console, level).mockImplementation(() => {});
  cloud = simulateCloud();
});

afterAll(async () => {
  vi.restoreAllMocks();
  await reset();
});

type Pair = [Raced, Raced];

function pairsOf(firsts: readonly Raced[], seconds: readonly Raced[] = firsts): Pair[] {
  return firsts.flatMap((first) => seconds.map((second): Pair => [first, second]));
}

/** Leave an online bot as it is, so that one bot serves many pairs. */
const HARMLESS = RACED.filter((raced) => !["pause", "redeploy", "destroy"].includes(raced));

/** Bots as they are needed, four to an account. */
function entrants(): () => Promise<Racer> {
  let count = 0;
  let account = Promise.resolve("");
  return async () => {
    if (count++ % BOTS_AN_ACCOUNT === 0) account = newAccount();
    return enter(cloud, await account);
  };
}

/** What went wrong in each race that went wrong. */
async function raceAll(pairs: readonly Pair[], run: (pair: Pair) => Promise<void>): Promise<string[]> {
  const outcomes = await inParallel(WIDTH, pairs, async (pair) => {
    try {
      await run(pair);
      return [];
    } catch (error) {
      return [`${pair.join(" and ")}: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
  return outcomes.flat();
}

describe("two requests at the same moment", () => {
  it("are answered like one after the other where neither stops the bot", async ({ expect }) => {
    const next = entrants();
    const chains = HARMLESS.map((first) => pairsOf([first], HARMLESS));
    const failures = await inParallel(WIDTH, chains, async (chain) => {
      const racer = await next();
      const wrong: string[] = [];
      for (const pair of chain) {
        wrong.push(...(await raceAll([pair], () => race(cloud, racer, pair))));
      }
      return wrong;
    });
    expect(failures.flat()).toEqual([]);
  });

  it("are answered like one after the other where one may stop the bot", async (test) => {
    const { expect } = test;
    const next = entrants();
    const stopping = pairsOf(RACED).filter((pair) => pair.some((raced) => !HARMLESS.includes(raced)));
    const pairs = partOf(stopping, 16);
    tally(test, { pairs: pairs.length });
    expect(await raceAll(pairs, async (pair) => race(cloud, await next(), pair))).toEqual([]);
  });

  it("are answered like one after the other at a paused bot", async ({ expect }) => {
    const next = entrants();
    const run = async (pair: Pair) => {
      const racer = await next();
      await pause(cloud, racer);
      await race(cloud, racer, pair);
    };
    expect(await raceAll(pairsOf(BOT_ACTIONS), run)).toEqual([]);
  });

  it("are answered like one after the other where one takes an operation back", async ({ expect }) => {
    const next = entrants();
    const others = RACED.filter((raced) => raced !== "cancel");
    const run = async (pair: Pair) => {
      const racer = await next();
      const { goOn } = await startPausing(cloud, racer);
      await race(cloud, racer, pair, goOn);
    };
    expect(await raceAll([...pairsOf(["cancel"], RACED), ...pairsOf(others, ["cancel"])], run)).toEqual([]);
  });
});
