/** Two requests at the same moment: what they were answered, whether that can be explained, and what came of them. */
import { expect } from "vitest";
import type { Simulator } from "../../../simulator/model/simulator.ts";
import type { EventView } from "../../../src/wire/bot.ts";
import { BOT_ACTIONS, type BotStatus, type OperationKind } from "../../../src/wire/enums.ts";
import { act, dropletsOf, request } from "../cloud.ts";
import { bringToRest, create, historyOf, type Racer, type Reply, show } from "./racers.ts";
import { explained, type Raced, type Serial, sayBoth } from "./serial.ts";

type Shown = Awaited<ReturnType<typeof show>>;

/** Races two requests about a bot and brings it to rest. Throws where no order of the two explains what happened. */
export async function race(cloud: Simulator, racer: Racer, pair: [Raced, Raced], goOn = () => {}): Promise<void> {
  const [before, past] = await Promise.all([show(racer.id), historyOf(racer.id)]);
  const name = `Raced ${before.revision}`;
  const replies = await Promise.all(pair.map((raced) => send(racer, before, raced, name)));
  goOn();
  const news = (await historyOf(racer.id)).slice(past.length);
  const numbers = [before.operation.id, ...begun(news)];
  const versions = [...Array(before.desired_config_version).fill(before.desired_config_version_id), ...published(news)];
  const said = replies.map((reply, index) => classify(pair[index] as Raced, reply, numbers, versions));
  expect(explained(...pair, serialOf(before)), "the answers").toContain(sayBoth(said[0] ?? "", said[1] ?? ""));
  judgeNews(pair, replies, news);

  const rest = await bringToRest(cloud, racer.id, racer.agent);
  racer.agent = rest.agent ?? racer.agent;
  judgeRest(cloud, before, rest.view);
  if (pair.includes("patch bot") && rest.view.status !== "destroyed") expect(rest.view.name).toBe(name);
}

function send(racer: Racer, view: Shown, raced: Raced, name: string): Promise<Reply> {
  const { id, agent } = racer;
  switch (raced) {
    case "pause":
    case "resume":
    case "redeploy":
    case "destroy":
      return act(id, raced);
    case "create":
      return create(racer.body, racer.key);
    case "cancel":
      return request("POST", `/bots/${id}/operations/${view.operation.id}/cancel`);
    case "patch config": {
      const headers = { "if-match": `"${view.desired_config_version_id}"` };
      return request("PATCH", `/bots/${id}/config`, { body: { max_trades_per_day: view.revision }, headers });
    }
    case "patch bot":
      return request("PATCH", `/bots/${id}`, { body: { name } });
    case "roll back":
      return request("POST", `/bots/${id}/config/rollback`, { body: { to_version: 1 } });
    case "heartbeat":
      return agent.heartbeat();
    case "acknowledge":
      return agent.acknowledge(view.desired_config_version_id);
    case "register":
      return agent.register();
  }
}

function begun(news: EventView[]): string[] {
  return news.flatMap(({ kind, data }) => (kind === "operation_requested" ? [String(data.operation_id)] : []));
}

function published(news: EventView[]): string[] {
  return news.flatMap(({ kind, data }) => (kind === "config_published" ? [(data.config as { id: string }).id] : []));
}

function serialOf({ status, operation, droplet, desired_config_version }: Shown): Serial {
  const { state } = operation;
  return {
    shown: { status, operation, droplet },
    operation: 0,
    state: state === "succeeded" || state === "failed" ? "over" : state,
    agent: "accepted",
    version: desired_config_version,
    known_version: desired_config_version,
  };
}

/** The answer in the words of serial.ts. */
function classify(raced: Raced, { status, json, headers }: Reply, operations: string[], configs: string[]): string {
  if (status >= 400) return `${status} ${json.code}`;
  switch (raced) {
    case "create":
      return `${status} ${headers.get("idempotency-replayed") === "true" ? "replayed" : "made"}`;
    case "patch config":
    case "roll back":
      return `${status} version ${json.version}`;
    case "heartbeat":
      return `${status} ${json.workload}`;
    case "acknowledge":
      return `${status} desired ${configs.lastIndexOf(json.desired_config_id) + 1}`;
    case "patch bot":
    case "register":
      return String(status);
    default:
      return `${status} operation ${operations.indexOf(json.operation.id)}`;
  }
}

/** What the history tells is what the answers said, each thing once. */
function judgeNews(pair: [Raced, Raced], replies: Reply[], news: EventView[]): void {
  const count = (kind: string) => news.filter((event) => event.kind === kind).length;
  const taken = (...kinds: Raced[]) =>
    replies.filter(({ status }, index) => status < 300 && kinds.includes(pair[index] as Raced));
  const promised = taken(...BOT_ACTIONS).map(({ json }) => json.operation.id);
  for (const id of begun(news)) expect(promised, "nobody was told of this operation").toContain(id);
  expect(count("config_published")).toBe(taken("patch config", "roll back").length);
  expect(count("changed")).toBe(Math.min(1, taken("patch bot").length));
  for (const kind of ["accepted", "agent_registered", "agent_refused"]) expect(count(kind), kind).toBe(0);
}

/** The bot is where its last operation led, with the droplets that this takes and no others. */
function judgeRest(cloud: Simulator, before: Shown, after: Shown): void {
  const droplets = dropletsOf(cloud, after.id).map(({ id, powered }) => ({ id, powered }));
  const { kind, state } = after.operation;
  const said = JSON.stringify({ after, droplets });
  expect(["succeeded", "cancelled"], said).toContain(state);
  const undone = state === "cancelled" || after.operation.id === before.operation.id;
  const status =
    undone && before.operation.ended_at !== null ? before.status : REST[state === "cancelled" ? "resume" : kind];
  expect(after.status, said).toBe(status);
  expect(after.generation - before.generation, said).toBe(!undone && kind === "redeploy" ? 1 : 0);
  const wanted = status === "destroyed" ? [] : [{ id: after.droplet_id, powered: status === "online" }];
  expect(droplets, said).toEqual(wanted);
}

const REST: Readonly<Record<OperationKind, BotStatus>> = {
  create: "online",
  resume: "online",
  redeploy: "online",
  heal: "online",
  pause: "paused",
  suspend: "suspended",
  destroy: "destroyed",
};
