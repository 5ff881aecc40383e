import { afterEach, describe, it, vi } from "vitest";
import type { FaultKind } from "../../simulator/model/faults.ts";
import { bringOnline, onlineBot } from "./agent.ts";
import { act, dropletsOf, endOfTest, eventually, newBot, request, simulateCloud, untilBot } from "./cloud.ts";

afterEach(endOfTest);

function creates(cloud: ReturnType<typeof simulateCloud>): number {
  return cloud.requests.filter(({ operation }) => operation === "create_droplet").length;
}

async function eventKinds(botId: string): Promise<string[]> {
  const { json } = await request("GET", `/bots/${botId}/events?limit=1000`);
  return json.data.map(({ kind }: { kind: string }) => kind);
}

describe("a create that DigitalOcean refuses for now", () => {
  const WAITING: [FaultKind, string][] = [
    ["quota", "provider_quota"],
    ["capacity", "provider_capacity"],
    ["unauthorized", "provider_unauthorized"],
    ["forbidden", "provider_unauthorized"],
  ];
  it.for(WAITING)(
    "waits through %s as %s, spends no try and goes on by itself",
    async ([fault, reason], { expect }) => {
      const cloud = simulateCloud();
      cloud.script.add({ on: "create_droplet", fault });
      const bot = await newBot();
      await eventually(() => expect(creates(cloud)).toBeGreaterThan(4));
      const waiting = await untilBot(bot.id, { status: "pending", reason });
      expect(waiting.operation).toMatchObject({ kind: "create", state: "running", attempt: 1, ended_at: null });
      expect(Date.parse(waiting.next.at)).toBeGreaterThan(0);
      expect(cloud.droplets()).toEqual([]);
      cloud.script.clear();
      await untilBot(bot.id, { status: "provisioning", phase: "waiting_for_agent", generation: 1 });
      expect(cloud.droplets()).toHaveLength(1);
    },
  );

  it("waits as long as a rate limit says, and no shorter", async ({ expect }) => {
    const cloud = simulateCloud();
    cloud.script.add({ on: "create_droplet", fault: "rate_limited", retry_after_s: 6, times: 1 });
    const bot = await newBot();
    await untilBot(bot.id, { status: "pending", reason: "provider_rate_limited" });
    await untilBot(bot.id, { status: "provisioning" });
    const [refused, made] = cloud.requests.filter(({ operation }) => operation === "create_droplet");
    expect(Number(made?.at) - Number(refused?.at)).toBeGreaterThanOrEqual(6_000);
  });

  it("gives up at once on a request that is wrong in itself, says why and can be taken up or destroyed", async ({
    expect,
  }) => {
    const cloud = simulateCloud();
    const invalid = { id: "unprocessable_entity", message: "You specified an invalid size for Droplet creation." };
    const spy = vi.spyOn(globalThis, "fetch");
    spy.mockImplementation(async (_input, init) =>
      (init as RequestInit)?.method === "POST"
        ? Response.json(invalid, { status: 422 })
        : Response.json({}, { status: 500 }),
    );
    const bot = await newBot();
    const failed = await untilBot(bot.id, { status: "error" });
    expect(failed).toMatchObject({ reason: "create_refused", droplet_id: null, next: null });
    expect(failed.operation).toMatchObject({ state: "failed", last_error: invalid.message });
    expect(spy).toHaveBeenCalledTimes(1);

    spy.mockImplementation((input, init) => cloud.fetch(input as Request, init as RequestInit));
    expect((await act(bot.id, "redeploy")).status).toBe(202);
    await bringOnline(cloud, bot.id);
    await act(bot.id, "destroy");
    await untilBot(bot.id, { status: "destroyed" });
    expect(cloud.droplets()).toEqual([]);
  });
});

describe("a create whose outcome is unknown", () => {
  const DONE: FaultKind[] = ["after_effect", "timeout_after", "unparsable_202", "html_502_after", "status_5xx_after"];
  it.for(DONE)("finds the one droplet that %s made, and makes no other", async (fault, { expect }) => {
    const cloud = simulateCloud();
    cloud.script.add({ on: "create_droplet", fault, times: 1 });
    const bot = await newBot();
    const found = await untilBot(bot.id, { status: "provisioning", phase: "waiting_for_agent", generation: 1 });
    expect(dropletsOf(cloud, bot.id)).toMatchObject([{ id: found.droplet_id }]);
    expect([creates(cloud), cloud.droplets().length]).toEqual([1, 1]);
    expect(await eventKinds(bot.id)).toContain("intent_unanswered");
    await bringOnline(cloud, bot.id);
  });

  const NOT_DONE: FaultKind[] = ["before_effect", "timeout_before", "html_502_before", "status_5xx_before"];
  it.for(NOT_DONE)("tries again after %s only when it has looked long enough", async (fault, { expect }) => {
    const cloud = simulateCloud();
    cloud.script.add({ on: "create_droplet", fault, times: 1 });
    const bot = await newBot();
    await untilBot(bot.id, { status: "provisioning", phase: "waiting_for_agent", generation: 1 });
    const kinds = await eventKinds(bot.id);
    expect(kinds.filter((kind) => kind === "intent_looked").length).toBeGreaterThanOrEqual(4);
    expect(kinds).toContain("intent_absent");
    expect([creates(cloud), cloud.droplets().length]).toEqual([2, 1]);
    const [lost, made] = cloud.requests.filter(({ operation }) => operation === "create_droplet");
    expect(Number(made?.at) - Number(lost?.at)).toBeGreaterThanOrEqual(1_200);
  });

  it("is not concluded by a destroy: what may still come is awaited and removed", async ({ expect }) => {
    const cloud = simulateCloud();
    cloud.script.add({ on: "create_droplet", fault: "late_effect", delay_ms: 600, times: 1 });
    const bot = await newBot();
    await untilBot(bot.id, { phase: "confirming_create" });
    expect(cloud.droplets()).toEqual([]);
    await act(bot.id, "destroy");
    await eventually(() => expect(cloud.counters.creates).toBe(1));
    await untilBot(bot.id, { status: "destroyed" });
    expect(cloud.droplets()).toEqual([]);
  });

  it("leaves nothing behind when the droplet of a destroyed bot cannot be listed for a while", async ({ expect }) => {
    const cloud = simulateCloud();
    cloud.script.add({ on: "create_droplet", fault: "timeout_after", times: 1 });
    const lists = cloud.script.add({ on: "list_droplets", fault: "status_5xx_before" });
    const bot = await newBot();
    await untilBot(bot.id, { phase: "confirming_create" });
    await act(bot.id, "destroy");
    await eventually(() => expect(lists.hits).toBeGreaterThan(3));
    expect((await request("GET", `/bots/${bot.id}`)).json.status).not.toBe("destroyed");
    cloud.script.clear();
    await untilBot(bot.id, { status: "destroyed" });
    expect([cloud.droplets().length, cloud.counters.creates]).toEqual([0, 1]);
  });
});

describe("actions at a DigitalOcean that stumbles", () => {
  it("pauses a droplet whose guest ignores the shutdown by switching it off", async ({ expect }) => {
    const cloud = simulateCloud({ guest_ignores_acpi: true });
    const { bot, agent } = await onlineBot(cloud);
    await act(bot.id, "pause");
    await untilBot(bot.id, { status: "paused" });
    expect(cloud.droplet(agent.droplet_id)).toMatchObject({ status: "off", powered: false });
    const { json } = await request("GET", `/bots/${bot.id}/events?limit=1000`);
    const sent = json.data.filter(({ kind }: { kind: string }) => kind === "power_sent");
    expect(sent.map(({ data }: { data: { action: string } }) => data.action)).toEqual(["shutdown", "power_off"]);
  });

  it("deletes once though the answer to the DELETE was lost", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    cloud.script.add({ on: "delete_droplet", fault: "after_effect", times: 1 });
    await act(bot.id, "destroy");
    await untilBot(bot.id, { status: "destroyed" });
    expect(cloud.counters.deletes_by_droplet).toEqual(new Map([[agent.droplet_id, 1]]));
  });

  it("redeploys a bot whose droplet has vanished when it is resumed", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot, agent } = await onlineBot(cloud);
    await act(bot.id, "pause");
    await untilBot(bot.id, { status: "paused" });
    cloud.vanish(agent.droplet_id);
    await act(bot.id, "resume");
    await untilBot(bot.id, { generation: 2, phase: "waiting_for_agent" });
    await bringOnline(cloud, bot.id);
    expect(dropletsOf(cloud, bot.id)).toHaveLength(1);
  });
});
