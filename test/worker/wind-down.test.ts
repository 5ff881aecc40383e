import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { onlineBot } from "./agent.ts";
import { act, dropletsOf, endOfTest, newBot, request, simulateCloud, untilBot } from "./cloud.ts";
import { changeSettings, giveBackSettings } from "./given.ts";
import { expectProblem } from "./problems.ts";
import { testSecrets } from "./settings.ts";

// As in production.
beforeAll(() =>
  changeSettings({ POLICY: JSON.stringify({ ...JSON.parse(testSecrets.POLICY), wind_down_ms: 150_000 }) }),
);
afterAll(giveBackSettings);
afterEach(endOfTest);

const workload = (state: string, more: object = {}) => ({ workload: { state, version: null, restarts: 0, ...more } });

async function kindsOf(id: string): Promise<string[]> {
  const { data } = (await request("GET", `/bots/${id}/events?limit=1000`)).json;
  return data.map((event: { kind: string; data: { how?: string } }) => event.data.how ?? event.kind);
}

/** Online, its workload running. */
async function runningBot(cloud: ReturnType<typeof simulateCloud>) {
  const online = await onlineBot(cloud);
  await online.agent.heartbeat(workload("running"));
  return online;
}

describe("a workload that runs", () => {
  it("stops before its droplet is switched off", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await runningBot(cloud);
    await act(bot.id, "pause");
    const waiting = await untilBot(bot.id, { phase: "stopping_workload" });
    expect(waiting.summary).toContain("Pausing. Waiting for the workload to stop.");
    expect(waiting.next).toMatchObject({ what: "wind_down" });
    const winding = workload("stopping", { wind_down: { rung: "drain", ends_in_s: 90 } });
    expect((await agent.heartbeat(winding)).json.workload).toBe("stop");
    expect(await kindsOf(bot.id)).not.toContain("stopped");
    expect(dropletsOf(cloud, bot.id)).toMatchObject([{ powered: true }]);
    await agent.heartbeat(workload("stopped"));
    await untilBot(bot.id, { status: "paused", phase: null });
    const kinds = await kindsOf(bot.id);
    expect(kinds.slice(kinds.indexOf("stopped"))).toEqual(expect.arrayContaining(["stopped", "power_sent"]));
    expect(kinds.filter((kind) => kind === "stopped")).toHaveLength(1);
  });

  it("stops before its droplet is deleted, while its agent may still speak", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await runningBot(cloud);
    await act(bot.id, "destroy");
    await untilBot(bot.id, { phase: "stopping_workload" });
    expect((await agent.heartbeat(workload("stopping"))).status).toBe(200);
    expect(dropletsOf(cloud, bot.id)).toHaveLength(1);
    await agent.heartbeat(workload("stopped"));
    await untilBot(bot.id, { status: "destroyed" });
    const kinds = await kindsOf(bot.id);
    expect(kinds.indexOf("stopped")).toBeLessThan(kinds.indexOf("credential_revoked"));
  });

  it("is not waited for where the pause is forced, at once or later", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await runningBot(cloud);
    const asked = await act(bot.id, "pause");
    await untilBot(bot.id, { phase: "stopping_workload" });
    const forced = await request("POST", `/bots/${bot.id}/actions`, { body: { action: "pause", force: true } });
    expect(forced, forced.text).toMatchObject({ status: 202, json: { operation: { id: asked.json.operation.id } } });
    await untilBot(bot.id, { status: "paused", phase: null });
    expect(await kindsOf(bot.id)).toContain("forced");

    const second = await runningBot(cloud);
    await request("POST", `/bots/${second.bot.id}/actions`, { body: { action: "redeploy", force: true } });
    await untilBot(second.bot.id, { generation: 2 });
    expect(await kindsOf(second.bot.id)).not.toContain("deadline");
  });

  it("goes on where the pause is cancelled meanwhile", async ({ expect }) => {
    const { bot, agent } = await runningBot(simulateCloud());
    const { operation } = (await act(bot.id, "pause")).json;
    await untilBot(bot.id, { phase: "stopping_workload" });
    const cancelled = await request("POST", `/bots/${bot.id}/operations/${operation.id}/cancel`);
    expect(cancelled.status, cancelled.text).toBe(202);
    expect((await agent.heartbeat(workload("stopping"))).json.workload).toBe("run");
  });

  it("cannot be resumed by force", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    const answer = await request("POST", `/bots/${bot.id}/actions`, { body: { action: "resume", force: true } });
    expectProblem(expect, answer, { status: 422, code: "invalid_request" });
  });
});
