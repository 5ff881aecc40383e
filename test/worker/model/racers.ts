/** Bots that are raced over, in real time: brought to where the race begins, and from there to rest. */
import type { Simulator } from "../../../simulator/model/simulator.ts";
import type { BotView, EventView, Operation } from "../../../src/wire/bot.ts";
import { PATIENCE_MS } from "../../depth.ts";
import { agentOn, type TestAgent } from "../agent.ts";
import { act, botRequest, dropletsOf, request } from "../cloud.ts";

export type Reply = Awaited<ReturnType<typeof request>>;

export interface Racer {
  id: string;
  /** The request that made the bot, and its key. */
  body: ReturnType<typeof botRequest>;
  key: string;
  agent: TestAgent;
}

const LOOK_EVERY_MS = 60;

export async function show(id: string): Promise<BotView & { operation: Operation }> {
  const { status, json, text } = await request("GET", `/bots/${id}`);
  if (status !== 200) throw new Error(text);
  return json;
}

export async function historyOf(id: string): Promise<EventView[]> {
  return (await request("GET", `/bots/${id}/events?limit=1000`)).json.data;
}

export function create(body: Racer["body"], key: string): Promise<Reply> {
  return request("POST", "/bots", { body, headers: { "idempotency-key": key } });
}

/** A new bot, online. */
export async function enter(cloud: Simulator, account_id: string): Promise<Racer> {
  const body = botRequest(account_id);
  const key = crypto.randomUUID();
  const { json, status, text } = await create(body, key);
  if (status !== 201) throw new Error(text);
  const { agent } = await bringToRest(cloud, json.id, null);
  if (agent === null) throw new Error("a bot came online without an agent");
  return { id: json.id, body, key, agent };
}

/** Plays the agents of the bot's droplets until its operation has ended. */
export async function bringToRest(cloud: Simulator, id: string, known: TestAgent | null) {
  let agent = known;
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const view = await show(id);
    if (view.operation.ended_at !== null) return { view, agent };
    if (Date.now() > until) throw new Error(`still at work: ${JSON.stringify(view)}`);
    const droplet = dropletsOf(cloud, id).find((each) => each.id === view.droplet_id && each.powered);
    const stopping = view.operation.kind === "pause" || view.operation.kind === "destroy";
    if (droplet && !stopping) {
      if (agent?.droplet_id !== droplet.id) agent = await agentOn(droplet, id);
      await speak(agent, view);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

async function speak(agent: TestAgent, view: BotView): Promise<void> {
  if (view.agent === null) await agent.register();
  await agent.heartbeat();
  if (view.config_drift) await agent.acknowledge(view.desired_config_version_id);
}

/** An operation that cannot take its first step: DigitalOcean does not say how the droplet is. */
export async function startPausing(cloud: Simulator, { id, agent }: Racer): Promise<{ goOn(): void }> {
  const held = cloud.script.add({
    on: "get_droplet",
    fault: "before_effect",
    when: ({ droplet_id }) => droplet_id === agent.droplet_id,
  });
  const { status, text } = await act(id, "pause");
  if (status !== 202) throw new Error(text);
  return { goOn: () => held.remove() };
}

export async function pause(cloud: Simulator, racer: Racer): Promise<void> {
  await act(racer.id, "pause");
  const { view } = await bringToRest(cloud, racer.id, racer.agent);
  if (view.status !== "paused") throw new Error(`not paused: ${JSON.stringify(view)}`);
}

/** Does one job for each item, so many at a time, and answers with the results in order. */
export async function inParallel<T, R>(width: number, items: readonly T[], job: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const work = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await job(items[index] as T);
  };
  await Promise.all(Array.from({ length: width }, work));
  return results;
}
