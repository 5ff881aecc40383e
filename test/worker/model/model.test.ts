/**
 * Random requests, agents, faults and time against the real Worker, held against a model of what a client is promised.
 * MODEL_RUNS says how many histories; MODEL_SEED, MODEL_PATH and MODEL_REPLAY, as a failure prints them, bring one back.
 */
import { reset } from "cloudflare:test";
import fc from "fast-check";
import { afterAll, it, vi } from "vitest";
import { depth, tally } from "../../depth.ts";
import { agentCommands } from "./agent-commands.ts";
import { BEGINNINGS, begin } from "./beginnings.ts";
import { Census } from "./census.ts";
import { configCommands } from "./config-commands.ts";
import { Model } from "./model.ts";
import { operatorCommands } from "./operator-commands.ts";
import { readingCommands } from "./reading-commands.ts";
import { comeToRest } from "./rest.ts";
import { suspensionCommands } from "./suspension-commands.ts";
import { timeCommands, troubleCommands } from "./time-commands.ts";
import { World } from "./world.ts";

const FULL_RUNS = 25;
const QUICK_RUNS = 6;
const RUNS = depth({ full: FULL_RUNS, quick: QUICK_RUNS }, process.env.MODEL_RUNS);
const SEED = Number(process.env.MODEL_SEED ?? 1);
const { MODEL_PATH, MODEL_REPLAY } = process.env;

const COMMANDS = 40;
/** Finding the shortest history takes a while, and may be cut off. */
const SHRINKING_MS = 4 * 60_000;
const RUN_MS = 10_000;

afterAll(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await reset();
});

const commands = fc.commands(
  [
    ...operatorCommands,
    ...suspensionCommands,
    ...agentCommands,
    ...configCommands,
    ...timeCommands,
    ...readingCommands,
    ...troubleCommands,
  ],
  { maxCommands: COMMANDS, size: "max", ...(MODEL_REPLAY ? { replayPath: MODEL_REPLAY } : {}) },
);
const census = new Census();

const MILESTONES = [
  "POST /bots quota_exceeded",
  "POST /bots/:id/actions 202",
  "POST /bots/:id/actions action_not_allowed",
  "POST /bots/:id/actions bot_destroyed",
  "POST /bots/:id/actions idempotency_key_reused",
  "POST /bots/:id/operations/:id/cancel 202",
  "POST /bots/:id/operations/:id/cancel operation_committed",
  "PATCH /bots/:id/config 200",
  "PATCH /bots/:id/config config_version_conflict",
  "POST /bots/:id/config/rollback 200",
  "PATCH /bots/:id 200",
  "heartbeat credential_revoked",
  "register invalid_credential",
  "online, create succeeded",
  "online, heal succeeded",
  "online, redeploy succeeded",
  "paused, pause succeeded",
  "destroyed, destroy succeeded",
];

/** The few histories of a quick run do not come across these. */
const RARE = ["POST /bots quota_exceeded", "online, heal succeeded"];

it(
  "keeps its promises to clients and agents whatever they do, in whatever order",
  async (test) => {
    const property = fc.asyncProperty(fc.constantFrom(...BEGINNINGS), commands, async (beginning, history) => {
      const world = await World.begin(census);
      const model = new Model();
      await begin(model, world, beginning);
      try {
        await fc.asyncModelRun(() => ({ model, real: world }), history);
        await comeToRest(model, world);
      } finally {
        await world.land();
      }
    });
    await fc.assert(property, {
      numRuns: RUNS,
      seed: SEED,
      // Short histories find little, and are what failures are shrunk to anyway.
      unbiased: true,
      ...(MODEL_PATH ? { path: MODEL_PATH } : {}),
      interruptAfterTimeLimit: RUNS * RUN_MS + SHRINKING_MS,
    });
    tally(test, { histories: RUNS });
  },
  RUNS * RUN_MS + 2 * SHRINKING_MS,
);

it.skipIf(RUNS < QUICK_RUNS || MODEL_PATH)("has come across what that promise is about", async ({ expect }) => {
  const milestones = MILESTONES.filter((milestone) => RUNS >= FULL_RUNS || !RARE.includes(milestone));
  expect(census.missing(milestones), String(census)).toEqual([]);
});
