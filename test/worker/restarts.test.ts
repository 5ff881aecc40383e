import { abortAllDurableObjects, evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { agentOf, bringOnline } from "./agent.ts";
import { act, dropletsOf, endOfTest, eventually, newBot, request, simulateCloud, untilBot } from "./cloud.ts";

let watchdog: ReturnType<typeof setInterval> | undefined;

/** Of an object that is aborted right after a commit, the local runtime may never fire the alarm that it stored: this does. */
function watchOver(botId: string): void {
  // It may meet the abort itself.
  const fire = () => runDurableObjectAlarm(env.BOT.getByName(botId)).catch(() => {});
  watchdog = setInterval(fire, 2_000);
}

afterEach(async () => {
  clearInterval(watchdog);
  await endOfTest();
});

const LOSSES = {
  "evicted from memory": (botId: string) => evictDurableObject(env.BOT.getByName(botId)),
  "aborted like in a deploy": () => abortAllDurableObjects(),
};

describe.for(Object.entries(LOSSES))("a bot whose object is %s", ([, lose]) => {
  it("goes on at every stage of its life and never has more than one droplet", async ({ expect }) => {
    const cloud = simulateCloud({ create_ms: 100, shutdown_ms: 100, power_ms: 100, delete_ms: 100 });
    const bot = await newBot();
    const { id } = bot;
    watchOver(id);
    await lose(id);
    await eventually(async () => expect(cloud.counters.creates).toBe(1));
    await lose(id);
    const agent = await agentOf(cloud, id);
    await lose(id);
    expect((await agent.register()).status).toBe(200);
    await lose(id);
    expect((await agent.register()).status, "the same exchange again").toBe(200);
    await agent.acknowledge(bot.desired_config_version_id);
    await lose(id);
    await untilBot(id, { status: "online", phase: null });
    expect((await agent.heartbeat()).status).toBe(200);

    await act(id, "pause");
    await lose(id);
    await untilBot(id, { status: "paused" });
    await act(id, "resume");
    await lose(id);
    await eventually(async () => {
      await agent.heartbeat();
      expect((await request("GET", `/bots/${id}`)).json).toMatchObject({ status: "online", phase: null });
    });

    await act(id, "redeploy");
    await lose(id);
    await untilBot(id, { generation: 2, phase: "waiting_for_agent" });
    await lose(id);
    await bringOnline(cloud, id);
    expect(dropletsOf(cloud, id)).toHaveLength(1);

    await act(id, "destroy");
    await lose(id);
    await untilBot(id, { status: "destroyed" });
    await lose(id);
    expect((await request("GET", `/bots/${id}`)).json.status).toBe("destroyed");
    expect([cloud.droplets().length, cloud.counters.creates]).toEqual([0, 2]);
  });
});
