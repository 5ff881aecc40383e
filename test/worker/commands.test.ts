import { afterEach, describe, it } from "vitest";
import { onlineBot } from "./agent.ts";
import { act, endOfTest, request, simulateCloud, untilBot } from "./cloud.ts";

afterEach(endOfTest);

function command(botId: string, body: Record<string, unknown>, headers: Record<string, string> = {}) {
  return request("POST", `/bots/${botId}/commands`, { body, headers });
}

describe("a command", () => {
  it("is delivered with every beat until its result has come, and answered once", async ({ expect }) => {
    const { bot, agent } = await onlineBot(simulateCloud());
    const asked = await command(bot.id, { kind: "collect_logs", lines: 20 });
    expect(asked).toMatchObject({ status: 202, json: { command: { state: "pending", lines: 20 } } });
    const { id } = asked.json.command;
    for (let beat = 0; beat < 2; beat++)
      expect((await agent.heartbeat()).json.commands).toMatchObject([
        { id, kind: "collect_logs", args: { lines: 20 } },
      ]);
    const result = { id, ok: true, output: "line 1\nkey sk-ant-0123456789abcdef\n" };
    for (let beat = 0; beat < 2; beat++)
      expect((await agent.heartbeat({ command_results: [result] })).json.commands).toEqual([]);
    const read = await request("GET", `/bots/${bot.id}/commands/${id}`);
    expect(read.json).toMatchObject({ state: "succeeded", output: "line 1\nkey [redacted]\n" });
    const { json } = await request("GET", `/bots/${bot.id}/events?limit=1000`);
    const kinds = json.data.map(({ kind }: { kind: string }) => kind);
    expect(kinds.filter((kind: string) => kind.startsWith("command_"))).toEqual(["command_requested", "command_ended"]);
  });

  it("reaches an agent with a channel at once, and comes again to one that connects later", async ({ expect }) => {
    const { bot, agent } = await onlineBot(simulateCloud());
    const { droplet_id, boot_id } = agent;
    const { channel } = await agent.connect();
    channel?.status({ droplet_id, boot_id });
    await channel?.orders();
    const { id } = (await command(bot.id, { kind: "restart" })).json.command;
    expect(await channel?.orders()).toMatchObject({ commands: [{ id, kind: "restart" }] });
    channel?.close();
    const { channel: second } = await agent.connect();
    second?.status({ droplet_id, boot_id, command_results: [] });
    expect(await second?.orders()).toMatchObject({ commands: [{ id }] });
    second?.status({ droplet_id, boot_id, command_results: [{ id, ok: false, detail: "not now" }] });
    expect(await second?.orders()).toMatchObject({ commands: [] });
    expect((await request("GET", `/bots/${bot.id}/commands`)).json.data).toMatchObject([
      { id, state: "failed", detail: "not now" },
    ]);
  });

  it("to stop holds across everything until a start", async ({ expect }) => {
    const { bot, agent } = await onlineBot(simulateCloud());
    await command(bot.id, { kind: "stop" });
    expect((await agent.heartbeat()).json.workload).toBe("stop");
    expect((await agent.heartbeat({ boot_id: "another" })).json.workload).toBe("stop");
    await command(bot.id, { kind: "start" });
    expect((await agent.heartbeat({ boot_id: "another" })).json.workload).toBe("run");
  });

  it("to start lets a workload run that a person had to release", async ({ expect }) => {
    const { bot, agent } = await onlineBot(simulateCloud(), { paper_mode: false });
    expect((await agent.heartbeat({ boot_id: "unasked" })).json.workload).toBe("hold");
    await command(bot.id, { kind: "start" });
    expect((await agent.heartbeat({ boot_id: "unasked" })).json.workload).toBe("run");
  });

  it("is made once for an Idempotency-Key", async ({ expect }) => {
    const { bot } = await onlineBot(simulateCloud());
    const key = { "idempotency-key": crypto.randomUUID() };
    const [first, second] = [
      await command(bot.id, { kind: "restart" }, key),
      await command(bot.id, { kind: "restart" }, key),
    ];
    expect(second.json).toEqual(first.json);
    expect(second.headers.get("idempotency-replayed")).toBe("true");
    expect((await command(bot.id, { kind: "stop" }, key)).status).toBe(422);
    expect((await request("GET", `/bots/${bot.id}/commands`)).json.data).toHaveLength(1);
  });

  it("is refused when too many wait, and for a bot that is destroyed or unknown", async ({ expect }) => {
    const { bot } = await onlineBot(simulateCloud());
    for (let nth = 0; nth < 8; nth++) expect((await command(bot.id, { kind: "restart" })).status).toBe(202);
    expect(await command(bot.id, { kind: "restart" })).toMatchObject({
      status: 429,
      json: { code: "too_many_commands" },
    });
    await act(bot.id, "destroy");
    await untilBot(bot.id, { status: "destroyed" });
    expect(await command(bot.id, { kind: "restart" })).toMatchObject({ status: 409, json: { code: "bot_destroyed" } });
    expect((await command(crypto.randomUUID(), { kind: "restart" })).status).toBe(404);
    const unknown = await request("GET", `/bots/${bot.id}/commands/${crypto.randomUUID()}`);
    expect(unknown).toMatchObject({ status: 404, json: { code: "command_not_found" } });
  });

  it("of a droplet that is gone is not carried over to the next", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    const { id } = (await command(bot.id, { kind: "restart" })).json.command;
    await act(bot.id, "redeploy");
    await untilBot(bot.id, { generation: 2 });
    expect((await request("GET", `/bots/${bot.id}/commands/${id}`)).json.state).toBe("expired");
  });
});
