/** The agent beside the stand-in for OpenClaw: keys that a provider takes or refuses, and runs that a kill has cut off. */
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GatewayClient } from "../../../bootstrap/agent/workload/gateway-client.ts";
import { ModelServer } from "../../../scripts/dev/model-server.ts";
import { agentConfig, configId } from "./fixtures/control-plane.ts";
import { agent, eachHasAnAgent, plane, running, until } from "./fixtures/one-agent.ts";

eachHasAnAgent();

const FIRST = "sk-first-model-key";
const SECOND = "sk-second-model-key";
const THIRD = "sk-third-model-key";
let model: ModelServer;

beforeEach(async () => {
  model = await new ModelServer().start();
  plane.order = "run";
  publish(1, FIRST);
});
afterEach(() => model.stop());

/** A config whose model is reached at a server of the customer's. */
function publish(version: number, key: string, llm_model = "own-server/trader:1"): string {
  const secrets = { llm_provider: "own-server", llm_api_key: key };
  plane.config = { ...agentConfig(plane.bot_id, version, key), llm_model, llm_base_url: model.url, secrets };
  return configId(version);
}

function start(): void {
  const command = join(agent.directory, "bin", "stand-in");
  const standIn = resolve("simulator/standins/openclaw.ts");
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${standIn}" "$@"\n`, { mode: 0o755 });
  agent.start({ WORKLOAD_COMMAND: command });
}

const acked = (id: string, ack: object) =>
  until(() => expect(plane.acks.findLast(({ config_id }) => config_id === id)).toMatchObject(ack));
const applied = (id: string) => acked(id, { result: "applied", workload: "running" });
const workload = () => plane.beats.at(-1)?.workload;
const asked = (key: string) => model.asked.filter(({ authorization }) => authorization === `Bearer ${key}`).length;
const starts = () => [...agent.output.matchAll(/"event":"workload_spawned","pid":(\d+),"port":(\d+)/g)];

describe("a key", () => {
  it("that the provider takes is asked about once, and not again after a restart", async () => {
    start();
    await applied(configId(1));
    expect(asked(FIRST)).toBe(1);
    await agent.kill("SIGTERM");
    agent.start();
    await until(() => expect(starts()).toHaveLength(2));
    await until(() => expect(running()).toBe(true));
    const restart = plane.command("restart");
    await until(() => expect(plane.result(restart)).toMatchObject({ ok: true }));
    expect(asked(FIRST)).toBe(1);
    expect(workload()).not.toHaveProperty("degraded");
  });

  it("that is refused fails a bot's first config", async () => {
    model.refused.add(FIRST);
    start();
    await acked(configId(1), { result: "failed", workload: "failed", reason: "own-server refused the API key" });
    await applied(publish(2, SECOND));
  });

  it("that is refused fails the config that brought it, and the one before goes on", async () => {
    start();
    await applied(configId(1));
    model.refused.add(SECOND);
    const id = publish(2, SECOND);
    await acked(id, { result: "failed", reason: "own-server refused the API key" });
    await until(() => expect(plane.beats.at(-1)).toMatchObject({ applied_config_id: configId(1) }));
    await until(() => expect(running()).toBe(true));
    expect(workload()).toMatchObject({ crashes: 0 });
    expect(workload()).not.toHaveProperty("degraded");
  });

  it("that was revoked meanwhile fails nothing: the bot says what it lacks, until it has another", async () => {
    start();
    await applied(configId(1));
    model.refused.add(FIRST);
    // The next one is refused for its model, so that the first comes back.
    model.unknown_model = "nobody";
    await acked(publish(2, THIRD, "own-server/nobody"), {
      result: "failed",
      reason: "own-server refused the model own-server/nobody",
    });
    await until(() => expect(workload()).toMatchObject({ state: "running", degraded: ["llm_auth"] }));
    expect(asked(FIRST)).toBe(2);
    await applied(publish(3, SECOND));
    await until(() => expect(workload()).not.toHaveProperty("degraded"));
  });

  it("of a bot that has run elsewhere before fails nothing", async () => {
    model.refused.add(FIRST);
    publish(4, FIRST);
    start();
    await applied(configId(4));
    await until(() => expect(workload()).toMatchObject({ state: "running", degraded: ["llm_auth"] }));
  });

  it("is not judged by a provider that wants money or does not answer", async () => {
    model.unpaid = true;
    start();
    await applied(configId(1));
    expect(workload()).not.toHaveProperty("degraded");
  });
});

describe("a run", () => {
  /** One that the model does not answer. */
  async function run(message: string): Promise<void> {
    const token = readFileSync(join(agent.state, "gateway.token"), "utf8").trim();
    const client = await GatewayClient.connect({ port: Number(starts().at(-1)?.[2]), token, timeout_ms: 10_000 });
    model.held = message;
    await client.call("agent", { message, sessionKey: "main", idempotencyKey: randomUUID() });
    await until(() => expect(runs(message)).toBe(1));
    client.close();
  }
  const runs = (message: string) => model.asked.filter(({ body }) => body.includes(message)).length;

  it("that a kill has cut off does not come back, and the control plane hears of it", async () => {
    start();
    await applied(configId(1));
    await run("Buy everything");
    process.kill(Number(starts().at(-1)?.[1]), "SIGKILL");
    await until(() => expect(workload()).toMatchObject({ state: "running", crashes: 1, aborted_runs: 1 }));
    expect(runs("Buy everything")).toBe(1);
    // Nor after an end in order.
    const restart = plane.command("restart");
    await until(() => expect(plane.result(restart)).toMatchObject({ ok: true }));
    expect(workload()).toMatchObject({ aborted_runs: 1 });
    expect(runs("Buy everything")).toBe(1);
  });

  it("that died with its agent does not come back either", async () => {
    start();
    await applied(configId(1));
    await run("Sell everything");
    const pid = Number(starts().at(-1)?.[1]);
    await agent.kill("SIGKILL");
    process.kill(pid, "SIGKILL");
    agent.start();
    await until(() => expect(workload()).toMatchObject({ state: "running", aborted_runs: 1 }));
    expect(runs("Sell everything")).toBe(1);
  });

  it("is not looked for after an end in order", async () => {
    start();
    await applied(configId(1));
    const restart = plane.command("restart");
    await until(() => expect(plane.result(restart)).toMatchObject({ ok: true }));
    expect(starts()).toHaveLength(2);
    expect(agent.output).not.toContain('"event":"interrupted_runs"');
  });
});
