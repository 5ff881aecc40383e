import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { History } from "../../src/bot/shell/history.ts";
import { storageOf } from "../../src/cloudflare/storage.ts";
import { onlineBot } from "./agent.ts";
import { act, endOfTest, eventually, newBot, request, simulateCloud, untilBot, untilIdle } from "./cloud.ts";
import { expectProblem } from "./problems.ts";
import { askForStream, openStream } from "./stream.ts";

afterEach(endOfTest);

const MAX_STREAMS = 20;

function rename(botId: string, name: string) {
  return request("PATCH", `/bots/${botId}`, { body: { name } });
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

describe("a stream of a bot's history", () => {
  it("sends what there is, then each event as it happens, as the history lists them", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    await untilIdle(bot.id);
    const stream = await openStream(bot.id);
    await stream.until("operation_succeeded");
    await act(bot.id, "pause");
    await untilBot(bot.id, { status: "paused" });
    const { data } = (await request("GET", `/bots/${bot.id}/events`)).json;
    await eventually(() => expect(stream.seqs()).toEqual(upTo(data.length)));
    expect(stream.frames.map(({ type: _, received_at: __, ...view }) => view)).toEqual(data);
    expect(JSON.stringify(stream.frames)).not.toMatch(/token_hash|credential_sha256|[0-9a-f]{64}/);
    stream.close();
  });

  it("says what each event made of the bot, and a sentence for a person", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    const stream = await openStream(bot.id);
    expect(await stream.until("accepted")).toMatchObject({
      seq: 1,
      before: null,
      after: { status: "pending", generation: 1 },
      reason: "accepted",
      actor: expect.stringMatching(/^operator:/),
      sentence: 'Bot "Night Owl" accepted. Its droplet will be created.',
    });
    expect(await stream.until("config_applied")).toMatchObject({
      before: { status: "provisioning", generation: 1 },
      after: { status: "online", generation: 1 },
      reason: null,
      actor: "agent",
      sentence: "Config 1 applied.",
    });
    stream.close();
  });

  it("resumes by number: nothing is missing and nothing comes twice", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    await untilIdle(bot.id);
    const first = await openStream(bot.id);
    await first.until("operation_succeeded");
    first.close();
    const had = first.frames.at(-1)?.seq ?? 0;
    await rename(bot.id, "While Nobody Looked");
    const second = await openStream(bot.id, had);
    await second.until("changed");
    const { json } = await rename(bot.id, "Before Its Eyes");
    await eventually(() => expect(second.seqs().at(-1)).toBe(json.revision));
    expect([...first.seqs(), ...second.seqs()]).toEqual(upTo(json.revision));
    second.close();
  });

  it("outlives the object's hibernation in the middle of it", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    const stream = await openStream(bot.id);
    await untilBot(bot.id, { phase: "waiting_for_agent" });
    for (const name of ["One", "Two", "Three"]) {
      await evictDurableObject(env.BOT.getByName(bot.id));
      const { json } = await rename(bot.id, name);
      await eventually(() => expect(stream.seqs()).toEqual(upTo(json.revision)));
    }
    // What happens in an alarm, long after anybody has called.
    await act(bot.id, "destroy");
    await evictDurableObject(env.BOT.getByName(bot.id));
    await stream.until("destroyed");
    const { json } = await request("GET", `/bots/${bot.id}`);
    await eventually(() => expect(stream.seqs()).toEqual(upTo(json.revision)));
    stream.close();
  });

  it("has an event on its way before whoever caused it is answered", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    await untilBot(bot.id, { phase: "waiting_for_agent" });
    const stream = await openStream(bot.id);
    const delays: number[] = [];
    for (let round = 1; round <= 20; round++) {
      const { json } = await rename(bot.id, `Owl ${round}`);
      // The pong comes after all that was sent before it.
      stream.send("ping");
      await eventually(() => expect(stream.pongs).toHaveLength(round));
      expect(stream.frames[(stream.pongs[round - 1] ?? 0) - 1]?.seq).toBe(json.revision);
      const frame = stream.frames.find(({ seq }) => seq === json.revision);
      if (frame) delays.push(frame.received_at - Date.parse(frame.at));
    }
    delays.sort((a, b) => a - b);
    console.log(`commit to stream, ms: median ${delays[10]}, p95 ${delays[18]}, most ${delays[19]}`);
    stream.close();
  });

  it("closes whoever says anything but ping, and nobody else", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    const [talker, listener] = [await openStream(bot.id), await openStream(bot.id)];
    talker.send("hello");
    await eventually(() => expect(talker.closed()).toMatchObject({ code: 1008 }));
    listener.send("ping");
    await eventually(() => expect(listener.pongs).toHaveLength(1));
    expect(listener.closed()).toBe(null);
    listener.close();
  });

  it("is one of twenty at most; where one ends there is room again", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    const streams = await Promise.all(upTo(MAX_STREAMS).map(() => openStream(bot.id)));
    const refused = await askForStream(bot.id);
    const text = await refused.text();
    const answer = { status: refused.status, headers: refused.headers, text, json: JSON.parse(text) };
    expectProblem(expect, answer, { status: 429, code: "too_many_streams" });
    streams[0]?.close();
    const another = await eventually(() => openStream(bot.id));
    const { json } = await rename(bot.id, "Everybody's");
    for (const stream of [...streams.slice(1), another]) {
      await eventually(() => expect(stream.seqs()).toEqual(upTo(json.revision)));
      stream.close();
    }
  });

  it("begins where the history does, once the oldest part of it is forgotten", async ({ expect }) => {
    const cloud = simulateCloud();
    const { bot } = await onlineBot(cloud);
    await runInDurableObject(env.BOT.getByName(bot.id), (_bot, { storage }) => {
      new History(storageOf(storage).sql).prune(6, 1_000);
    });
    const { data, first_seq } = (await request("GET", `/bots/${bot.id}/events?after=2`)).json;
    expect([first_seq, data[0].seq]).toEqual([6, 6]);
    const stream = await openStream(bot.id);
    await stream.until("operation_succeeded");
    expect(stream.seqs()).toEqual(data.map(({ seq }: { seq: number }) => seq));
    stream.close();
    const rows = await env.BOT.getByName(bot.id).snapshotRows();
    expect(rows?.created_by).toMatch(/^operator:/);
  });

  it("tells of a destroyed bot what there is", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    await act(bot.id, "destroy");
    await untilBot(bot.id, { status: "destroyed" });
    const stream = await openStream(bot.id);
    expect(await stream.until("destroyed")).toMatchObject({ after: { status: "destroyed" } });
    stream.close();
  });

  it("is refused like any other question", async ({ expect }) => {
    simulateCloud();
    const bot = await newBot();
    const plain = await request("GET", `/bots/${bot.id}/events/stream`);
    expectProblem(expect, plain, { status: 426, code: "upgrade_required" });
    expect(plain.headers.get("upgrade")).toBe("websocket");
    const unknown = await askForStream(crypto.randomUUID());
    expect([unknown.status, unknown.webSocket]).toEqual([404, null]);
    expect(await unknown.json()).toMatchObject({ code: "bot_not_found" });
    expect((await askForStream(bot.id, "", { authorization: "Bearer sp_op_no" })).status).toBe(401);
  });
});
