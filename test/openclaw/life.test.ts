/** A bot's life with the real OpenClaw on its droplet, and the whole system around it. */
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GatewayClient } from "../../bootstrap/agent/workload/gateway-client.ts";
import { ModelServer } from "../../scripts/dev/model-server.ts";
import { VERSION } from "../../scripts/dev/openclaw.ts";
import { searchFiles } from "../e2e/sentinel.ts";
import { System } from "../e2e/system.ts";

const KEY = "sk-ant-the-bots-own-key-0002";
/** It takes 9 to 80 s to start, as busy as the machine is. */
const START_PATIENCE_MS = 600_000;

let system: System;
let model: ModelServer;
let id = "";

beforeAll(async () => {
  model = await new ModelServer().start();
  system = await System.start({}, ["--openclaw"]);
});
afterAll(async () => {
  await system?.remove();
  await model?.stop();
});

const until = (what: string, holds: () => Promise<boolean>) => system.until(what, holds, START_PATIENCE_MS);
const kinds = async () => (await system.events(id)).map(({ kind }) => kind);
const workload = async () => (await system.bot(id)).health.workload;

/** The disk of the bot's one droplet. */
async function disk(): Promise<string> {
  const [droplet] = await system.dropletsOf(id);
  return join(system.state_dir, "simulator/machines", String(droplet?.id), "root");
}

/** Of the gateway that was started last. */
async function spawned(): Promise<{ pid: number; port: number }> {
  const journal = readFileSync(join(await disk(), "var/log/journal/spawnpoint-agent.service.log"), "utf8");
  const last = [...journal.matchAll(/"event":"workload_spawned","pid":(\d+),"port":(\d+)/g)].at(-1);
  return { pid: Number(last?.[1]), port: Number(last?.[2]) };
}

/** The path of a file on the droplet, by its name. */
async function find(name: string): Promise<string> {
  const entries = readdirSync(await disk(), { recursive: true, withFileTypes: true });
  const [found] = entries.filter((entry) => entry.isFile() && entry.name === name);
  if (found === undefined) throw new Error(`there is no ${name} on the droplet`);
  return join(found.parentPath, found.name);
}

/** Has OpenClaw begin a run, and waits until the model is asked. */
async function run(message: string): Promise<void> {
  const token = readFileSync(await find("gateway.token"), "utf8").trim();
  const { port } = await spawned();
  const client = await GatewayClient.connect({ port, token, timeout_ms: 60_000 });
  try {
    const asked = { message, sessionKey: "main", idempotencyKey: randomUUID() };
    // Shortly after it is ready it may refuse a first run.
    await until("a run begins", async () => (await client.call("agent", asked)) !== null);
    await until("the model is asked", async () => runs(message).length > 0);
  } finally {
    client.close();
  }
}

const runs = (message: string) => model.asked.filter(({ body }) => body.includes(message));

describe(`a bot with OpenClaw ${VERSION}`, () => {
  it("goes online, and its run reaches the model with the bot's key and its limits", async () => {
    const bot = await system.newBot("Real", {
      llm_model: "anthropic/claude-sonnet-5",
      llm_base_url: model.url,
      llm_api_key: KEY,
      max_drawdown_pct: 20,
      max_daily_loss_pct: 5,
      on_breach: "stop",
    });
    id = bot.id;
    await until("it is online", async () => (await system.bot(id)).status === "online");
    expect(await system.bot(id)).toMatchObject({
      applied_config_version: 1,
      health: { workload: "running", degraded: [] },
      agent: { workload: { version: VERSION, restarts: 0 } },
    });
    await run("First question");
    const [asked] = runs("First question");
    expect(asked?.authorization).toBe(`Bearer ${KEY}`);
    expect(asked?.body).toContain("Largest drawdown: 20 %");
  });

  it("takes another limit without a restart", async () => {
    const { pid } = await spawned();
    await system.api("PATCH", `/bots/${id}/config`, { max_drawdown_pct: 27 });
    await until("it is applied", async () => (await system.bot(id)).applied_config_version === 2);
    expect((await spawned()).pid).toBe(pid);
    await run("Second question");
    expect(runs("Second question")[0]?.body).toContain("Largest drawdown: 27 %");
  });

  it("is stopped by a loss beyond its limit, and starts again when a person has lifted the hold", async () => {
    const report = { equity: 9_300, daily_pnl: -700, drawdown_pct: 7, trades_today: 1 };
    const path = join(await find("spawnpoint.json"), "../report.json");
    writeFileSync(`${path}.new`, JSON.stringify(report));
    renameSync(`${path}.new`, path);
    await until("it is held", async () => (await system.bot(id)).reason === "held_by_breach");
    await until("its workload has stopped", async () => (await workload()) === "stopped");
    rmSync(path);
    await system.api("POST", `/bots/${id}/holds/breach/release`, { reason: "looked at the trades" });
    await until("its workload runs again", async () => (await workload()) === "running");
    expect(await kinds()).toEqual(expect.arrayContaining(["limit_breached", "hold_placed", "hold_released"]));
  });

  it("is paused with a run in flight, which does not come back when it is resumed", async () => {
    model.held = "Never answered";
    await run("Never answered");
    await system.act(id, "pause");
    await until("it is paused", async () => (await system.bot(id)).status === "paused");
    const before = runs("Never answered").length;
    const ended = (await system.events(id)).findLast(({ kind }) => kind === "wind_down_ended");
    expect(ended?.data).toMatchObject({ how: "stopped" });
    await system.act(id, "resume");
    await until("it is online again", async () => (await system.bot(id)).status === "online");
    model.held = null;
    await run("After the pause");
    expect(runs("Never answered")).toHaveLength(before);
  });

  it("has left its key nowhere on the droplet's disk", async () => {
    const { found, files } = await searchFiles(await disk(), { key: KEY });
    expect(files).toBeGreaterThan(100);
    expect(found).toEqual({ key: [] });
  });

  it("is destroyed, with its droplet", async () => {
    const { pid } = await spawned();
    await system.api("DELETE", `/bots/${id}`);
    await until("it is destroyed", async () => (await system.bot(id)).status === "destroyed");
    expect(await system.dropletsOf(id)).toEqual([]);
    expect(() => process.kill(pid, 0)).toThrow();
  });
});
