import { abortAllDurableObjects } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { onlineBot } from "./agent.ts";
import { act, endOfTest, eventually, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { BASE } from "./document.ts";
import { expectProblem } from "./problems.ts";
import { operatorToken } from "./settings.ts";

afterEach(endOfTest);

const MAX_WAITERS = 5;

function wait(botId: string, status: string, timeout = 30) {
  return request("GET", `/bots/${botId}/wait?status=${status}&timeout=${timeout}`);
}

/** A caller that can go away. */
function waitUnless(signal: AbortSignal, botId: string, status: string): Promise<number | null> {
  const headers = { authorization: `Bearer ${operatorToken}` };
  return exports.default
    .fetch(`${BASE}/bots/${botId}/wait?status=${status}&timeout=60`, { headers, signal })
    .then((response) => response.status)
    .catch(() => null);
}

/** Somebody waits for this already: as many as may. */
async function untilFull(botId: string, status: string) {
  return eventually(async () => {
    const answer = await wait(botId, status, 1);
    if (answer.status !== 429) throw new Error(`there is room: ${answer.status}`);
    return answer;
  });
}

describe("waiting for a status", () => {
  it("is over at once where the bot has it", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    const { status, json } = await wait(bot.id, "online");
    expect([status, json.reached, json.bot.status]).toEqual([200, true, "online"]);
    expect(json.bot).toMatchObject({ id: bot.id, health: { agent: "heard" }, summary: expect.any(String) });
  });

  it("is over with the change that brings it, whoever makes it", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    const waiting = Promise.all([wait(bot.id, "paused"), wait(bot.id, "paused")]).then((answers) => {
      return { answers, answered_at: Date.now() };
    });
    await act(bot.id, "pause");
    const { answers, answered_at } = await waiting;
    for (const { json } of answers) expect(json).toMatchObject({ reached: true, bot: { status: "paused" } });
    console.log(`change to answer, ms: ${answered_at - Date.parse(answers[0]?.json.bot.since)}`);
  });

  it("shows the bot as it is when the time is over", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    await untilBot(bot.id, { status: "provisioning" });
    expect((await wait(bot.id, "online", 1)).json).toMatchObject({ reached: false, bot: { status: "provisioning" } });
  });

  it("has no end to wait for once the bot is destroyed", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    const waiting = wait(bot.id, "online");
    await act(bot.id, "destroy");
    expect((await waiting).json).toMatchObject({ reached: false, bot: { status: "destroyed" } });
    expect((await wait(bot.id, "online")).json).toMatchObject({ reached: false, bot: { status: "destroyed" } });
    expect((await wait(bot.id, "destroyed")).json.reached).toBe(true);
  });

  it("goes on after the object was reset", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    const leaving = new AbortController();
    const others = Array.from({ length: MAX_WAITERS - 1 }, () => waitUnless(leaving.signal, bot.id, "paused"));
    const waiting = wait(bot.id, "paused");
    await untilFull(bot.id, "paused");
    await abortAllDurableObjects();
    await act(bot.id, "pause");
    expect((await waiting).json).toMatchObject({ reached: true, bot: { status: "paused" } });
    leaving.abort();
    await Promise.all(others);
  });

  it("is for five at a time; whoever goes away makes room", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    const leaving = new AbortController();
    const waiting = Array.from({ length: MAX_WAITERS }, () => waitUnless(leaving.signal, bot.id, "paused"));
    expectProblem(expect, await untilFull(bot.id, "paused"), { status: 429, code: "too_many_waiters" });
    leaving.abort();
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => null));
    await eventually(async () => {
      expect((await wait(bot.id, "paused", 1)).json).toMatchObject({ reached: false });
    });
  });
});
