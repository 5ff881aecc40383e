/** The agent as a whole: OpenClaw's own file found broken, something in the way of a start, and rules that change alone. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { agentConfig, configId } from "./fixtures/control-plane.ts";
import { agent, eachHasAnAgent, plane, running, until } from "./fixtures/one-agent.ts";

const KEY = "sk-good-one-key";

eachHasAnAgent();

const file = () => join(agent.workload_state, "openclaw.json");
const good = () => join(agent.state, "openclaw.good.json");
const starts = () => agent.workloadEvents.filter((event) => event.startsWith("started"));
const pidOfLast = () => Number(starts().at(-1)?.split(" ")[1]);
const applied = (id: string) =>
  until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: id, result: "applied", workload: "running" }));

/** The next one, with nothing but other limits. */
function publishRules(version: number, max_drawdown_pct: number, key = KEY): string {
  const next = agentConfig(plane.bot_id, version, key);
  plane.config = { ...next, risk_config: { ...next.risk_config, max_drawdown_pct } };
  return String(next.id);
}

beforeEach(async () => {
  plane.order = "run";
  agent.start();
  await applied(configId(1));
});

describe("openclaw.json", () => {
  it.each([
    ["cut off", '{"gateway":'],
    ["with a key that nobody knows", '{"nonsense":1}'],
  ])("found %s is set aside for that of the last healthy start", async (_, broken) => {
    writeFileSync(file(), JSON.stringify({ ...JSON.parse(readFileSync(file(), "utf8")), own: "kept" }));
    process.kill(pidOfLast(), "SIGKILL");
    await until(() => expect(readFileSync(good(), "utf8")).toContain("kept"));
    writeFileSync(file(), broken);
    process.kill(pidOfLast(), "SIGKILL");
    await until(() => expect(starts()).toHaveLength(3));
    await until(() => expect(running()).toBe(true));
    expect(JSON.parse(readFileSync(file(), "utf8"))).toMatchObject({ own: "kept", gateway: { mode: "local" } });
    const aside = readdirSync(agent.workload_state).find((name) => name.startsWith("openclaw.json.set-aside-"));
    expect(readFileSync(join(agent.workload_state, aside ?? ""), "utf8")).toBe(broken);
    expect(agent.output).toMatch(
      /"reason":"openclaw.json was invalid \(<root>: [^)]*\); it was set aside, and the one of/,
    );
    expect(plane.acks).toHaveLength(1);
    const next = plane.publish(2, "sk-good-two-key");
    await applied(next);
  });

  it("stays as it is when it is the config that makes it invalid", async () => {
    const before = readFileSync(file(), "utf8");
    const id = plane.publish(2, "sk-bad-config-key");
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: id, result: "failed" }));
    expect(starts().filter((event) => event.includes("bad-config"))).toEqual([]);
    expect(readFileSync(file(), "utf8")).toBe(before);
    expect(readdirSync(agent.workload_state).filter((name) => name.includes("aside"))).toEqual([]);
  });

  it("that nobody can be asked about is started with", async () => {
    await applied(plane.publish(2, "sk-unasked-key"));
    expect(agent.output).toContain('"event":"workload_config_unchecked","why":"the check ended with 2"');
  });
});

describe("something in the way of a start", () => {
  it("is waited for, and no fault of the config", async () => {
    const taken = join(agent.workload_state, "taken");
    writeFileSync(taken, "");
    const id = plane.publish(2, "sk-good-two-key");
    await until(() => expect(starts().length).toBeGreaterThan(5));
    expect(plane.acks).toHaveLength(1);
    expect(agent.output).toContain("exit code 78: the state directory is owned by another gateway");
    rmSync(taken);
    await applied(id);
  });
});

describe("a config with other rules and nothing else", () => {
  it("is applied to the running workload", async () => {
    const id = publishRules(2, 33);
    await applied(id);
    expect(starts()).toHaveLength(1);
    await until(() => expect(plane.beats.at(-1)).toMatchObject({ applied_config_id: id }));
    const rules = JSON.parse(readFileSync(join(agent.workload_state, "spawnpoint.json"), "utf8"));
    expect(rules).toMatchObject({ version: 2, risk_config: { max_drawdown_pct: 33 } });
    for (const path of ["AGENTS.md", "skills/spawnpoint-trading-rules/SKILL.md"]) {
      const text = readFileSync(join(agent.workload_state, "workspace", path), "utf8");
      expect(text).toContain("Largest drawdown: 33 %");
      expect(text).not.toContain("Largest drawdown: 10 %");
    }
    process.kill(pidOfLast(), "SIGKILL");
    await until(() => expect(starts()).toHaveLength(2));
    await until(() => expect(plane.beats.at(-1)).toMatchObject({ applied_config_id: id }));
    expect(JSON.parse(readFileSync(join(agent.workload_state, "spawnpoint.json"), "utf8"))).toMatchObject({
      version: 2,
    });
  });

  it("starts the workload anew when the key is another one too", async () => {
    await applied(publishRules(2, 33, "sk-good-two-key"));
    expect(starts()).toHaveLength(2);
  });

  it("starts the workload anew when its own file would change", async () => {
    plane.config = { ...agentConfig(plane.bot_id, 2, KEY), llm_model: "openai/gpt-6-astra" };
    await applied(configId(2));
    expect(starts()).toHaveLength(2);
  });
});
