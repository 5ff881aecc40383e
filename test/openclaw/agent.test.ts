/** Our agent supervises the real OpenClaw: it answers with the bot's own model and rules, and is seen when it hangs. */
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { GatewayClient } from "../../bootstrap/agent/workload/gateway-client.ts";
import { ModelServer } from "../../scripts/dev/model-server.ts";
import { COMMAND, VERSION } from "../../scripts/dev/openclaw.ts";
import { descendants, killTree } from "../fixtures/process-tree.ts";
import { AgentProcess } from "../unit/agent/fixtures/agent-process.ts";
import { agentConfig, configId, TestControlPlane } from "../unit/agent/fixtures/control-plane.ts";

const KEY = "sk-the-bots-own-key-0001";
const REFUSED_KEY = "sk-a-mistyped-key-0002";
const NEXT_KEY = "sk-the-bots-next-key-0003";
/** It takes 9 to 80 s to start, as busy as the machine is. */
const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 600_000, interval: 200 });

let model: ModelServer;
let plane: TestControlPlane;
let agent: AgentProcess;
const workload = () => plane.beats.at(-1)?.workload ?? plane.channel.statuses.at(-1)?.workload;

beforeAll(async () => {
  model = await new ModelServer().start();
  plane = await new TestControlPlane(randomUUID()).start();
  plane.order = "run";
  const own = { llm_model: "own-server/trader:1", llm_base_url: model.url };
  const secrets = { llm_provider: "own-server", llm_api_key: KEY };
  plane.config = { ...agentConfig(plane.bot_id, 1, KEY), ...own, secrets };
  agent = new AgentProcess(plane.bot_id, plane.url, {
    WORKLOAD_COMMAND: COMMAND,
    WORKLOAD_APPLY_DEADLINE_S: "600",
    WORKLOAD_DRAIN_S: "5",
    WORKLOAD_STOP_TIMEOUT_S: "30",
    WORKLOAD_HUNG_AFTER_S: "10",
  });
  agent.start();
});

afterAll(async () => {
  await agent?.kill("SIGTERM");
  const { pid } = spawned();
  if (isAlive(pid)) killTree(pid);
  await agent?.dispose();
  await plane?.stop();
  await model?.stop();
});

const isAlive = (pid: number) => pid > 1 && existsSync(`/proc/${pid}`);

/** Of the gateway that was started last. */
function spawned(): { pid: number; port: number } {
  const last = [...agent.output.matchAll(/"event":"workload_spawned","pid":(\d+),"port":(\d+)/g)].at(-1);
  return { pid: Number(last?.[1]), port: Number(last?.[2]) };
}

describe(`OpenClaw ${VERSION} under our agent`, () => {
  it("becomes ready with a config that its own check calls valid", async () => {
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ result: "applied", workload: "running" }));
    expect(workload()).toMatchObject({ state: "running", version: VERSION, restarts: 0 });
    expect(agent.output).toContain('"event":"model_asked","answer":"ok"');
    const path = join(agent.workload_state, "openclaw.json");
    // Not the tests' own environment: told that it is tested, it prints nothing.
    const env = { PATH: "/usr/bin:/bin", HOME: agent.directory, OPENCLAW_STATE_DIR: agent.workload_state };
    const said = execFileSync(COMMAND, ["config", "validate", "--json"], {
      env: { ...env, OPENCLAW_CONFIG_PATH: path, OPENCLAW_GATEWAY_TOKEN: "x", OWN_SERVER_API_KEY: "x" },
      encoding: "utf8",
    });
    expect(JSON.parse(said)).toMatchObject({ valid: true, warnings: [] });
    expect(readFileSync(path, "utf8")).not.toContain(KEY);
  });

  it("reaches the model with the bot's key, and with its risk limits in the text", async () => {
    const token = readFileSync(join(agent.state, "gateway.token"), "utf8").trim();
    const client = await GatewayClient.connect({ port: spawned().port, token, timeout_ms: 60_000 });
    // Shortly after it is ready it may refuse a first run.
    await until(() => client.call("agent", { message: "Hello", sessionKey: "main", idempotencyKey: randomUUID() }));
    const asked = await until(() => {
      const found = model.asked.find(({ body }) => body.includes("Hello"));
      expect(found).toBeDefined();
      return found;
    });
    client.close();
    expect(asked?.authorization).toBe(`Bearer ${KEY}`);
    for (const said of ["Trading rules", "Largest drawdown: 10 %", "spawnpoint-trading-rules"]) {
      expect(asked?.body).toContain(said);
    }
  });

  it("takes other risk limits while it runs, and tells them to the model", async () => {
    const { pid } = spawned();
    const { risk_config } = agentConfig(plane.bot_id, 2, KEY);
    const id = configId(2);
    plane.config = { ...plane.config, id, version: 2, risk_config: { ...risk_config, max_drawdown_pct: 27 } };
    const began_ms = performance.now();
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: id, result: "applied" }));
    console.log(`other risk limits were applied within ${Math.round(performance.now() - began_ms)} ms`);
    expect(spawned().pid).toBe(pid);
    const token = readFileSync(join(agent.state, "gateway.token"), "utf8").trim();
    const client = await GatewayClient.connect({ port: spawned().port, token, timeout_ms: 60_000 });
    await until(() => client.call("agent", { message: "Again", sessionKey: "main", idempotencyKey: randomUUID() }));
    const asked = await until(() => {
      const found = model.asked.find(({ body }) => body.includes("Again"));
      expect(found).toBeDefined();
      return found;
    });
    client.close();
    expect(asked?.body).toContain("Largest drawdown: 27 %");
    expect(asked?.body).not.toContain("Largest drawdown: 10 %");
  });

  it("goes on with the config before where the provider refuses the new key, and says that it refuses the old one", async () => {
    model.refused.add(REFUSED_KEY).add(KEY);
    const secrets = { llm_provider: "own-server", llm_api_key: REFUSED_KEY };
    plane.config = { ...plane.config, id: configId(3), version: 3, secrets };
    const reason = "own-server refused the API key";
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: configId(3), result: "failed", reason }));
    await until(() => expect(workload()).toMatchObject({ state: "running", degraded: ["llm_auth"], restarts: 0 }));
    expect(model.asked.at(-1)?.authorization).toBe(`Bearer ${KEY}`);
  });

  it("is itself again with a key that the provider takes", async () => {
    const id = configId(4);
    plane.config = { ...plane.config, id, version: 4, secrets: { llm_provider: "own-server", llm_api_key: NEXT_KEY } };
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: id, result: "applied" }));
    await until(() => expect(workload()).not.toHaveProperty("degraded"));
  });

  it("is ended and started again when it hangs", async () => {
    const { pid } = spawned();
    // A launcher stands in front of the gateway.
    const tree = [pid, ...descendants(pid)];
    for (const one of tree) process.kill(one, "SIGSTOP");
    await until(() => expect(spawned().pid).not.toBe(pid));
    await until(() => expect(workload()).toMatchObject({ state: "running", restarts: 1 }));
    expect(agent.output).toMatch(/"reason":"hung: no answer for \d+ s"/);
    await until(() => expect(tree.filter(isAlive)).toEqual([]));
  });

  it("starts again though its file was broken, with that of the last healthy start", async () => {
    const path = join(agent.workload_state, "openclaw.json");
    const before = readFileSync(path, "utf8");
    const { pid } = spawned();
    writeFileSync(path, '{"nonsense":1}');
    killTree(pid);
    await until(() => expect(spawned().pid).not.toBe(pid));
    await until(() => expect(workload()).toMatchObject({ state: "running" }));
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(JSON.parse(before));
    expect(agent.output).toContain("it was set aside, and the one of the last healthy start put in its place");
    expect(plane.acks.at(-1)).toMatchObject({ result: "applied" });
  });

  it("winds down with a run in flight, rung by rung, and the run does not come back", async () => {
    model.held = "Never answered";
    const runs = () => model.asked.filter(({ body }) => body.includes("Never answered")).length;
    const token = readFileSync(join(agent.state, "gateway.token"), "utf8").trim();
    const { pid, port } = spawned();
    const tree = [pid, ...descendants(pid)];
    const client = await GatewayClient.connect({ port, token, timeout_ms: 60_000 });
    const run = { message: "Never answered", sessionKey: "main" };
    await until(() => client.call("agent", { ...run, idempotencyKey: randomUUID() }));
    await until(() => expect(runs()).toBeGreaterThan(0));
    client.close();
    const said = agent.output.length;
    const began_ms = performance.now();
    plane.order = "stop";
    await until(() => expect(workload()).toMatchObject({ state: "stopped" }));
    const took_s = Math.round((performance.now() - began_ms) / 1000);
    const rungs = [...agent.output.slice(said).matchAll(/"event":"workload_wind_down","rung":"(\w+)"/g)];
    console.log(`a run in flight: stopped within ${took_s} s of the order by ${rungs.map(([, rung]) => rung)}`);
    expect(rungs.map(([, rung]) => rung)).toEqual(["drain", "abort", "term"]);
    expect(agent.output.slice(said)).not.toContain("gateway_not_drained");
    await until(() => expect(tree.filter(isAlive)).toEqual([]));
    expect(existsSync(join(agent.workload_state, "wind-down.json"))).toBe(true);
    const before = runs();
    plane.order = "run";
    await until(() => expect(workload()).toMatchObject({ state: "running" }));
    // It would have been resumed within seconds of its readiness.
    await new Promise((done) => setTimeout(done, 20_000));
    expect(runs()).toBe(before);
    expect(existsSync(join(agent.workload_state, "wind-down.json"))).toBe(false);
    model.held = null;
  });

  it("does not take up again what a kill has cut off, and is fit for more", async () => {
    model.held = "Cut off by a kill";
    const runs = (text: string) => model.asked.filter(({ body }) => body.includes(text)).length;
    const token = readFileSync(join(agent.state, "gateway.token"), "utf8").trim();
    const ask = async (message: string) => {
      const client = await GatewayClient.connect({ port: spawned().port, token, timeout_ms: 60_000 });
      await until(() => client.call("agent", { message, sessionKey: "main", idempotencyKey: randomUUID() }));
      await until(() => expect(runs(message)).toBeGreaterThan(0));
      client.close();
    };
    await ask("Cut off by a kill");
    const before = runs("Cut off by a kill");
    const { pid } = spawned();
    killTree(pid);
    await until(() => expect(spawned().pid).not.toBe(pid));
    await until(() => expect(workload()).toMatchObject({ state: "running", aborted_runs: 1 }));
    // It would have been resumed within seconds of its readiness.
    await new Promise((done) => setTimeout(done, 20_000));
    expect(runs("Cut off by a kill")).toBe(before);
    model.held = null;
    await ask("Anything new?");
  });

  it("leaves no key on the disk", async () => {
    await agent.kill("SIGTERM");
    for (const key of [KEY, REFUSED_KEY, NEXT_KEY]) expect(agent.everythingOnDisk).not.toContain(key);
  });
});
